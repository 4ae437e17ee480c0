// The asking side under hostile answers: each rule of rpc_client.hpp, then
// random weather.
#include "dht/rpc/rpc_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "dht/base/limits.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;

constexpr wire::NetworkTag kNetwork{1, 2, 3, 4};
constexpr wire::Token kToken{7, 7, 7, 7, 7, 7, 7, 7};
constexpr CallTag kTag{3, 42};

Endpoint host(std::uint32_t number) {
  return Endpoint::v4(10, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
                      static_cast<std::uint8_t>(number), 6881);
}

RingId id_of(std::uint32_t number) {
  RingId id;
  id.bytes[0] = static_cast<std::uint8_t>(number >> 8);
  id.bytes[1] = static_cast<std::uint8_t>(number);
  return id;
}

Contact contact(std::uint32_t number) { return {id_of(number), host(number)}; }

wire::ReplyBody body_for(wire::Method method) {
  switch (method) {
    case wire::Method::kPing: return wire::PingReply{};
    case wire::Method::kFindSuccessor: return wire::FindSuccessorReply{};
    case wire::Method::kNeighbors: return wire::NeighborsReply{};
    case wire::Method::kNotify: return wire::NotifyReply{};
    case wire::Method::kGetPeers: return wire::GetPeersReply{};
    case wire::Method::kAnnouncePeer: return wire::AnnouncePeerReply{};
  }
  return wire::PingReply{};
}

/// A client, a clock, and everything that came out of it so far.
class Desk {
 public:
  explicit Desk(std::uint64_t seed = 1, Family family = Family::kV4) : rng(seed), client(kNetwork, family, rng) {
    client.set_sender(id_of(1), false);
  }

  void call(const Callee& to, wire::QueryBody body, CallTag tag = kTag, int tries = limits::kTries) {
    client.call(now, to, std::move(body), tag, out, events, tries);
  }
  /// Lets virtual time pass, deadline by deadline.
  void wait(Duration duration) {
    const Instant end = now + duration;
    while (client.next_deadline() <= end) {
      ASSERT_GE(client.next_deadline(), now) << "a deadline in the past would spin the driver";
      now = client.next_deadline();
      client.on_deadline(now, out, events);
    }
    now = end;
  }

  [[nodiscard]] const wire::Query& query(std::size_t index) const {
    return std::get<wire::Query>(out.sends.at(index).message);
  }
  [[nodiscard]] const wire::Query& last() const { return query(out.sends.size() - 1); }

  [[nodiscard]] static wire::Reply reply_to(const wire::Query& query, const RingId& sender) {
    wire::Reply reply;
    reply.header = {query.header.transaction, kNetwork, false};
    reply.sender = sender;
    reply.token = kToken;
    reply.observed = host(1);
    reply.body = body_for(wire::method_of(query.body));
    return reply;
  }
  void answer(const Endpoint& from, const wire::Reply& reply) { client.on_reply(now, from, reply, out, events); }
  void answer(const Contact& from, const wire::Query& query) { answer(from.endpoint, reply_to(query, from.id)); }
  void refuse(const Endpoint& from, const wire::Query& query, wire::ErrorCode code) {
    wire::Error error;
    error.header = {query.header.transaction, kNetwork, false};
    error.code = static_cast<std::uint16_t>(code);
    error.text = "no";
    client.on_error(now, from, error, out, events);
  }

  template <class Event>
  [[nodiscard]] std::vector<Event> all() const {
    std::vector<Event> found;
    for (const CallEvent& event : events)
      if (const auto* wanted = std::get_if<Event>(&event)) found.push_back(*wanted);
    return found;
  }
  [[nodiscard]] std::size_t endings() const { return all<CallAnswered>().size() + all<CallFailed>().size(); }

  Rng rng;
  RpcClient client;
  Instant now = Instant{} + 1h;
  Outbox out;
  std::vector<CallEvent> events;
};

// --- tries
// ----------------------------------------------------------------------------------------------------------

