// The answering side of a node: whom it answers, with how much, and what an answer may change.
#include "dht/chord/ring_node.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "dht/base/limits.hpp"
#include "tests/dht/chord/town.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;
using test::Town;

Endpoint inside(std::uint8_t host, std::uint16_t port = 6881) { return Endpoint::v4(10, 0, 0, host, port); }

constexpr wire::Method kAllMethods[] = {wire::Method::kPing,      wire::Method::kFindSuccessor,
                                        wire::Method::kNeighbors, wire::Method::kNotify,
                                        wire::Method::kGetPeers,  wire::Method::kAnnouncePeer};

wire::QueryBody body_of(wire::Method method, Rng& rng) {
  switch (method) {
    case wire::Method::kPing: return wire::Ping{};
    case wire::Method::kFindSuccessor: return wire::FindSuccessor{RingId{rng.bytes<20>()}};
    case wire::Method::kNeighbors: return wire::Neighbors{rng.below(2) == 0 ? 0 : rng.next()};
    case wire::Method::kNotify: return wire::Notify{};
    case wire::Method::kGetPeers: return wire::GetPeers{RingId{rng.bytes<20>()}};
    case wire::Method::kAnnouncePeer: return wire::AnnouncePeer{RingId{rng.bytes<20>()}, 7000, rng.below(2) == 0};
  }
  return wire::Ping{};
}

wire::Query query_of(const Town& town, wire::QueryBody body, Rng& rng) {
  wire::Query query;
  query.header = {rng.bytes<8>(), town.config.network, false};
  query.sender = RingId{rng.bytes<20>()};
  query.body = std::move(body);
  return query;
}

/// A member with a full list, neighbours and a store worth asking for: the first of a ring of 20.
class InRing : public testing::Test {
 protected:
  explicit InRing(ChordConfig config = {}) : town(1, config) {
    for (std::uint8_t i = 1; i <= 20; ++i) town.add(endpoint(i));
    town.serve_alone(town.node(0));
    for (std::size_t i = 1; i < 20; ++i) {
      town.join(town.node(i), endpoint(1));
      town.run_for(200ms);
    }
    town.run_for(2min);
    EXPECT_EQ(member().ring().successors().entries().size(), 16u);
    EXPECT_TRUE(member().ring().predecessor().has_value());
  }

  [[nodiscard]] Endpoint endpoint(std::uint8_t host) const {
    if (town.config.family == Family::kV4) return inside(host);
    Endpoint v6;
    v6.family = Family::kV6;
    v6.address[0] = 0xfd;
    v6.address[15] = host;
    v6.port = 6881;
    return v6;
  }
  RingNode& member() { return town.node(0); }
  wire::Query query(wire::QueryBody body) { return query_of(town, std::move(body), rng); }
  /// The token that the member gives to this endpoint.
  wire::Token token_for(const Endpoint& asker) {
    wire::Query ping = query(wire::Ping{});
    wire::pad_to(ping, wire::largest_reply(wire::Method::kPing, town.config.family), town.config.family);
    const auto sends = town.tell(member(), asker, ping);
    EXPECT_EQ(sends.size(), 1u);
    return std::get<wire::Reply>(sends.at(0).message).token;
  }
  void fill_store(const RingId& key) {
    for (std::uint16_t port = 1; port <= 60; ++port) {
      wire::Query announce = query(wire::AnnouncePeer{key, port, false});
      announce.token = token_for(endpoint(99));
      town.tell(member(), endpoint(99), announce);
    }
    ASSERT_EQ(member().store().announcements(), 60u);
  }

  Town town;
  Rng rng{7};
};

class InRing6 : public InRing {
 protected:
  static ChordConfig v6() {
    ChordConfig config;
    config.family = Family::kV6;
    return config;
  }
  InRing6() : InRing(v6()) {}
};

const wire::Error* error_in(const std::vector<Send>& sends) {
  return sends.size() == 1 ? std::get_if<wire::Error>(&sends[0].message) : nullptr;
}
/// The answer among what was sent; a query of our own may have been set off as well.
const wire::Reply* reply_in(const std::vector<Send>& sends) {
  for (const Send& send : sends)
    if (const auto* reply = std::get_if<wire::Reply>(&send.message)) return reply;
  return nullptr;
}

