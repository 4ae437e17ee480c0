#include <algorithm>
#include <array>

#include "dht/base/assert.hpp"
#include "dht/base/limits.hpp"
#include "dht/wire/codec/bencode_writer.hpp"
#include "dht/wire/codec/codec.hpp"
#include "dht/wire/codec/wire_format.hpp"

namespace rondo::dht::wire {
namespace {

/// Each body writes its whole dictionary, the fields that all have among them: keys are sorted across both.
class Encoder {
 public:
  Encoder(std::size_t expected_size, Family family) : writer_(expected_size), family_(family) {}

  void message(const Query& query);
  void message(const Reply& reply);
  void message(const Error& error);
  Bytes take() && { return std::move(writer_).take(); }

 private:
  // Each writes a whole `a` dictionary.
  void arguments(const Query& query, const Ping&) { plain_arguments(query); }
  void arguments(const Query& query, const Notify&) { plain_arguments(query); }
  void arguments(const Query& query, const FindSuccessor& body);
  void arguments(const Query& query, const Neighbors& body);
  void arguments(const Query& query, const GetPeers& body);
  void arguments(const Query& query, const AnnouncePeer& body);

  // Each writes a whole `r` dictionary.
  void values(const Reply& reply, const PingReply&) { plain_values(reply); }
  void values(const Reply& reply, const NotifyReply&) { plain_values(reply); }
  void values(const Reply& reply, const AnnouncePeerReply&) { plain_values(reply); }
  void values(const Reply& reply, const FindSuccessorReply& body);
  void values(const Reply& reply, const NeighborsReply& body);
  void values(const Reply& reply, const GetPeersReply& body);

  void plain_arguments(const Query& query);
  void plain_values(const Reply& reply);

  void string(std::string_view key, ByteView bytes);
  void flag(std::string_view key, bool set);
  void pad(const Query& query);
  void token(const Query& query);
  void contact(std::string_view key, const std::optional<Contact>& contact);
  void contacts(const std::vector<Contact>& contacts);
  void tail(const Header& header, std::string_view kind);

  void append(Bytes& out, const Endpoint& endpoint) const;
  void append(Bytes& out, const Contact& contact) const;