TEST(RpcTries, three_doubling_then_timed_out) {
  Desk desk;
  const Instant start = desk.now;
  desk.call(contact(2), wire::Ping{});
  EXPECT_EQ(desk.out.sends.size(), 1u);
  desk.wait(999ms);
  EXPECT_EQ(desk.out.sends.size(), 1u);
  desk.wait(1ms);
  EXPECT_EQ(desk.out.sends.size(), 2u);
  desk.wait(2s - 1us);
  EXPECT_EQ(desk.out.sends.size(), 2u);
  desk.wait(1us);
  EXPECT_EQ(desk.out.sends.size(), 3u);
  desk.wait(4s - 1us);
  EXPECT_EQ(desk.endings(), 0u);
  desk.wait(1us);
  ASSERT_EQ(desk.all<CallFailed>().size(), 1u);
  EXPECT_EQ(desk.all<CallFailed>()[0].failure, CallFailure::kTimedOut);
  EXPECT_EQ(desk.now - start, 7s);
  EXPECT_EQ(desk.client.in_flight(), 0u);
  EXPECT_EQ(desk.client.next_deadline(), kNever);
}

TEST(RpcTries, differ_in_their_transaction_and_in_nothing_else) {
  Desk desk;
  desk.call(contact(2), wire::FindSuccessor{id_of(9)});
  desk.wait(10s);
  ASSERT_EQ(desk.out.sends.size(), 3u);
  std::set<wire::TransactionId> ids;
  for (std::size_t i = 0; i < 3; ++i) {
    ids.insert(desk.query(i).header.transaction);
    EXPECT_EQ(desk.query(i).body, desk.query(0).body);
    EXPECT_EQ(desk.query(i).pad, desk.query(0).pad);
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST(RpcTries, one_try_is_one_try) {
  Desk desk;
  desk.call(contact(2), wire::Ping{}, kTag, 1);
  desk.wait(1s);
  EXPECT_EQ(desk.out.sends.size(), 1u);
  EXPECT_EQ(desk.all<CallFailed>().size(), 1u);
  EXPECT_EQ(desk.all<TryUnanswered>().size(), 1u);
}

TEST(RpcTries, slow_is_told_once_and_every_unanswered_try_is_told) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.wait(10s);
  EXPECT_EQ(desk.all<CallSlow>().size(), 1u);
  EXPECT_EQ(desk.all<TryUnanswered>().size(), 3u);
  EXPECT_EQ(desk.client.endpoints().unanswered(host(2)), 3);
}

TEST(RpcTries, slow_is_told_once_though_fetching_a_token_was_slow_too) {
  Desk desk;
  desk.call(contact(2), wire::Notify{});
  desk.wait(1s);
  desk.answer(contact(2), desk.last());  // to the second ping
  desk.wait(30s);
  EXPECT_EQ(desk.all<CallSlow>().size(), 1u);
  EXPECT_EQ(desk.all<CallFailed>().size(), 1u);
}

TEST(RpcTries, late_answer_to_an_earlier_try_has_its_own_round_trip) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.wait(1500ms);  // the second try left at 1 s
  ASSERT_EQ(desk.out.sends.size(), 2u);
  desk.answer(contact(2), desk.query(0));
  ASSERT_EQ(desk.all<CallAnswered>().size(), 1u);
  EXPECT_EQ(desk.all<CallAnswered>()[0].round_trip, 1500ms);
  EXPECT_EQ(desk.client.endpoints().round_trip(host(2)), 1500ms);
}

TEST(RpcTries, answer_to_the_middle_try_after_the_last_one_left_has_its_own_round_trip) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.wait(3500ms);  // tries at 0, 1, 3 s
  ASSERT_EQ(desk.out.sends.size(), 3u);
  desk.answer(contact(2), desk.query(1));
  ASSERT_EQ(desk.all<CallAnswered>().size(), 1u);
  EXPECT_EQ(desk.all<CallAnswered>()[0].round_trip, 2500ms);
}

TEST(RpcTries, answers_after_the_end_are_nobodys) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.wait(10s);
  for (std::size_t i = 0; i < 3; ++i) desk.answer(contact(2), desk.query(i));
  EXPECT_EQ(desk.endings(), 1u);
  EXPECT_FALSE(desk.client.endpoints().round_trip(host(2)).has_value());
}

TEST(RpcTries, second_copy_of_an_answer_is_ignored) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.answer(contact(2), desk.query(0));
  desk.answer(contact(2), desk.query(0));
  EXPECT_EQ(desk.endings(), 1u);
}