// --- networks -------------------------------------------------------------------------------------------------------

TEST_F(InRing, messages_of_another_network_get_silence) {
  for (const wire::Method method : kAllMethods) {
    wire::Query foreign = query(body_of(method, rng));
    foreign.token = token_for(endpoint(99));
    foreign.header.network = network_tag("another");
    EXPECT_TRUE(town.tell(member(), endpoint(99), foreign, limits::kDatagram).empty());
  }
  EXPECT_EQ(member().store().announcements(), 0u);
}

TEST_F(InRing, answers_echo_the_transaction_and_tell_the_asker_its_endpoint) {
  for (const wire::Method method : kAllMethods) {
    wire::Query asked = query(body_of(method, rng));
    asked.token = token_for(endpoint(99));
    const auto sends = town.tell(member(), endpoint(99), asked);
    const auto* reply = reply_in(sends);
    ASSERT_NE(reply, nullptr) << wire::name_of(method);
    for (const Send& send : sends)
      EXPECT_TRUE(send.to == endpoint(99) || std::holds_alternative<wire::Query>(send.message));
    EXPECT_EQ(reply->header.transaction, asked.header.transaction);
    EXPECT_EQ(reply->sender, member().self().id);
    EXPECT_EQ(reply->observed, endpoint(99));
    EXPECT_FALSE(reply->header.read_only);
    EXPECT_EQ(wire::method_of(reply->body), method);
  }
}

// --- nodes that are no members --------------------------------------------------------------------------------------

void expect_answers_ping_only(Town& town, RingNode& node) {
  Rng rng(3);
  for (const wire::Method method : kAllMethods) {
    const auto sends = town.tell(node, inside(99), query_of(town, body_of(method, rng), rng), limits::kDatagram);
    ASSERT_EQ(sends.size(), 1u) << wire::name_of(method);
    EXPECT_TRUE(wire::header_of(sends[0].message).read_only);
    if (method == wire::Method::kPing) {
      EXPECT_NE(reply_in(sends), nullptr);
      continue;
    }
    const auto* error = error_in(sends);
    ASSERT_NE(error, nullptr) << wire::name_of(method);
    EXPECT_EQ(error->code, static_cast<std::uint16_t>(wire::ErrorCode::kNotAMember));
  }
}

TEST(NonMember, client_answers_ping_with_ro_and_refuses_the_rest) {
  Town town(1);
  RingNode& client = town.add(inside(1));
  EXPECT_EQ(client.role(), Role::kClient);
  expect_answers_ping_only(town, client);
}

TEST(NonMember, joiner_without_a_ring_answers_ping_with_ro_and_refuses_the_rest) {
  Town town(1);
  RingNode& joiner = town.add(inside(1));
  town.join(joiner, inside(50));
  EXPECT_EQ(joiner.role(), Role::kJoining);
  expect_answers_ping_only(town, joiner);
}

TEST_F(InRing, leaver_answers_ping_with_ro_and_refuses_the_rest) {
  town.act(member(), [&](RingOutbox& out) { member().leave(town.now, out); });
  EXPECT_EQ(member().role(), Role::kLeaving);
  expect_answers_ping_only(town, member());
}

TEST(NonMember, refusal_that_is_longer_than_the_query_is_not_sent) {
  Town town(1);
  RingNode& client = town.add(inside(1));
  Rng rng(1);
  const wire::Query asked = query_of(town, wire::Neighbors{}, rng);
  wire::Error refusal;
  refusal.header = {asked.header.transaction, town.config.network, true};
  refusal.code = static_cast<std::uint16_t>(wire::ErrorCode::kNotAMember);
  refusal.text = "not a member";
  const std::size_t size = wire::encoded_size(refusal, Family::kV4);
  EXPECT_TRUE(town.tell(client, inside(99), asked, size - 1).empty());
  EXPECT_EQ(town.tell(client, inside(99), asked, size).size(), 1u);
}

// --- remembered endpoints ------------------------------------------------------------------------------------------

