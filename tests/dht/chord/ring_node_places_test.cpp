// Who may stand where on a public ring, how conflicts of ids end, how leavers and the restarted are dropped, and what
// liars achieve. "Outside" is 198.51.100.0/24 and 203.0.113.0/24 (RFC 5737), which count as public.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dht/base/limits.hpp"
#include "dht/chord/member_id.hpp"
#include "dht/chord/ring_node.hpp"
#include "tests/dht/chord/town.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;
using test::Town;

Endpoint outside(std::uint8_t host, std::uint16_t port = 6881) { return Endpoint::v4(198, 51, 100, host, port); }
Endpoint elsewhere(std::uint8_t host, std::uint16_t port = 6881) { return Endpoint::v4(203, 0, 113, host, port); }
Endpoint inside(std::uint8_t host, std::uint16_t port = 6881) { return Endpoint::v4(10, 0, 0, host, port); }

bool id_of_its_address(const Contact& contact) {
  const auto ids = ids_of_address(contact.endpoint);
  return std::find(ids.begin(), ids.end(), contact.id) != ids.end();
}

/// A ring of nodes with these endpoints, settled.
void settle(Town& town, const std::vector<Endpoint>& endpoints) {
  for (const Endpoint& endpoint : endpoints) town.add(endpoint);
  town.serve_alone(town.node(0));
  for (std::size_t i = 1; i < endpoints.size(); ++i) {
    town.join(town.node(i), endpoints[0]);
    town.run_for(500ms);
  }
  town.run_for(2min);
  for (std::size_t i = 0; i < endpoints.size(); ++i) ASSERT_EQ(town.node(i).role(), Role::kMember) << i;
}

std::vector<Endpoint> hosts(Endpoint (*make)(std::uint8_t, std::uint16_t), std::uint8_t count) {
  std::vector<Endpoint> out;
  for (std::uint8_t i = 1; i <= count; ++i) out.push_back(make(i, 6881));
  return out;
}

/// Does any node but itself have this endpoint in its list, predecessor or fingers?
bool in_any_table(Town& town, const Endpoint& endpoint) {
  for (std::size_t i = 0; i < town.size(); ++i) {
    RingNode& node = town.node(i);
    if (node.role() != Role::kMember || node.self().endpoint == endpoint) continue;
    for (const Contact& entry : node.ring().successors().entries())
      if (entry.endpoint == endpoint) return true;
    for (const auto& finger : node.fingers().entries())
      if (finger.contact.endpoint == endpoint) return true;
    if (node.ring().predecessor() && node.ring().predecessor()->endpoint == endpoint) return true;
  }
  return false;
}

// --- public ids -----------------------------------------------------------------------------------------------------

TEST(PublicRing, members_have_one_of_the_eight_ids_of_their_address) {
  Town town(1);
  settle(town, hosts(outside, 12));
  for (std::size_t i = 0; i < town.size(); ++i) {
    EXPECT_TRUE(id_of_its_address(town.node(i).self())) << i;
    EXPECT_EQ(town.node(i).ring().successors().entries().size(), 11u);
  }
}

TEST(PublicRing, nated_joiner_stays_a_client_that_is_in_nobodys_table_and_can_look_up_and_announce) {
  Town town(2);
  settle(town, hosts(outside, 8));
  RingNode& nated = town.add(Endpoint::v4(192, 168, 1, 7, 6881), std::nullopt, elsewhere(77, 40001));
  town.join(nated, outside(1));
  for (int i = 0; i < 12; ++i) {
    town.run_for(1min);
    ASSERT_NE(nated.role(), Role::kMember) << "its observed endpoint is none of its interfaces";
    ASSERT_FALSE(in_any_table(town, elsewhere(77, 40001)));
  }
  EXPECT_EQ(nated.role(), Role::kClient);
  ASSERT_TRUE(town.last<RoleChanged>(nated).has_value());
  EXPECT_NE(town.last<RoleChanged>(nated)->reason.find("203.0.113.77:40001"), std::string::npos) << "says why";

  const RingId key{town.rng.bytes<20>()};
  town.act(nated, [&](RingOutbox& out) { nated.announce(town.now, key, 7000, false, out); });
  town.run_for(20s);
  const auto announced = town.last<Announced>(nated);
  ASSERT_TRUE(announced.has_value());
  EXPECT_EQ(announced->held, 8u);
  RingNode& reader = town.node(3);
  town.act(reader, [&](RingOutbox& out) { reader.get_peers(town.now, key, out); });
  town.run_for(20s);
  EXPECT_EQ(town.last<PeersRead>(reader)->peers, std::vector<Endpoint>{elsewhere(77, 7000)});
}