TEST(RpcTries, measured_peer_gets_its_own_time_out) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.wait(50ms);
  desk.answer(contact(2), desk.last());
  desk.call(contact(2), wire::Ping{});
  desk.wait(149ms);
  EXPECT_EQ(desk.out.sends.size(), 2u);
  desk.wait(1ms);
  EXPECT_EQ(desk.out.sends.size(), 3u) << "50 ms + 4 x 25 ms have passed";
}

// --- answers that do not count
// --------------------------------------------------------------------------------------

TEST(RpcForgery, from_another_endpoint_is_ignored) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.answer(host(3), Desk::reply_to(desk.last(), id_of(2)));
  Endpoint other_port = host(2);
  other_port.port = 1;
  desk.answer(other_port, Desk::reply_to(desk.last(), id_of(2)));
  desk.refuse(host(3), desk.last(), wire::ErrorCode::kNotAMember);
  EXPECT_EQ(desk.endings(), 0u);
  EXPECT_EQ(desk.client.endpoints().size(), 1u) << "a forger makes no entry";
}

TEST(RpcForgery, with_any_bit_of_the_transaction_changed_is_ignored) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  for (std::size_t bit = 0; bit < 64; ++bit) {
    wire::Query forged = desk.query(0);
    auto& byte = forged.header.transaction[bit / 8];
    byte = static_cast<std::uint8_t>(byte ^ (1u << (bit % 8)));
    desk.answer(contact(2), forged);
    desk.refuse(host(2), forged, wire::ErrorCode::kNotAMember);
  }
  EXPECT_EQ(desk.endings(), 0u) << "only tries that were made have an id";
}

TEST(RpcForgery, answer_to_another_method_is_ignored) {
  for (std::size_t asked = 0; asked < wire::kMethods; ++asked)
    for (std::size_t answered = 0; answered < wire::kMethods; ++answered) {
      if (asked == answered || wire::needs_token(static_cast<wire::Method>(asked))) continue;
      Desk desk;
      wire::QueryBody body;
      if (asked == 1) body = wire::FindSuccessor{};
      if (asked == 2) body = wire::Neighbors{};
      if (asked == 4) body = wire::GetPeers{};
      desk.call(contact(2), body);
      auto reply = Desk::reply_to(desk.last(), id_of(2));
      reply.body = body_for(static_cast<wire::Method>(answered));
      desk.answer(host(2), reply);
      EXPECT_EQ(desk.endings(), 0u) << asked << " answered as " << answered;
      desk.answer(contact(2), desk.last());
      EXPECT_EQ(desk.all<CallAnswered>().size(), 1u) << "the true answer still counts";
    }
}

TEST(RpcForgery, answer_of_another_node_at_that_endpoint_fails_the_call) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.answer(host(2), Desk::reply_to(desk.last(), id_of(99)));
  ASSERT_EQ(desk.all<CallFailed>().size(), 1u);
  EXPECT_EQ(desk.all<CallFailed>()[0].failure, CallFailure::kOtherNode);
  EXPECT_EQ(desk.all<CallFailed>()[0].id, id_of(2)) << "whom we asked for, for two contacts may share an endpoint";
  EXPECT_EQ(desk.client.endpoints().unanswered(host(2)), 0);
}

TEST(RpcForgery, entry_point_without_an_id_may_be_anybody) {
  Desk desk;
  desk.call(Callee(host(2)), wire::Ping{});
  desk.answer(host(2), Desk::reply_to(desk.last(), id_of(99)));
  ASSERT_EQ(desk.all<CallAnswered>().size(), 1u);
  EXPECT_EQ(desk.all<CallAnswered>()[0].from, (Contact{id_of(99), host(2)}));
}

TEST(RpcForgery, answer_to_the_token_ping_is_no_answer_to_the_notify) {
  Desk desk;
  desk.call(contact(2), wire::Notify{});
  const wire::Query ping = desk.last();
  auto forged = Desk::reply_to(ping, id_of(2));
  forged.body = wire::NotifyReply{};
  desk.answer(host(2), forged);
  EXPECT_EQ(desk.endings(), 0u);
  desk.answer(contact(2), ping);
  desk.answer(contact(2), ping);  // again: its transaction is over
  EXPECT_EQ(desk.endings(), 0u);
  desk.answer(contact(2), desk.last());
  EXPECT_EQ(desk.all<CallAnswered>().size(), 1u);
}

