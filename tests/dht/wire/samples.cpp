#include "tests/dht/wire/samples.hpp"

#include <algorithm>
#include <cstdio>

#include "dht/base/crypto.hpp"
#include "dht/base/limits.hpp"

namespace rondo::dht::wire::test {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N - 1> text_bytes(const char (&text)[N]) {
  std::array<std::uint8_t, N - 1> out{};
  std::copy_n(text, N - 1, out.begin());
  return out;
}

const RingId kAsker{text_bytes("asker-id-20-bytes---")};
const RingId kAnswerer{text_bytes("answerer-id-20-bytes")};
const RingId kKey{text_bytes("key-or-info-hash-20b")};
constexpr Token kToken = {'t', 'o', 'k', 'e', 'n', '-', '8', 'b'};

Header sample_header() {
  Header header;
  header.transaction = {'t', 'r', 'a', 'n', 's', '-', '0', '1'};
  const Sha256 hash = sha256(as_bytes("rondo/1"));
  std::copy_n(hash.begin(), header.network.size(), header.network.begin());
  return header;
}

Error sample_error(ErrorCode code, std::string text) {
  return {sample_header(), static_cast<std::uint16_t>(code), std::move(text)};
}

std::vector<Endpoint> sample_peers(unsigned count, Family family) {
  std::vector<Endpoint> peers;
  for (const Contact& contact : sample_contacts(count, family)) peers.push_back(contact.endpoint);
  return peers;
}

void add_queries(std::vector<Sample>& out) {
  const auto add = [&out](const char* name, Query query) { out.push_back({name, Family::kV4, std::move(query)}); };
  add("ping_query", sample_query(Ping{}));

  Query first = sample_query(Ping{});
  first.token.reset();
  first.header.read_only = true;
  pad_to(first, largest_reply(Method::kPing, Family::kV4), Family::kV4);
  add("ping_query_without_token", first);

  add("find_successor_query", sample_query(FindSuccessor{kKey}));
  Query lookup = sample_query(FindSuccessor{kKey});
  lookup.token.reset();
  pad_to(lookup, largest_reply(Method::kFindSuccessor, Family::kV4), Family::kV4);
  add("find_successor_query_without_token", lookup);

  add("neighbors_query", sample_query(Neighbors{0x686173682d382d62}));
  add("neighbors_query_without_list", sample_query(Neighbors{}));
  add("notify_query", sample_query(Notify{}));
  add("get_peers_query", sample_query(GetPeers{kKey}));
  add("announce_peer_query", sample_query(AnnouncePeer{kKey, 51413, false}));
  add("announce_peer_query_bye", sample_query(AnnouncePeer{kKey, 1, true}));
}

void add_replies(std::vector<Sample>& out, Family family) {
  const auto add = [&out, family](const std::string& name, ReplyBody body) {
    out.push_back({name + family_suffix(family), family, sample_reply(std::move(body), family)});
  };
  add("ping_reply", PingReply{});
  Reply reading = sample_reply(PingReply{}, family);
  reading.header.read_only = true;
  out.push_back({std::string("ping_reply_read_only") + family_suffix(family), family, reading});

  add("find_successor_reply", FindSuccessorReply{false, std::nullopt, sample_contacts(2, family)});
  add("find_successor_reply_covers", FindSuccessorReply{true, sample_contact(9, family), sample_contacts(2, family)});
  add("find_successor_reply_largest",
      FindSuccessorReply{true, sample_contact(9, family), sample_contacts(limits::kStepContacts, family)});
  add("neighbors_reply", NeighborsReply{sample_contact(9, family), false, true, sample_contacts(2, family)});
  add("neighbors_reply_same", NeighborsReply{sample_contact(9, family), true, false, {}});
  add("neighbors_reply_alone", NeighborsReply{std::nullopt, false, true, {}});
  add("neighbors_reply_largest",
      NeighborsReply{sample_contact(99, family), false, true, sample_contacts(limits::kSuccessors, family)});
  add("notify_reply", NotifyReply{});
  add("get_peers_reply", GetPeersReply{sample_peers(2, family)});
  add("get_peers_reply_none", GetPeersReply{});
  add("get_peers_reply_largest", GetPeersReply{sample_peers(limits::kAnswerPeers, family)});
  add("announce_peer_reply", AnnouncePeerReply{});
}

}  // namespace

const char* family_suffix(Family family) { return family == Family::kV4 ? "_v4" : "_v6"; }

Query sample_query(QueryBody body) {
  Query query;
  query.header = sample_header();
  query.sender = kAsker;
  query.token = kToken;
  query.body = std::move(body);
  return query;
}

Reply sample_reply(ReplyBody body, Family family) {
  Reply reply;
  reply.header = sample_header();
  reply.sender = kAnswerer;
  reply.token = kToken;
  reply.observed = sample_contact(200, family).endpoint;
  reply.body = std::move(body);
  return reply;
}

Contact sample_contact(unsigned number, Family family) {
  Contact contact;
  char name[RingId::kSize + 1] = {};
  std::snprintf(name, sizeof name, "contact-id-20-by-%03u", number % 1000);
  std::copy_n(name, RingId::kSize, contact.id.bytes.begin());
  contact.endpoint = Endpoint::v4(198, 51, 100, static_cast<std::uint8_t>(number), 6881);
  if (family == Family::kV6) {
    contact.endpoint.family = family;
    contact.endpoint.address = {0x20, 0x01, 0x0d, 0xb8};
    contact.endpoint.address[15] = static_cast<std::uint8_t>(number);
  }
  return contact;
}

std::vector<Contact> sample_contacts(unsigned count, Family family) {
  std::vector<Contact> contacts;
  for (unsigned i = 1; i <= count; ++i) contacts.push_back(sample_contact(i, family));
  return contacts;
}

std::vector<Sample> samples() {
  std::vector<Sample> out;
  add_queries(out);
  add_replies(out, Family::kV4);
  add_replies(out, Family::kV6);
  out.push_back({"error_not_a_member", Family::kV4, sample_error(ErrorCode::kNotAMember, "not a member")});
  out.push_back({"error_without_text", Family::kV4, sample_error(ErrorCode::kUnknownMethod, "")});
  out.push_back({"error_largest", Family::kV4, sample_error(ErrorCode{65535}, std::string(limits::kErrorText, 'x'))});
  return out;
}

}  // namespace rondo::dht::wire::test