TEST(Remembered, beyond_the_bound_the_one_unheard_for_longest_is_forgotten) {
  Town town(1);
  RingNode& node = town.add(inside(1));
  for (std::uint16_t port = 1; port <= limits::kRememberedContacts; ++port) node.add_contact(inside(9, port));
  node.add_contact(inside(9, 1));  // heard again
  node.add_contact(inside(1));     // ourselves: never
  node.add_contact(inside(9, 5000));
  const auto& known = node.remembered();
  EXPECT_EQ(known.size(), limits::kRememberedContacts);
  EXPECT_EQ(std::count(known.begin(), known.end(), inside(9, 1)), 1);
  EXPECT_EQ(std::count(known.begin(), known.end(), inside(9, 2)), 0);
  EXPECT_EQ(std::count(known.begin(), known.end(), inside(1)), 0);
  EXPECT_EQ(known.back(), inside(9, 5000));
}

// --- amplification --------------------------------------------------------------------------------------------------

// DESIGN 2: without a good token the answer, with the pings that it causes, is never longer than the query. Askers
// include forged neighbours, whose word might set off a verdict, and ourselves.
void expect_no_amplification(Town& town, RingNode& member, const std::vector<Endpoint>& askers, const RingId& stored) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Rng rng(seed);
    const wire::Method method = kAllMethods[rng.below(std::size(kAllMethods))];
    wire::Query asked = query_of(town, body_of(method, rng), rng);
    if (method == wire::Method::kGetPeers) asked.body = wire::GetPeers{stored};
    asked.header.read_only = rng.below(3) == 0;
    if (rng.below(3) == 0) asked.token = rng.bytes<8>();
    if (rng.below(2) == 0) wire::pad_to(asked, rng.below(limits::kDatagram + 50), town.config.family);
    std::size_t size = wire::encoded_size(asked, town.config.family);
    if (rng.below(4) == 0) size = rng.below(limits::kDatagram + 1);
    RingOutbox out;
    const Endpoint from = askers[rng.below(askers.size())];
    const Instant before = member.next_deadline();
    member.on_message(town.now, from, asked, size, out);
    // What it set off comes at once, by the timer: a deadline that has moved to now is part of the answer.
    if (before > town.now && member.next_deadline() <= town.now) member.on_deadline(town.now, out);
    std::size_t bytes = 0;
    for (const Send& send : out.sends) bytes += wire::encoded_size(send.message, town.config.family);
    ASSERT_LE(bytes, size) << "seed " << seed << ", " << wire::name_of(method) << " from " << from.text();
    member.check_invariants();
  }
}

TEST_F(InRing, no_answer_without_a_token_is_longer_than_its_query) {
  const RingId key{rng.bytes<20>()};
  fill_store(key);
  const std::vector<Endpoint> askers{endpoint(77), member().ring().successors().head().endpoint,
                                     member().ring().predecessor()->endpoint, member().self().endpoint,
                                     member().ring().successors().entries().back().endpoint};
  expect_no_amplification(town, member(), askers, key);
}

TEST_F(InRing6, no_answer_without_a_token_is_longer_than_its_query) {
  const RingId key{rng.bytes<20>()};
  fill_store(key);
  const std::vector<Endpoint> askers{endpoint(77), member().ring().successors().head().endpoint,
                                     member().ring().predecessor()->endpoint};
  expect_no_amplification(town, member(), askers, key);
}

TEST_F(InRing, query_padded_to_the_largest_answer_gets_all_of_it) {
  const RingId key{rng.bytes<20>()};
  fill_store(key);
  const auto ask = [&](wire::QueryBody body) {
    wire::Query asked = query(std::move(body));
    wire::pad_to(asked, wire::largest_reply(wire::method_of(asked.body), Family::kV4), Family::kV4);
    return town.tell(member(), endpoint(77), asked);
  };
  const auto neighbours = ask(wire::Neighbors{});
  EXPECT_EQ(std::get<wire::NeighborsReply>(reply_in(neighbours)->body).successors.size(), 16u);
  const auto peers = ask(wire::GetPeers{key});
  EXPECT_EQ(std::get<wire::GetPeersReply>(reply_in(peers)->body).peers.size(), limits::kAnswerPeers);
  const auto covered = ask(wire::FindSuccessor{add(member().self().id, power_of_two(0))});
  EXPECT_EQ(std::get<wire::FindSuccessorReply>(reply_in(covered)->body).contacts.size(), limits::kStepContacts);
}