// --- refusals
// -------------------------------------------------------------------------------------------------------

TEST(RpcError, not_a_member_is_told_apart_from_other_refusals) {
  for (const auto& [code, failure] : {std::pair(wire::ErrorCode::kNotAMember, CallFailure::kNotAMember),
                                      std::pair(wire::ErrorCode::kRefused, CallFailure::kRefused),
                                      std::pair(wire::ErrorCode::kServer, CallFailure::kRefused),
                                      std::pair(static_cast<wire::ErrorCode>(9999), CallFailure::kRefused)}) {
    Desk desk;
    desk.call(contact(2), wire::Neighbors{});
    desk.refuse(host(2), desk.last(), code);
    ASSERT_EQ(desk.all<CallFailed>().size(), 1u);
    EXPECT_EQ(desk.all<CallFailed>()[0].failure, failure);
  }
}

TEST(RpcError, is_a_sign_of_life) {
  Desk desk;
  desk.call(contact(2), wire::Neighbors{});
  desk.wait(3s);
  EXPECT_EQ(desk.client.endpoints().unanswered(host(2)), 2);
  desk.refuse(host(2), desk.query(0), wire::ErrorCode::kServer);
  EXPECT_EQ(desk.client.endpoints().unanswered(host(2)), 0);
}

TEST(RpcError, unknown_code_zero_does_not_confuse) {
  Desk desk;
  desk.call(contact(2), wire::Neighbors{});
  desk.refuse(host(2), desk.last(), static_cast<wire::ErrorCode>(0));
  EXPECT_EQ(desk.endings(), 1u);
}

// --- tokens
// ---------------------------------------------------------------------------------------------------------

class RpcToken : public testing::TestWithParam<int> {
 protected:
  static wire::QueryBody body() {
    if (GetParam() == 0) return wire::Notify{};
    return wire::AnnouncePeer{id_of(5), 7000, false};
  }
};

TEST_P(RpcToken, is_fetched_by_a_ping_before_a_write) {
  Desk desk;
  desk.call(contact(2), body());
  ASSERT_EQ(desk.out.sends.size(), 1u);
  EXPECT_EQ(wire::method_of(desk.last().body), wire::Method::kPing);
  EXPECT_FALSE(desk.last().token.has_value());
  desk.answer(contact(2), desk.last());
  ASSERT_EQ(desk.out.sends.size(), 2u);
  EXPECT_EQ(desk.last().body, body());
  EXPECT_EQ(desk.last().token, kToken);
  EXPECT_EQ(desk.endings(), 0u);
  desk.answer(contact(2), desk.last());
  EXPECT_EQ(desk.all<CallAnswered>().size(), 1u);
}

TEST_P(RpcToken, that_we_have_is_used_at_once) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.answer(contact(2), desk.last());
  desk.call(contact(2), body());
  EXPECT_EQ(desk.last().body, body());
  EXPECT_EQ(desk.last().token, kToken);
}

TEST_P(RpcToken, that_is_too_old_is_fetched_anew) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.answer(contact(2), desk.last());
  desk.wait(limits::kTokenUse + 1s);
  desk.call(contact(2), body());
  EXPECT_EQ(wire::method_of(desk.last().body), wire::Method::kPing);
}

TEST_P(RpcToken, refused_once_is_fetched_anew_and_refused_twice_is_a_failure) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.answer(contact(2), desk.last());
  desk.call(contact(2), body());
  desk.refuse(host(2), desk.last(), wire::ErrorCode::kBadToken);
  EXPECT_EQ(wire::method_of(desk.last().body), wire::Method::kPing);
  EXPECT_FALSE(desk.last().token.has_value()) << "the refused one is not shown again";
  desk.answer(contact(2), desk.last());
  EXPECT_EQ(desk.last().body, body());
  const std::size_t sent = desk.out.sends.size();
  desk.refuse(host(2), desk.last(), wire::ErrorCode::kBadToken);
  EXPECT_EQ(desk.out.sends.size(), sent) << "a third time would go on for ever";
  ASSERT_EQ(desk.all<CallFailed>().size(), 1u);
  EXPECT_EQ(desk.all<CallFailed>()[0].failure, CallFailure::kRefused);
}