TEST(PublicRing, nated_joiner_says_its_reason_once) {
  Town town(3);
  settle(town, hosts(outside, 4));
  RingNode& nated = town.add(Endpoint::v4(192, 168, 1, 7, 6881), std::nullopt, elsewhere(77, 40001));
  town.join(nated, outside(1));
  town.run_for(1h);
  const auto told = std::count_if(town.events.begin(), town.events.end(), [&](const auto& event) {
    return event.first == &nated && std::holds_alternative<RoleChanged>(event.second);
  });
  EXPECT_LE(told, 2) << "joining, and why it failed";
}

TEST(PublicRing, ninth_process_of_an_address_stays_a_client) {
  Town town(4);
  std::vector<Endpoint> endpoints{outside(1)};
  for (std::uint16_t port = 1; port <= kIdsPerAddress; ++port) endpoints.push_back(outside(2, port));
  settle(town, endpoints);
  std::set<RingId> ids;
  for (std::size_t i = 1; i < town.size(); ++i) EXPECT_TRUE(ids.insert(town.node(i).self().id).second);
  RingNode& ninth = town.add(outside(2, 9));
  town.join(ninth, outside(1));
  town.run_for(4min);
  EXPECT_EQ(ninth.role(), Role::kClient);
  // One leaves: its place is found at the next attempt.
  RingNode& leaver = town.node(3);
  town.act(leaver, [&](RingOutbox& out) { leaver.leave(town.now, out); });
  EXPECT_TRUE(town.run_until([&] { return ninth.role() == Role::kMember; }, 10min));
  EXPECT_TRUE(id_of_its_address(ninth.self()));
}

wire::Query ping_from(Town& town, const RingId& id) {
  wire::Query ping;
  ping.header = {town.rng.bytes<8>(), town.config.network, false};
  ping.sender = id;
  ping.body = wire::Ping{};
  wire::pad_to(ping, wire::largest_reply(wire::Method::kPing, Family::kV4), Family::kV4);
  return ping;
}

/// A notify with a good token, as a host at `from` with that id would send it.
void notify_from(Town& town, RingNode& node, const Contact& from) {
  const auto sends = town.tell(node, from.endpoint, ping_from(town, from.id));
  ASSERT_FALSE(sends.empty());
  wire::Query notify = ping_from(town, from.id);
  notify.pad = 0;
  notify.token = std::get<wire::Reply>(sends[0].message).token;
  notify.body = wire::Notify{};
  (void)town.tell(node, from.endpoint, notify);
}

TEST(PublicRing, notify_with_an_id_that_its_address_does_not_allow_changes_nothing) {
  Town town(5);
  settle(town, hosts(outside, 6));
  RingNode& member = town.node(2);
  const auto predecessor = member.ring().predecessor();
  const RingId just_before = subtract(member.self().id, power_of_two(0));
  notify_from(town, member, {just_before, elsewhere(66)});
  notify_from(town, member, {just_before, inside(66)});
  notify_from(town, member, {town.node(4).self().id, elsewhere(66)});
  EXPECT_EQ(member.ring().predecessor(), predecessor);
}

