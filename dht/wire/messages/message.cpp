#include "dht/wire/messages/message.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "dht/base/assert.hpp"
#include "dht/base/limits.hpp"

namespace rondo::dht::wire {
namespace {

// Bencode arithmetic. The codec does not use it: that both agree is a property test, not a tautology.

constexpr std::size_t decimal_digits(std::size_t number) {
  std::size_t digits = 1;
  for (; number >= 10; number /= 10) ++digits;
  return digits;
}
constexpr std::size_t string_size(std::size_t length) { return decimal_digits(length) + 1 + length; }
constexpr std::size_t integer_size(std::size_t number) { return 2 + decimal_digits(number); }
constexpr std::size_t container_size(std::size_t content) { return 2 + content; }

constexpr std::size_t field(std::string_view key, std::size_t value_size) {
  return string_size(key.size()) + value_size;
}
constexpr std::size_t string_field(std::string_view key, std::size_t length) { return field(key, string_size(length)); }
/// A flag is written only when it is true.
constexpr std::size_t flag_field(std::string_view key, bool set) { return set ? field(key, integer_size(1)) : 0; }

constexpr std::size_t contact_size(Family family) { return RingId::kSize + compact_size(family); }

std::size_t contact_field(std::string_view key, const std::optional<Contact>& contact, Family family) {
  return contact ? string_field(key, contact_size(family)) : 0;
}

std::size_t contacts_field(const std::vector<Contact>& contacts, std::size_t most, Family family) {
  RONDO_ASSERT(contacts.size() <= most);
  if (contacts.empty()) return 0;
  return string_field(family == Family::kV4 ? "nodes" : "nodes6", contacts.size() * contact_size(family));
}

// Arguments of queries, without `id`, `pad` and `token`.

std::size_t arguments_size(const Ping&) { return 0; }
std::size_t arguments_size(const FindSuccessor&) { return string_field("target", RingId::kSize); }
std::size_t arguments_size(const Neighbors& body) { return body.known_list == 0 ? 0 : string_field("h", 8); }
std::size_t arguments_size(const Notify&) { return 0; }
std::size_t arguments_size(const GetPeers&) { return string_field("info_hash", RingId::kSize); }
std::size_t arguments_size(const AnnouncePeer& body) {
  RONDO_ASSERT(body.port != 0);
  return flag_field("bye", body.withdraw) + string_field("info_hash", RingId::kSize) +
         field("port", integer_size(body.port));
}

// Values of answers, without `id` and `token`.

std::size_t values_size(const PingReply&, Family) { return 0; }
std::size_t values_size(const FindSuccessorReply& body, Family family) {
  RONDO_ASSERT(body.covers || !body.previous);
  return flag_field("c", body.covers) + contacts_field(body.contacts, limits::kStepContacts, family) +
         contact_field("prev", body.previous, family);
}
std::size_t values_size(const NeighborsReply& body, Family family) {
  RONDO_ASSERT(!body.unchanged || body.successors.empty());
  return flag_field("full", body.complete) + contacts_field(body.successors, limits::kSuccessors, family) +
         contact_field("p", body.predecessor, family) + flag_field("same", body.unchanged);
}
std::size_t values_size(const NotifyReply&, Family) { return 0; }
std::size_t values_size(const GetPeersReply& body, Family family) {
  RONDO_ASSERT(body.peers.size() <= limits::kAnswerPeers);
  if (body.peers.empty()) return 0;
  return field("values", container_size(body.peers.size() * string_size(compact_size(family))));
}
std::size_t values_size(const AnnouncePeerReply&, Family) { return 0; }

/// `n`, `ro`, `t`, `v` and `y`: what queries, answers and errors share.
std::size_t envelope_size(const Header& header) {
  return string_field("n", sizeof(NetworkTag)) + flag_field("ro", header.read_only) +
         string_field("t", sizeof(TransactionId)) + string_field("v", 4) + string_field("y", 1);
}

std::size_t size_of(const Query& query, Family) {
  const std::size_t arguments = std::visit([](const auto& body) { return arguments_size(body); }, query.body) +
                                string_field("id", RingId::kSize) +
                                (query.pad == 0 ? 0 : string_field("pad", query.pad)) +
                                (query.token ? string_field("token", sizeof(Token)) : 0);
  return container_size(envelope_size(query.header) + field("a", container_size(arguments)) +
                        string_field("q", name_of(method_of(query.body)).size()));
}

std::size_t size_of(const Reply& reply, Family family) {
  const std::size_t values = std::visit([family](const auto& body) { return values_size(body, family); }, reply.body) +
                             string_field("id", RingId::kSize) + string_field("token", sizeof(Token));
  return container_size(envelope_size(reply.header) + string_field("ip", compact_size(family)) +
                        field("m", integer_size(reply.body.index())) + field("r", container_size(values)));
}

std::size_t size_of(const Error& error, Family) {
  RONDO_ASSERT(error.text.size() <= limits::kErrorText);
  return container_size(envelope_size(error.header) +
                        field("e", container_size(integer_size(error.code) + string_size(error.text.size()))));
}

ReplyBody largest_body(Method method) {
  switch (method) {
    case Method::kPing: return PingReply{};
    case Method::kFindSuccessor:
      return FindSuccessorReply{true, Contact{}, std::vector<Contact>(limits::kStepContacts)};
    case Method::kNeighbors: return NeighborsReply{Contact{}, false, true, std::vector<Contact>(limits::kSuccessors)};
    case Method::kNotify: return NotifyReply{};
    case Method::kGetPeers: return GetPeersReply{std::vector<Endpoint>(limits::kAnswerPeers)};
    case Method::kAnnouncePeer: return AnnouncePeerReply{};
  }
  RONDO_ASSERT(false);
}

std::array<std::size_t, kMethods> largest_replies(Family family) {
  std::array<std::size_t, kMethods> sizes{};
  for (std::size_t i = 0; i < kMethods; ++i) {
    Reply reply;
    reply.header.read_only = true;
    reply.body = largest_body(static_cast<Method>(i));
    sizes[i] = size_of(reply, family);
  }
  return sizes;
}

/// FNV-1a, 64 bits.
class Fnv {
 public:
  void add(std::uint8_t byte) { state_ = (state_ ^ byte) * 0x100000001b3; }
  void add(ByteView bytes) {
    for (const std::uint8_t byte : bytes) add(byte);
  }
  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

}  // namespace

std::string_view name_of(Method method) {
  switch (method) {
    case Method::kPing: return "ping";
    case Method::kFindSuccessor: return "find_successor";
    case Method::kNeighbors: return "neighbors";
    case Method::kNotify: return "notify";
    case Method::kGetPeers: return "get_peers";
    case Method::kAnnouncePeer: return "announce_peer";
  }
  RONDO_ASSERT(false);
}

bool needs_token(Method method) { return method == Method::kNotify || method == Method::kAnnouncePeer; }

const Header& header_of(const Message& message) {
  return std::visit([](const auto& kind) -> const Header& { return kind.header; }, message);
}

std::size_t encoded_size(const Message& message, Family family) {
  return std::visit([family](const auto& kind) { return size_of(kind, family); }, message);
}

std::size_t largest_reply(Method method, Family family) {
  static const auto kV4 = largest_replies(Family::kV4);
  static const auto kV6 = largest_replies(Family::kV6);
  return (family == Family::kV4 ? kV4 : kV6)[static_cast<std::size_t>(method)];
}

void pad_to(Query& query, std::size_t wanted, Family family) {
  query.pad = 0;
  const std::size_t bare = size_of(query, family);
  const std::size_t room = limits::kDatagram - std::min(bare, limits::kDatagram);
  const std::size_t missing = std::min(wanted - std::min(bare, wanted), room);
  if (missing == 0) return;
  // The field's own key and length cost 7 to 10 bytes, so sizes are not contiguous: the shortest pad that reaches
  // `missing`, or else the longest that stays within the datagram.
  std::size_t pad = missing - std::min<std::size_t>(missing, string_field("pad", 0) + decimal_digits(missing) - 1);
  pad = std::max<std::size_t>(pad, 1);
  while (string_field("pad", pad) < missing) ++pad;
  while (pad > 0 && string_field("pad", pad) > room) --pad;
  query.pad = static_cast<std::uint16_t>(pad);
}

std::uint64_t list_hash(const std::vector<Contact>& successors, bool complete) {
  Fnv hash;
  for (const Contact& contact : successors) {
    hash.add(contact.id.view());
    hash.add(contact.endpoint.address_bytes());
    hash.add(static_cast<std::uint8_t>(contact.endpoint.port >> 8));
    hash.add(static_cast<std::uint8_t>(contact.endpoint.port & 0xff));
  }
  hash.add(static_cast<std::uint8_t>(complete ? 1 : 0));
  return hash.value() == 0 ? 1 : hash.value();
}

}  // namespace rondo::dht::wire