TEST_P(RpcToken, fetched_from_another_node_than_the_one_meant_ends_the_call) {
  Desk desk;
  desk.call(contact(2), body());
  desk.answer(host(2), Desk::reply_to(desk.last(), id_of(77)));
  ASSERT_EQ(desk.all<CallFailed>().size(), 1u);
  EXPECT_EQ(desk.all<CallFailed>()[0].failure, CallFailure::kOtherNode);
  EXPECT_EQ(desk.out.sends.size(), 1u) << "nothing is written to a stranger";
}

TEST_P(RpcToken, whole_call_makes_at_most_three_tries_a_phase) {
  Desk desk;
  desk.call(contact(2), body());
  desk.wait(4s);  // the third ping left at 3 s
  desk.answer(contact(2), desk.last());
  desk.wait(60s);
  EXPECT_EQ(desk.out.sends.size(), 6u);
  EXPECT_EQ(desk.endings(), 1u);
}
INSTANTIATE_TEST_SUITE_P(Writes, RpcToken, testing::Values(0, 1));

TEST(RpcTokenStale, question_that_needs_no_token_is_repeated_padded_when_its_token_is_refused) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  desk.answer(contact(2), desk.last());
  desk.call(contact(2), wire::FindSuccessor{id_of(9)});
  ASSERT_TRUE(desk.last().token.has_value());
  desk.refuse(host(2), desk.last(), wire::ErrorCode::kBadToken);
  EXPECT_EQ(wire::method_of(desk.last().body), wire::Method::kFindSuccessor);
  EXPECT_FALSE(desk.last().token.has_value());
  EXPECT_GE(wire::encoded_size(desk.last(), Family::kV4),
            wire::largest_reply(wire::Method::kFindSuccessor, Family::kV4));
}

// --- padding
// --------------------------------------------------------------------------------------------------------

TEST(RpcPadding, without_a_token_a_query_is_as_long_as_the_largest_answer) {
  for (const Family family : {Family::kV4, Family::kV6})
    for (const wire::QueryBody& body :
         {wire::QueryBody(wire::Ping{}), wire::QueryBody(wire::FindSuccessor{}), wire::QueryBody(wire::Neighbors{}),
          wire::QueryBody(wire::Neighbors{~0ull}), wire::QueryBody(wire::GetPeers{})}) {
      Desk desk(1, family);
      Endpoint to = host(2);
      to.family = family;
      desk.call(Callee(to), body);
      const std::size_t size = wire::encoded_size(desk.last(), family);
      EXPECT_GE(size, wire::largest_reply(wire::method_of(body), family));
      EXPECT_LE(size, limits::kDatagram);
      desk.answer(to, Desk::reply_to(desk.last(), id_of(2)));
      desk.call(Callee(to), body);
      EXPECT_EQ(desk.last().pad, 0) << "a token makes padding a waste";
    }
}

TEST(RpcPadding, retry_takes_the_token_that_came_meanwhile) {
  Desk desk;
  desk.call(contact(2), wire::FindSuccessor{id_of(9)});
  desk.call(contact(2), wire::Ping{}, {1, 1});
  desk.answer(contact(2), desk.last());
  desk.wait(1s);
  ASSERT_EQ(desk.out.sends.size(), 3u);
  EXPECT_EQ(desk.last().token, kToken);
  EXPECT_EQ(desk.last().pad, 0);
}

TEST(RpcHeader, says_who_we_are_at_the_time_of_the_try) {
  Desk desk;
  desk.call(contact(2), wire::Ping{});
  EXPECT_EQ(desk.last().header.network, kNetwork);
  EXPECT_EQ(desk.last().sender, id_of(1));
  EXPECT_FALSE(desk.last().header.read_only);
  desk.client.set_sender(id_of(8), true);
  desk.wait(1s);
  EXPECT_EQ(desk.last().sender, id_of(8));
  EXPECT_TRUE(desk.last().header.read_only);
}

// --- our own outage
// -------------------------------------------------------------------------------------------------

TEST(RpcOutage, three_silent_endpoints_and_no_word_from_anybody_are_suspicious) {
  Desk desk;
  desk.call(contact(9), wire::Ping{});
  desk.answer(contact(9), desk.last());
  desk.wait(1s);
  for (std::uint32_t i = 2; i <= 3; ++i) desk.call(contact(i), wire::Ping{});
  desk.wait(10s);
  EXPECT_FALSE(desk.client.own_outage_suspected()) << "two may have died";
  desk.call(contact(4), wire::Ping{});
  desk.wait(10s);
  EXPECT_TRUE(desk.client.own_outage_suspected());
}