TEST(PublicRing, thief_of_our_id_at_another_address_does_not_drive_us_out) {
  Town town(6);
  settle(town, hosts(elsewhere, 20));
  RingNode& victim = town.node(3);
  const RingId id = victim.self().id;
  const Contact thief{id, outside(66)};
  ASSERT_LT(thief.endpoint, victim.self().endpoint) << "the smaller endpoint keeps a true conflict";
  town.puppets[thief.endpoint] = [&](const Endpoint& from, const wire::Query& query) -> std::optional<wire::Message> {
    return wire::Reply{{query.header.transaction, town.config.network, false}, id, {}, from, wire::PingReply{}};
  };
  // Every claim names the thief as the owner.
  town.tamper = [&](const Endpoint&, const Endpoint&, wire::Message& message) {
    auto* reply = std::get_if<wire::Reply>(&message);
    auto* step = reply == nullptr ? nullptr : std::get_if<wire::FindSuccessorReply>(&reply->body);
    if (step != nullptr && step->covers) step->contacts.assign(1, thief);
    return true;
  };
  for (int i = 0; i < 30; ++i) {
    const RingId key{town.rng.bytes<20>()};
    town.act(victim, [&](RingOutbox& out) { victim.look_up(town.now, key, LookupKind::kOwner, out); });
    town.run_for(2s);
    ASSERT_EQ(victim.role(), Role::kMember);
    ASSERT_EQ(victim.self().id, id);
  }
}

TEST(PublicRing, entry_point_with_a_false_id_cannot_place_a_joiner) {
  Town town(7);
  settle(town, hosts(outside, 10));
  RingNode& joiner = town.add(elsewhere(9));
  const Endpoint liar = elsewhere(66);
  // Whatever is asked, the liar stands just before it, and the true member 4 just behind it.
  RingId shown;
  town.puppets[liar] = [&](const Endpoint& from, const wire::Query& query) -> std::optional<wire::Message> {
    const Contact bait = town.node(4).self();
    wire::Reply reply{{query.header.transaction, town.config.network, false}, {}, {}, from, wire::PingReply{}};
    if (const auto* step = std::get_if<wire::FindSuccessor>(&query.body)) {
      shown = subtract(step->target, power_of_two(0));
      reply.body = wire::FindSuccessorReply{true, std::nullopt, {bait}};
    }
    if (std::holds_alternative<wire::Neighbors>(query.body))
      reply.body = wire::NeighborsReply{std::nullopt, false, false, {bait}};
    reply.sender = shown;
    return reply;
  };
  joiner.add_contact(outside(4));
  town.join(joiner, liar);
  ASSERT_TRUE(town.run_until([&] { return joiner.role() == Role::kMember; }, 2min));
  EXPECT_NE(joiner.ring().predecessor()->endpoint, liar);
  EXPECT_FALSE(in_any_table(town, liar));
  town.run_for(2min);
  EXPECT_EQ(joiner.ring().successors().entries().size(), 10u);
}

// --- one id, two nodes ----------------------------------------------------------------------------------------------

TEST(IdConflict, private_joiner_whose_id_is_taken_takes_another) {
  Town town(8);
  const RingId id{town.rng.bytes<20>()};
  RingNode& first = town.add(inside(1), id);
  RingNode& second = town.add(inside(2), id);
  town.serve_alone(first);
  town.join(second, inside(1));
  ASSERT_TRUE(town.run_until([&] { return second.role() == Role::kMember; }, 1min));
  EXPECT_EQ(first.self().id, id);
  EXPECT_NE(second.self().id, id);
  town.run_for(1min);
  EXPECT_EQ(first.ring().successors().entries(), std::vector<Contact>{second.self()});
}

/// A member that looks up a key whose claimed owner shows the member's own id. Who has the smaller endpoint?
bool yields_to(const Endpoint& twin) {
  Town town(9);
  std::vector<Endpoint> endpoints;
  for (std::uint8_t i = 1; i <= 20; ++i) endpoints.push_back(inside(100 + i));
  settle(town, endpoints);
  RingNode& member = town.node(5);
  const RingId id = member.self().id;
  town.puppets[twin] = [&, id](const Endpoint& from, const wire::Query& query) -> std::optional<wire::Message> {
    return wire::Reply{{query.header.transaction, town.config.network, false}, id, {}, from, wire::PingReply{}};
  };
  town.tamper = [&](const Endpoint&, const Endpoint& to, wire::Message& message) {
    auto* reply = std::get_if<wire::Reply>(&message);
    auto* step = reply == nullptr ? nullptr : std::get_if<wire::FindSuccessorReply>(&reply->body);
    if (step != nullptr && to == member.self().endpoint && step->covers) step->contacts.assign(1, Contact{id, twin});
    return true;
  };
  for (int i = 0; i < 10; ++i) {
    const RingId key{town.rng.bytes<20>()};
    town.act(member, [&](RingOutbox& out) { member.look_up(town.now, key, LookupKind::kOwner, out); });
    town.run_for(1s);
    if (member.self().id != id || member.role() != Role::kMember) break;
  }
  town.tamper = nullptr;
  const bool yielded = member.self().id != id || member.role() != Role::kMember;
  EXPECT_TRUE(town.run_until([&] { return member.role() == Role::kMember; }, 2min)) << "it comes back";
  return yielded;
}