TEST_F(InRing, good_token_gets_the_whole_answer_to_a_short_query) {
  wire::Query asked = query(wire::Neighbors{});
  asked.token = token_for(endpoint(77));
  const auto sends = town.tell(member(), endpoint(77), asked);
  EXPECT_EQ(std::get<wire::NeighborsReply>(reply_in(sends)->body).successors.size(), 16u);
}

TEST_F(InRing, shortened_list_does_not_call_itself_complete) {
  Town small(2);
  for (std::uint8_t i = 1; i <= 8; ++i) small.add(inside(i));
  small.serve_alone(small.node(0));
  for (std::size_t i = 1; i < 8; ++i) small.join(small.node(i), inside(1));
  small.run_for(2min);
  ASSERT_TRUE(small.node(0).ring().successors().complete());
  for (std::size_t size = 0; size < 600; ++size) {
    const auto sends = small.tell(small.node(0), inside(77), query_of(small, wire::Neighbors{}, rng), size);
    if (sends.empty()) continue;
    const auto& told = std::get<wire::NeighborsReply>(reply_in(sends)->body);
    EXPECT_EQ(told.complete, told.successors.size() == 7) << told.successors.size();
  }
}

TEST_F(InRing, shortened_claim_keeps_the_owner_first) {
  const RingId target = add(member().ring().successors().entries()[2].id, power_of_two(0));
  for (std::size_t size = 0; size < limits::kDatagram; size += 7) {
    const auto sends = town.tell(member(), endpoint(77), query(wire::FindSuccessor{target}), size);
    if (sends.empty()) continue;
    const auto& reply = std::get<wire::FindSuccessorReply>(reply_in(sends)->body);
    ASSERT_TRUE(reply.covers);
    ASSERT_FALSE(reply.contacts.empty());
    EXPECT_EQ(reply.contacts.front(), member().ring().successors().entries()[3]);
    EXPECT_EQ(reply.previous, member().ring().successors().entries()[2]) << "or it would pass for first-hand";
  }
}

// --- writes ---------------------------------------------------------------------------------------------------------

TEST_F(InRing, write_without_a_good_token_is_refused_and_changes_nothing) {
  const Contact before = *member().ring().predecessor();
  const RingId just_before_us = subtract(member().self().id, power_of_two(0));
  std::array<std::optional<wire::Token>, 4> tokens{std::nullopt, wire::Token{}, token_for(endpoint(76)),
                                                   rng.bytes<8>()};
  for (const auto& token : tokens)
    for (const wire::QueryBody& body :
         {wire::QueryBody(wire::Notify{}), wire::QueryBody(wire::AnnouncePeer{just_before_us, 1, false})}) {
      wire::Query write = query(body);
      write.sender = just_before_us;
      write.token = token;
      const auto sends = town.tell(member(), endpoint(77), write, limits::kDatagram);
      const auto* error = error_in(sends);
      ASSERT_NE(error, nullptr);
      EXPECT_EQ(error->code, static_cast<std::uint16_t>(wire::ErrorCode::kBadToken));
    }
  EXPECT_EQ(member().ring().predecessor(), before);
  EXPECT_EQ(member().store().announcements(), 0u);
}

TEST_F(InRing, notify_of_a_client_is_no_claim) {
  const Contact before = *member().ring().predecessor();
  wire::Query notify = query(wire::Notify{});
  notify.sender = subtract(member().self().id, power_of_two(0));
  notify.token = token_for(endpoint(77));
  notify.header.read_only = true;
  (void)town.tell(member(), endpoint(77), notify);
  EXPECT_EQ(member().ring().predecessor(), before);
}