TEST(RpcOutage, ends_with_any_answer_error_or_proven_query) {
  for (int kind = 0; kind < 3; ++kind) {
    SCOPED_TRACE(kind);
    Desk desk;
    for (std::uint32_t i = 2; i <= 4; ++i) desk.call(contact(i), wire::Ping{});
    desk.wait(30s);
    ASSERT_TRUE(desk.client.own_outage_suspected());
    desk.call(contact(9), wire::Ping{});
    desk.wait(10ms);
    if (kind == 0) desk.answer(contact(9), desk.last());
    if (kind == 1) desk.refuse(host(9), desk.last(), wire::ErrorCode::kServer);
    if (kind == 2) desk.client.on_proven_query(desk.now, host(9));
    EXPECT_FALSE(desk.client.own_outage_suspected());
  }
}

TEST(RpcOutage, who_spoke_last_is_known_be_it_by_answer_error_or_proven_query) {
  Desk desk;
  EXPECT_FALSE(desk.client.last_heard_from().has_value());
  desk.call(contact(2), wire::Ping{});
  desk.answer(contact(2), desk.last());
  EXPECT_EQ(desk.client.last_heard_from(), host(2));
  desk.call(contact(3), wire::Ping{});
  desk.refuse(host(3), desk.last(), wire::ErrorCode::kServer);
  EXPECT_EQ(desk.client.last_heard_from(), host(3));
  desk.client.on_proven_query(desk.now, host(4));
  EXPECT_EQ(desk.client.last_heard_from(), host(4));
}

TEST(RpcOutage, is_not_ended_by_a_forgery) {
  Desk desk;
  for (std::uint32_t i = 2; i <= 4; ++i) desk.call(contact(i), wire::Ping{});
  desk.wait(30s);
  ASSERT_TRUE(desk.client.own_outage_suspected());
  desk.call(contact(9), wire::Ping{});
  desk.answer(host(8), Desk::reply_to(desk.last(), id_of(9)));
  EXPECT_TRUE(desk.client.own_outage_suspected());
}

// --- drop and the bound
// ---------------------------------------------------------------------------------------------

TEST(RpcDrop, forgets_the_calls_with_that_tag_and_no_others) {
  Desk desk;
  desk.call(contact(2), wire::Ping{}, {1, 5});
  desk.call(contact(3), wire::Ping{}, {1, 5});
  desk.call(contact(4), wire::Ping{}, {1, 6});
  desk.call(contact(5), wire::Ping{}, {2, 5});
  desk.client.drop({1, 5});
  EXPECT_EQ(desk.client.in_flight(), 2u);
  desk.answer(contact(2), desk.query(0));
  EXPECT_EQ(desk.endings(), 0u);
  desk.wait(30s);
  EXPECT_EQ(desk.out.sends.size(), 4u + 2 * 2u) << "no tries of the dropped ones";
  EXPECT_EQ(desk.all<CallFailed>().size(), 2u);
}

TEST(RpcBound, one_call_too_many_fails_at_once_as_overloaded) {
  Desk desk;
  for (std::uint32_t i = 0; i < limits::kTransactions; ++i) desk.call(contact(i + 2), wire::Ping{}, {1, i});
  EXPECT_EQ(desk.endings(), 0u);
  desk.call(contact(9999), wire::Ping{}, {2, 0});
  ASSERT_EQ(desk.all<CallFailed>().size(), 1u);
  EXPECT_EQ(desk.all<CallFailed>()[0].failure, CallFailure::kOverloaded);
  EXPECT_EQ(desk.all<CallFailed>()[0].tag, (CallTag{2, 0}));
  EXPECT_EQ(desk.out.sends.size(), limits::kTransactions);
  desk.answer(contact(2), desk.query(0));
  desk.call(contact(9999), wire::Ping{}, {2, 1});
  EXPECT_EQ(desk.out.sends.size(), limits::kTransactions + 1);
}