TEST(IdConflict, proven_by_a_round_trip_the_smaller_endpoint_keeps_the_id) {
  EXPECT_TRUE(yields_to(inside(1)));
  EXPECT_FALSE(yields_to(inside(200)));
}

// The look at one's own id comes before the ring knows either of them: both become members, and nobody names the
// second.
TEST(IdConflict, two_that_joined_at_once_under_one_id_find_out_and_the_smaller_endpoint_keeps_it) {
  for (const bool smaller_first : {true, false}) {
    Town town(17);
    settle(town, hosts(inside, 5));
    const RingId id{town.rng.bytes<20>()};
    RingNode& smaller = town.add(inside(20), id);
    RingNode& larger = town.add(inside(30), id);
    town.join(smaller_first ? smaller : larger, inside(1));
    town.join(smaller_first ? larger : smaller, inside(1));
    town.run_for(1s);
    ASSERT_EQ(smaller.self().id, larger.self().id) << "or this tests nothing";
    EXPECT_TRUE(town.run_until(
        [&] {
          return larger.self().id != id && larger.role() == Role::kMember && smaller.role() == Role::kMember &&
                 town.node(0).ring().successors().entries().size() == 6;
        },
        3min));
    EXPECT_EQ(smaller.self().id, id);
  }
}

// Without proof of address a nudge is ignored, and a newcomer's predecessor would learn of it a whole period later.
TEST(Nudge, reaches_the_former_predecessor_though_no_token_is_at_hand) {
  Town town(18);
  settle(town, hosts(inside, 12));
  town.run_for(20min);  // periods are at their longest, tokens have aged
  RingNode& newcomer = town.add(inside(99));
  town.join(newcomer, inside(1));
  ASSERT_TRUE(town.run_until([&] { return newcomer.role() == Role::kMember; }, 10s));
  const auto known = [&] {
    for (std::size_t i = 0; i + 1 < town.size(); ++i)
      if (town.node(i).ring().successors().head() == newcomer.self()) return true;
    return false;
  };
  EXPECT_TRUE(town.run_until(known, 1s));
}

TEST(IdConflict, unverified_claim_of_our_id_is_ignored) {
  Town town(10);
  settle(town, hosts(inside, 6));
  RingNode& member = town.node(5);
  const Contact before = member.self();
  notify_from(town, member, {before.id, inside(66)});
  wire::Reply reply;
  reply.header = {town.rng.bytes<8>(), town.config.network, false};
  reply.sender = before.id;
  (void)town.tell(member, inside(1), reply);
  EXPECT_EQ(member.self(), before);
  EXPECT_EQ(member.role(), Role::kMember);
}

// --- leaving and coming back ----------------------------------------------------------------------------------------

TEST(Leave, neighbours_drop_the_leaver_within_half_a_second_whether_their_tokens_are_fresh_or_not) {
  for (const Duration quiet : {Duration(2min), Duration(20min)}) {
    Town town(11);
    settle(town, hosts(inside, 20));
    town.run_for(quiet);
    RingNode& leaver = town.node(7);
    const Endpoint endpoint = leaver.self().endpoint;
    const Endpoint predecessor = leaver.ring().predecessor()->endpoint;
    const Endpoint successor = leaver.ring().successors().head().endpoint;
    town.act(leaver, [&](RingOutbox& out) { leaver.leave(town.now, out); });
    town.run_for(500ms);
    for (std::size_t i = 0; i < town.size(); ++i) {
      RingNode& node = town.node(i);
      if (node.self().endpoint == predecessor) {
        EXPECT_NE(node.ring().successors().head().endpoint, endpoint);
      }
      if (node.self().endpoint == successor) {
        EXPECT_NE(node.ring().predecessor()->endpoint, endpoint);
      }
    }
    town.run_for(10min);  // entries behind list[0] leave hop by hop
    EXPECT_FALSE(in_any_table(town, endpoint));
  }
}