  BencodeWriter writer_;
  Family family_;
};

void Encoder::string(std::string_view key, ByteView bytes) {
  writer_.key(key);
  writer_.string(bytes);
}

void Encoder::flag(std::string_view key, bool set) {
  if (!set) return;
  writer_.key(key);
  writer_.integer(1);
}

void Encoder::pad(const Query& query) {
  if (query.pad == 0) return;
  writer_.key(key::kPad);
  writer_.zeros(query.pad);
}

void Encoder::token(const Query& query) {
  if (query.token) string(key::kToken, *query.token);
}

void Encoder::append(Bytes& out, const Endpoint& endpoint) const {
  RONDO_ASSERT(endpoint.family == family_);
  const ByteView address = endpoint.address_bytes();
  out.insert(out.end(), address.begin(), address.end());
  out.push_back(static_cast<std::uint8_t>(endpoint.port >> 8));
  out.push_back(static_cast<std::uint8_t>(endpoint.port & 0xff));
}

void Encoder::append(Bytes& out, const Contact& contact) const {
  out.insert(out.end(), contact.id.bytes.begin(), contact.id.bytes.end());
  append(out, contact.endpoint);
}

void Encoder::contact(std::string_view key, const std::optional<Contact>& contact) {
  if (!contact) return;
  Bytes compact;
  append(compact, *contact);
  string(key, compact);
}

void Encoder::contacts(const std::vector<Contact>& contacts) {
  if (contacts.empty()) return;
  Bytes compact;
  compact.reserve(contacts.size() * compact_contact_size(family_));
  for (const Contact& contact : contacts) append(compact, contact);
  string(nodes_key(family_), compact);
}

void Encoder::plain_arguments(const Query& query) {
  writer_.begin_dictionary();
  string(key::kId, query.sender.view());
  pad(query);
  token(query);
  writer_.end();
}

void Encoder::arguments(const Query& query, const FindSuccessor& body) {
  writer_.begin_dictionary();
  string(key::kId, query.sender.view());
  pad(query);
  string(key::kTarget, body.target.view());
  token(query);
  writer_.end();
}

void Encoder::arguments(const Query& query, const Neighbors& body) {
  writer_.begin_dictionary();
  if (body.known_list != 0) {
    std::array<std::uint8_t, 8> hash{};
    for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::uint8_t>(body.known_list >> (56 - 8 * i));
    string(key::kKnownList, hash);
  }
  string(key::kId, query.sender.view());
  pad(query);
  token(query);
  writer_.end();
}

void Encoder::arguments(const Query& query, const GetPeers& body) {
  writer_.begin_dictionary();
  string(key::kId, query.sender.view());
  string(key::kInfoHash, body.key.view());
  pad(query);
  token(query);
  writer_.end();
}

void Encoder::arguments(const Query& query, const AnnouncePeer& body) {
  writer_.begin_dictionary();
  flag(key::kBye, body.withdraw);
  string(key::kId, query.sender.view());
  string(key::kInfoHash, body.key.view());
  pad(query);
  writer_.key(key::kPort);
  writer_.integer(body.port);
  token(query);
  writer_.end();
}

void Encoder::plain_values(const Reply& reply) {
  writer_.begin_dictionary();
  string(key::kId, reply.sender.view());
  string(key::kToken, reply.token);
  writer_.end();
}

void Encoder::values(const Reply& reply, const FindSuccessorReply& body) {
  writer_.begin_dictionary();
  flag(key::kCovers, body.covers);
  string(key::kId, reply.sender.view());
  contacts(body.contacts);
  contact(key::kPrevious, body.previous);
  string(key::kToken, reply.token);
  writer_.end();
}

void Encoder::values(const Reply& reply, const NeighborsReply& body) {
  writer_.begin_dictionary();
  flag(key::kComplete, body.complete);
  string(key::kId, reply.sender.view());
  contacts(body.successors);
  contact(key::kPredecessor, body.predecessor);
  flag(key::kUnchanged, body.unchanged);
  string(key::kToken, reply.token);
  writer_.end();
}

void Encoder::values(const Reply& reply, const GetPeersReply& body) {
  writer_.begin_dictionary();
  string(key::kId, reply.sender.view());
  string(key::kToken, reply.token);
  if (!body.peers.empty()) {
    writer_.key(key::kValues);
    writer_.begin_list();
    for (const Endpoint& peer : body.peers) {
      Bytes compact;
      append(compact, peer);
      writer_.string(compact);
    }
    writer_.end();
  }
  writer_.end();
}

/// The keys after the last one that differs by kind.
void Encoder::tail(const Header& header, std::string_view kind) {
  flag(key::kReadOnly, header.read_only);
  string(key::kTransaction, header.transaction);
  string(key::kVersion, kVersion);
  writer_.key(key::kKind);
  writer_.string(kind);
}

void Encoder::message(const Query& query) {
  writer_.begin_dictionary();
  writer_.key(key::kArguments);
  std::visit([&](const auto& body) { arguments(query, body); }, query.body);
  string(key::kNetwork, query.header.network);
  writer_.key(key::kMethod);
  writer_.string(name_of(method_of(query.body)));
  tail(query.header, kind::kQuery);
  writer_.end();
}

void Encoder::message(const Reply& reply) {
  Bytes observed;
  append(observed, reply.observed);
  writer_.begin_dictionary();
  string(key::kObserved, observed);
  writer_.key(key::kMethodIndex);
  writer_.integer(static_cast<std::uint64_t>(method_of(reply.body)));
  string(key::kNetwork, reply.header.network);
  writer_.key(key::kReply);
  std::visit([&](const auto& body) { values(reply, body); }, reply.body);
  tail(reply.header, kind::kReply);
  writer_.end();
}

void Encoder::message(const Error& error) {
  writer_.begin_dictionary();
  writer_.key(key::kError);
  writer_.begin_list();
  writer_.integer(error.code);
  writer_.string(std::string_view(error.text));
  writer_.end();
  string(key::kNetwork, error.header.network);
  tail(error.header, kind::kError);
  writer_.end();
}

}  // namespace

Bytes encode(const Message& message, Family family) {
  const std::size_t size = encoded_size(message, family);
  RONDO_ASSERT(size <= limits::kDatagram);
  Encoder encoder(size, family);
  std::visit([&encoder](const auto& kind) { encoder.message(kind); }, message);
  Bytes datagram = std::move(encoder).take();
  RONDO_ASSERT(datagram.size() == size);
  return datagram;
}

}  // namespace rondo::dht::wire