TEST(RpcBound, endpoint_of_the_other_family_is_never_sent_to) {
  Desk desk;
  Endpoint v6 = host(2);
  v6.family = Family::kV6;
  desk.call(Callee(v6), wire::Ping{});
  EXPECT_TRUE(desk.out.sends.empty());
  EXPECT_EQ(desk.all<CallFailed>().size(), 1u);
  EXPECT_EQ(desk.client.in_flight(), 0u);
}

// --- random weather
// -------------------------------------------------------------------------------------------------

/// Loss, duplicates, reordering, forgeries and refusals: every call ends
/// exactly once, within its tries.
class Weather {
 public:
  explicit Weather(std::uint64_t seed) : rng_(seed), desk_(seed + 1) {}

  void run() {
    for (int i = 0; i < 400; ++i) {
      step();
      ASSERT_LE(desk_.client.in_flight(), limits::kTransactions);
      ASSERT_LE(desk_.client.endpoints().size(), limits::kKnownEndpoints);
    }
    desk_.wait(5min);
    EXPECT_EQ(desk_.client.in_flight(), 0u);
    collect();
    for (std::uint32_t call = 0; call < started_; ++call) {
      EXPECT_EQ(endings_[call], dropped_.contains(call) ? 0 : 1) << "call " << call;
      EXPECT_LE(slow_[call], 1) << "call " << call;
    }
    // At most: three tries of a ping, of the write, and both once more for a
    // refused token.
    EXPECT_LE(desk_.out.sends.size(), static_cast<std::size_t>(started_) * 12);
  }

 private:
  void step() {
    const auto target = static_cast<std::uint32_t>(2 + rng_.below(20));
    switch (rng_.below(8)) {
      case 0:
      case 1: start(contact(target)); break;
      case 2: desk_.wait(Duration(static_cast<std::int64_t>(rng_.below(2'000'000)))); break;
      case 3: {
        if (started_ == 0) break;
        const auto victim = static_cast<std::uint32_t>(rng_.below(started_));
        if (endings_[victim] == 0) dropped_.insert(victim);
        desk_.client.drop({1, victim});
        break;
      }
      default: respond();
    }
    collect();
  }

  void start(const Contact& to) {
    const wire::QueryBody bodies[] = {wire::Ping{},   wire::FindSuccessor{}, wire::Neighbors{},
                                      wire::Notify{}, wire::GetPeers{},      wire::AnnouncePeer{id_of(3), 1, false}};
    const auto& body = bodies[rng_.below(std::size(bodies))];
    const CallTag tag{1, started_++};
    if (rng_.below(2) == 0)
      desk_.call(to, body, tag);
    else
      desk_.call(Callee(to.endpoint), body, tag);
  }

  void respond() {
    if (desk_.out.sends.empty()) return;
    const std::size_t recent = std::min<std::size_t>(desk_.out.sends.size(), 30);
    const auto& send = desk_.out.sends[desk_.out.sends.size() - 1 - rng_.below(recent)];
    const wire::Query query = std::get<wire::Query>(send.message);
    const Endpoint to = send.to;
    RingId id = id_of(static_cast<std::uint32_t>(to.address[2] << 8 | to.address[3]));
    switch (rng_.below(6)) {
      case 0: desk_.refuse(to, query, static_cast<wire::ErrorCode>(300 + rng_.below(20))); break;
      case 1: desk_.answer(to, Desk::reply_to(query, id_of(4000))); break;
      case 2: desk_.answer(host(4001), Desk::reply_to(query, id)); break;
      default: desk_.answer(to, Desk::reply_to(query, id));
    }
  }

  void collect() {
    for (const CallEvent& event : desk_.events) {
      if (const auto* answered = std::get_if<CallAnswered>(&event)) ++endings_[answered->tag.id];
      if (const auto* failed = std::get_if<CallFailed>(&event)) ++endings_[failed->tag.id];
      if (const auto* slow = std::get_if<CallSlow>(&event)) ++slow_[slow->tag.id];
    }
    desk_.events.clear();
  }

  Rng rng_;
  Desk desk_;
  std::uint32_t started_ = 0;
  std::map<std::uint32_t, int> endings_;
  std::map<std::uint32_t, int> slow_;
  std::set<std::uint32_t> dropped_;
};

TEST(RpcWeather, every_call_ends_once_whatever_comes) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Weather(seed).run();
  }
}

}  // namespace
}  // namespace rondo::dht