TEST(Leave, twice_or_as_a_client_is_harmless) {
  Town town(12);
  settle(town, hosts(inside, 3));
  RingNode& client = town.add(inside(50));
  for (RingNode* node : {&town.node(1), &town.node(1), &client})
    town.act(*node, [&](RingOutbox& out) { node->leave(town.now, out); });
  town.run_for(1min);
  EXPECT_EQ(town.node(1).role(), Role::kLeaving);
  EXPECT_EQ(town.node(0).ring().successors().entries(), std::vector<Contact>{town.node(2).self()});
}

TEST(Join, of_a_member_is_nothing_new) {
  Town town(13);
  settle(town, hosts(inside, 3));
  RingNode& member = town.node(1);
  const auto list = member.ring().successors().entries();
  town.join(member, inside(1));
  EXPECT_EQ(member.role(), Role::kMember);
  EXPECT_EQ(member.ring().successors().entries(), list);
}

TEST(Restart, under_the_old_id_is_dropped_before_any_dead_verdict_and_joins_anew) {
  Town town(14);
  settle(town, hosts(inside, 20));
  const Contact old = town.node(7).self();
  const Endpoint predecessor = town.node(7).ring().predecessor()->endpoint;
  std::size_t before = 0;  // the member whose list[0] it was
  while (town.node(before).self().endpoint != predecessor) ++before;
  const Endpoint entry_point = before == 0 ? inside(2) : inside(1);

  RingNode& reborn = town.restart(7);
  ASSERT_EQ(reborn.self(), old);
  ASSERT_NE(reborn.role(), Role::kMember) << "it must not answer as what it was";
  town.join(reborn, entry_point);
  bool dropped = false;
  const bool back = town.run_until(
      [&] {
        dropped = dropped || town.node(before).ring().successors().head() != old;
        return reborn.role() == Role::kMember;
      },
      limits::kDeadSpan);
  EXPECT_TRUE(dropped) << "not a member is a finished verdict";
  EXPECT_TRUE(back);
  town.run_for(1min);
  EXPECT_EQ(town.node(before).ring().successors().head(), old);
  EXPECT_EQ(reborn.ring().successors().entries().size(), 16u);
}

// --- serving alone --------------------------------------------------------------------------------------------------

TEST(Bootstrap, serves_alone_when_nobody_answers_for_long_enough) {
  Town town(15);
  RingNode& node = town.add(inside(1));
  node.add_contact(inside(50));
  town.act(node, [&](RingOutbox& out) { node.join(town.now, {{inside(1)}, 30s}, out); });
  town.run_for(29s);
  EXPECT_NE(node.role(), Role::kMember);
  town.run_for(2s);
  EXPECT_EQ(node.role(), Role::kMember);
  EXPECT_TRUE(node.ring().successors().complete());
}

TEST(Bootstrap, does_not_split_a_ring_that_answers_but_has_no_place_for_it_yet) {
  Town town(16);
  settle(town, hosts(inside, 6));
  RingNode& node = town.add(inside(50));
  node.add_contact(inside(1));
  town.tamper = [&](const Endpoint& from, const Endpoint&, wire::Message& message) {
    const auto* query = std::get_if<wire::Query>(&message);
    return query == nullptr || from != inside(50) || std::holds_alternative<wire::Ping>(query->body);
  };
  town.act(node, [&](RingOutbox& out) { node.join(town.now, {{inside(50)}, 30s}, out); });
  town.run_for(10min);
  EXPECT_NE(node.role(), Role::kMember) << "alone beside a living ring";
  town.tamper = nullptr;
  EXPECT_TRUE(town.run_until([&] { return node.role() == Role::kMember; }, 3min));
  town.run_for(1min);
  EXPECT_EQ(node.ring().successors().entries().size(), 6u);
}

}  // namespace
}  // namespace rondo::dht