TEST_F(InRing, announcement_is_stored_under_the_proven_address_and_the_named_port) {
  const RingId key{rng.bytes<20>()};
  wire::Query announce = query(wire::AnnouncePeer{key, 7000, false});
  announce.token = token_for(endpoint(77));
  ASSERT_NE(reply_in(town.tell(member(), endpoint(77), announce)), nullptr);
  Endpoint wanted = endpoint(77);
  wanted.port = 7000;
  EXPECT_EQ(member().store().peers(town.now, key, 9, rng), std::vector<Endpoint>{wanted});
  announce.body = wire::AnnouncePeer{key, 7000, true};
  (void)town.tell(member(), endpoint(77), announce);
  EXPECT_EQ(member().store().announcements(), 0u);
}

TEST_F(InRing, address_over_its_quota_is_refused_in_words) {
  wire::Token token{};
  for (std::size_t i = 0; i <= limits::kAnnouncementsPerAddress; ++i) {
    wire::Query announce = query(wire::AnnouncePeer{RingId{rng.bytes<20>()}, 7000, false});
    if (i == 0) token = token_for(endpoint(77));
    announce.token = token;
    const auto sends = town.tell(member(), endpoint(77), announce);
    if (i < limits::kAnnouncementsPerAddress) {
      ASSERT_NE(reply_in(sends), nullptr) << i;
    } else {
      ASSERT_NE(error_in(sends), nullptr);
      EXPECT_EQ(error_in(sends)->code, static_cast<std::uint16_t>(wire::ErrorCode::kRefused));
    }
  }
}

TEST_F(InRing, stale_token_of_any_question_is_refused_in_words) {
  for (const wire::Method method : kAllMethods) {
    wire::Query asked = query(body_of(method, rng));
    asked.token = rng.bytes<8>();
    const auto sends = town.tell(member(), endpoint(77), asked, limits::kDatagram);
    ASSERT_NE(error_in(sends), nullptr) << wire::name_of(method);
    EXPECT_EQ(error_in(sends)->code, static_cast<std::uint16_t>(wire::ErrorCode::kBadToken));
  }
}

// --- forged answers -------------------------------------------------------------------------------------------------

TEST_F(InRing, answers_to_nothing_asked_change_nothing) {
  const auto list = member().ring().successors().entries();
  const auto predecessor = member().ring().predecessor();
  const std::size_t known = member().endpoints().size();
  for (int i = 0; i < 300; ++i) {
    wire::Reply reply;
    reply.header = {rng.bytes<8>(), town.config.network, rng.below(2) == 0};
    const Contact& who = list[rng.below(list.size())];
    reply.sender = who.id;
    reply.observed = member().self().endpoint;
    const Contact evil{RingId{rng.bytes<20>()}, endpoint(66)};
    reply.body = wire::NeighborsReply{evil, false, true, {evil}};
    if (i % 3 == 0) reply.body = wire::FindSuccessorReply{true, std::nullopt, {evil}};
    EXPECT_TRUE(town.tell(member(), rng.below(2) == 0 ? who.endpoint : endpoint(66), reply).empty());
    wire::Error error;
    error.header = reply.header;
    error.code = static_cast<std::uint16_t>(wire::ErrorCode::kNotAMember);
    error.text = "not a member";
    EXPECT_TRUE(town.tell(member(), who.endpoint, error).empty());
  }
  EXPECT_EQ(member().ring().successors().entries(), list);
  EXPECT_EQ(member().ring().predecessor(), predecessor);
  EXPECT_EQ(member().endpoints().size(), known);
}

TEST_F(InRing, unchanged_list_is_not_sent_again) {
  const SuccessorList& list = member().ring().successors();
  wire::Query asked = query(wire::Neighbors{wire::list_hash(list.entries(), list.complete())});
  asked.token = token_for(endpoint(77));
  const auto same = town.tell(member(), endpoint(77), asked);
  EXPECT_TRUE(std::get<wire::NeighborsReply>(reply_in(same)->body).unchanged);
  EXPECT_TRUE(std::get<wire::NeighborsReply>(reply_in(same)->body).successors.empty());
  asked.body = wire::Neighbors{0};
  const auto whole = town.tell(member(), endpoint(77), asked);
  EXPECT_EQ(std::get<wire::NeighborsReply>(reply_in(whole)->body).successors, list.entries());
}

}  // namespace
}  // namespace rondo::dht
