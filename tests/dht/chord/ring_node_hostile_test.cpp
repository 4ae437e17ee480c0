// Whatever decodes must neither break an invariant nor a ring: garbage, lies in true answers, and weather that looks
// like an outage of our own.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dht/base/limits.hpp"
#include "dht/chord/interval.hpp"
#include "dht/chord/ring_node.hpp"
#include "tests/dht/chord/town.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;
using test::Town;

Endpoint inside(std::uint8_t host) { return Endpoint::v4(10, 0, 0, host, 6881); }

void settle(Town& town, std::uint8_t count) {
  for (std::uint8_t i = 1; i <= count; ++i) town.add(inside(i));
  town.serve_alone(town.node(0));
  for (std::size_t i = 1; i < count; ++i) {
    town.join(town.node(i), inside(1));
    town.run_for(300ms);
  }
  town.run_for(2min);
}

/// Every member's list[0] and predecessor are the true ones, and all are members.
bool one_ring(Town& town) {
  std::vector<RingNode*> order;
  for (std::size_t i = 0; i < town.size(); ++i) {
    if (town.node(i).role() != Role::kMember) return false;
    order.push_back(&town.node(i));
  }
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->self().id < b->self().id; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Contact& next = order[(i + 1) % order.size()]->self();
    const ZaveRing& ring = order[i]->ring();
    if (ring.successors().empty() || ring.successors().head() != next) return false;
    if (order[(i + 1) % order.size()]->ring().predecessor() != order[i]->self()) return false;
  }
  return true;
}

/// Random messages that decode: every field within its type, and none of them true.
class Garbage {
 public:
  Garbage(Rng& rng, Town& town) : rng_(rng), town_(town) {}

  Contact contact() {
    const Contact known = town_.node(rng_.below(town_.size())).self();
    switch (rng_.below(6)) {
      case 0: return known;
      case 1: return {RingId{rng_.bytes<20>()}, known.endpoint};
      case 2: return {known.id, inside(static_cast<std::uint8_t>(200 + rng_.below(20)))};
      case 3: return {add(known.id, power_of_two(static_cast<unsigned>(rng_.below(160)))), inside(250)};
      case 4: return {known.id, Endpoint::v4(224, 0, 0, 1, static_cast<std::uint16_t>(rng_.below(2)))};
      default: return {RingId{rng_.bytes<20>()}, Endpoint::v4(8, 8, 8, 8, 53)};
    }
  }
  std::vector<Contact> contacts(std::size_t most) {
    std::vector<Contact> list(rng_.below(most + 1));
    for (Contact& each : list) each = contact();
    return list;
  }
  wire::ReplyBody body(wire::Method method) {
    switch (method) {
      case wire::Method::kPing: return wire::PingReply{};
      case wire::Method::kFindSuccessor: {
        wire::FindSuccessorReply step{chance(), std::nullopt, contacts(limits::kStepContacts)};
        if (step.covers && chance()) step.previous = contact();
        return step;
      }
      case wire::Method::kNeighbors: {
        wire::NeighborsReply told;
        if (chance()) told.predecessor = contact();
        told.unchanged = rng_.below(4) == 0;
        told.complete = chance();
        if (!told.unchanged) told.successors = contacts(limits::kSuccessors);
        return told;
      }
      case wire::Method::kNotify: return wire::NotifyReply{};
      case wire::Method::kGetPeers: {
        wire::GetPeersReply read;
        for (std::uint64_t n = rng_.below(limits::kAnswerPeers + 1); n > 0; --n)
          read.peers.push_back(contact().endpoint);
        return read;
      }
      case wire::Method::kAnnouncePeer: return wire::AnnouncePeerReply{};
    }
    return wire::PingReply{};
  }
  wire::QueryBody question(wire::Method method) {
    switch (method) {
      case wire::Method::kPing: return wire::Ping{};
      case wire::Method::kFindSuccessor: return wire::FindSuccessor{chance() ? contact().id : RingId{rng_.bytes<20>()}};
      case wire::Method::kNeighbors: return wire::Neighbors{rng_.next() >> rng_.below(64)};
      case wire::Method::kNotify: return wire::Notify{};
      case wire::Method::kGetPeers: return wire::GetPeers{RingId{rng_.bytes<20>()}};
      case wire::Method::kAnnouncePeer:
        return wire::AnnouncePeer{RingId{rng_.bytes<20>()}, static_cast<std::uint16_t>(1 + rng_.below(0xffff)),
                                  chance()};
    }
    return wire::Ping{};
  }
  wire::Message message() {
    const wire::Header header{rng_.bytes<8>(), town_.config.network, chance()};
    const auto method = static_cast<wire::Method>(rng_.below(wire::kMethods));
    switch (rng_.below(3)) {
      case 0: return wire::Query{header, contact().id, rng_.bytes<8>(), 0, question(method)};
      case 1: return wire::Reply{header, contact().id, rng_.bytes<8>(), contact().endpoint, body(method)};
      default: return wire::Error{header, static_cast<std::uint16_t>(300 + rng_.below(20)), "no"};
    }
  }
  bool chance() { return rng_.below(2) == 0; }

 private:
  Rng& rng_;
  Town& town_;
};

class Hostile : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Hostile, garbage_from_anywhere_breaks_no_invariant_and_no_ring) {
  Town town(GetParam());
  settle(town, 8);
  Rng rng(GetParam() + 100);
  Garbage garbage(rng, town);
  for (int i = 0; i < 3000; ++i) {
    RingNode& node = town.node(rng.below(town.size()));
    (void)town.tell(node, garbage.contact().endpoint, garbage.message(), rng.below(limits::kDatagram + 1));
    if (i % 50 == 0) town.run_for(100ms);
  }
  town.run_for(1min);
  EXPECT_TRUE(one_ring(town));
}

/// Every fourth answer is a lie, while everybody looks up, reads and announces. `of_others`: also about who and what
/// the answerer is, which makes the living look dead.
void live_among_liars(Town& town, std::uint64_t seed, bool of_others) {
  Rng rng(seed);
  Garbage garbage(rng, town);
  town.tamper = [&](const Endpoint&, const Endpoint&, wire::Message& message) {
    auto* reply = std::get_if<wire::Reply>(&message);
    if (reply == nullptr || rng.below(4) != 0) return true;
    reply->body = garbage.body(wire::method_of(reply->body));
    if (rng.below(8) == 0) reply->token = rng.bytes<8>();
    if (of_others && rng.below(8) == 0) reply->sender = garbage.contact().id;
    if (of_others && rng.below(8) == 0) reply->header.read_only = true;
    return true;
  };
  for (int i = 0; i < 40; ++i) {
    RingNode& node = town.node(rng.below(town.size()));
    const RingId key{rng.bytes<20>()};
    town.act(node, [&](RingOutbox& out) {
      if (garbage.chance()) node.look_up(town.now, key, LookupKind::kOwner, out);
      if (garbage.chance()) node.get_peers(town.now, key, out);
      if (garbage.chance()) node.announce(town.now, key, 1, garbage.chance(), out);
    });
    town.run_for(3s);
  }
  town.tamper = nullptr;
}

// Town checks the invariants after every event. Nothing else is promised: a neighbour that is called dead while it
// lives is outside Zave's assumptions, and a member that believes itself alone stays alone until rings can merge.
TEST_P(Hostile, members_that_lie_about_everything_break_no_invariant) {
  Town town(GetParam());
  settle(town, 8);
  live_among_liars(town, GetParam() + 200, true);
}

// False lists, predecessors, claims and tokens alone: when they end the ring finds itself again.
TEST_P(Hostile, members_that_lie_in_what_they_tell_cannot_break_the_ring_for_good) {
  Town town(GetParam());
  settle(town, 8);
  live_among_liars(town, GetParam() + 300, false);
  EXPECT_TRUE(town.run_until([&] { return one_ring(town); }, 15min));
}
INSTANTIATE_TEST_SUITE_P(Seeds, Hostile, testing::Range<std::uint64_t>(1, 9));

// A wrong id at a right endpoint is answered by another node than the one meant: the member itself, alive and well.
TEST(LiesAboutIds, do_not_bury_living_neighbours) {
  Town town(1);
  settle(town, 24);
  ASSERT_TRUE(one_ring(town));
  Rng rng(5);
  town.tamper = [&](const Endpoint&, const Endpoint&, wire::Message& message) {
    auto* reply = std::get_if<wire::Reply>(&message);
    auto* step = reply == nullptr ? nullptr : std::get_if<wire::FindSuccessorReply>(&reply->body);
    if (step == nullptr) return true;
    for (Contact& contact : step->contacts) contact.id = add(contact.id, power_of_two(3));
    if (step->previous) step->previous->id = add(step->previous->id, power_of_two(3));
    return true;
  };
  for (int i = 0; i < 100; ++i) {
    RingNode& node = town.node(rng.below(town.size()));
    town.act(node, [&](RingOutbox& out) { node.look_up(town.now, RingId{rng.bytes<20>()}, LookupKind::kOwner, out); });
    town.run_for(300ms);
    ASSERT_TRUE(one_ring(town)) << "after lookup " << i;
  }
}

TEST(LiesAboutIds, do_not_remove_living_fingers) {
  Town town(2);
  settle(town, 40);
  town.run_for(2min);
  std::size_t victim = 0;
  while (town.node(victim).fingers().entries().empty()) ++victim;
  RingNode& node = town.node(victim);
  const Contact finger = node.fingers().entries().back().contact;
  const RingId key = subtract(node.self().id, power_of_two(157));
  int lies = 0;
  town.tamper = [&](const Endpoint&, const Endpoint& to, wire::Message& message) {
    auto* reply = std::get_if<wire::Reply>(&message);
    auto* step = reply == nullptr ? nullptr : std::get_if<wire::FindSuccessorReply>(&reply->body);
    if (step == nullptr || to != node.self().endpoint) return true;
    *step = {false, std::nullopt, {{subtract(key, power_of_two(0)), finger.endpoint}}};
    ++lies;
    return true;
  };
  town.act(node, [&](RingOutbox& out) { node.look_up(town.now, key, LookupKind::kOwner, out); });
  town.run_for(2s);
  EXPECT_GT(lies, 0);
  bool kept = false;
  for (const auto& entry : node.fingers().entries()) kept = kept || entry.contact == finger;
  EXPECT_TRUE(kept) << "another node answered there than the one meant: the finger itself";
}

/// A member of a ring of puppets at the places 0x10, 0x20, ... of which it knows 0x80 (its head), 0xc0, 0x60 (its
/// third, nearly once round) and 0x70 (its predecessor); it stands at 0x78 and only puppets can speak to it.
class AmongPuppets : public testing::Test {
 protected:
  AmongPuppets() : town(1, small_lists()), node(town.add(inside(1), place(0x78))) {
    for (const int number : {0x60, 0x70, 0x80, 0xc0}) {
      town.puppets[at(number).endpoint] = [this, number](const Endpoint& from, const wire::Query& query) {
        return answer(number, from, query);
      };
    }
    town.join(node, at(0x70).endpoint);
    town.run_for(500ms);
    EXPECT_EQ(node.role(), Role::kMember);
    EXPECT_EQ(node.ring().successors().entries(), (std::vector<Contact>{at(0x80), at(0xc0), at(0x60)}));
  }

  static ChordConfig small_lists() {
    ChordConfig config;
    config.successors = 3;
    return config;
  }
  static RingId place(int number) {
    RingId id;
    id.bytes[0] = static_cast<std::uint8_t>(number);
    return id;
  }
  static Contact at(int number) { return {place(number), inside(static_cast<std::uint8_t>(number))}; }

  std::optional<wire::Message> answer(int number, const Endpoint& from, const wire::Query& query) {
    if (dead.contains(number)) return std::nullopt;
    wire::Reply reply{{query.header.transaction, town.config.network, false}, place(number), {1}, from, {}};
    switch (wire::method_of(query.body)) {
      case wire::Method::kFindSuccessor:
        reply.body = wire::FindSuccessorReply{true, std::nullopt, {at(0x80), at(0xc0), at(0x60)}};
        break;
      case wire::Method::kNeighbors: {
        wire::NeighborsReply told;
        told.successors = {at(0x80), at(0xc0), at(0x60)};
        if (number == 0x80) told.successors = {at(0xc0), at(0x60), at(0x70)};
        if (number == 0x80) told.predecessor = between_us_and_head;
        if (number == 0xc0) told.successors = {at(0x60), at(0x70), at(0x80)};
        reply.body = told;
        break;
      }
      case wire::Method::kNotify: reply.body = wire::NotifyReply{}; break;
      default: reply.body = wire::PingReply{};
    }
    return reply;
  }

  Town town;
  RingNode& node;
  std::set<int> dead;
  std::optional<Contact> between_us_and_head;
};

// All whom it asks lately die at once: that looks like an outage of its own, and no verdict may be spoken. But 0xc0
// lives, in the middle of its list, and it must find that out though nobody speaks to it.
TEST_F(AmongPuppets, member_whose_contacts_died_together_asks_others_and_goes_on) {
  dead = {0x60, 0x70, 0x80};
  for (const int key : {0x71, 0x68})  // so that predecessor and third are tried as well
    town.act(node, [&](RingOutbox& out) { node.look_up(town.now, place(key), LookupKind::kOwner, out); });
  EXPECT_TRUE(town.run_until(
      [&] { return !node.ring().successors().empty() && node.ring().successors().head() == at(0xc0); }, 3min));
}

TEST_F(AmongPuppets, member_whose_contacts_all_died_speaks_no_verdict) {
  dead = {0x60, 0x70, 0x80, 0xc0};
  for (const int key : {0x71, 0x68})
    town.act(node, [&](RingOutbox& out) { node.look_up(town.now, place(key), LookupKind::kOwner, out); });
  town.run_for(10min);
  EXPECT_GE(node.ring().successors().entries().size(), 2u) << "it is probably ourselves who are offline";
  EXPECT_EQ(node.role(), Role::kMember);
  dead.clear();
  EXPECT_TRUE(town.run_until([&] { return node.ring().successors().entries().size() == 3; }, 3min));
}

// A verdict's ping is out while its subject stops being a neighbour; it must not wait for that ping for ever when the
// subject is a neighbour again.
TEST_F(AmongPuppets, verdict_on_a_former_head_is_spoken_when_it_heads_the_list_again) {
  std::optional<wire::Query> held;
  town.puppets[at(0x7c).endpoint] = [&](const Endpoint&, const wire::Query& query) -> std::optional<wire::Message> {
    held = query;
    return std::nullopt;
  };
  between_us_and_head = at(0x7c);
  ASSERT_TRUE(town.run_until([&] { return held.has_value(); }, 1min)) << "the candidate is asked";
  dead = {0x80};
  town.act(node, [&](RingOutbox& out) { node.look_up(town.now, place(0x79), LookupKind::kOwner, out); });
  town.run_for(limits::kMinTimeout + 50ms);  // the check was unanswered, and the verdict's own ping is out
  ASSERT_GE(node.endpoints().unanswered(at(0x80).endpoint), 1);
  wire::Reply reply{{held->header.transaction, town.config.network, false}, place(0x7c), {1}, inside(1), {}};
  reply.body = wire::NeighborsReply{std::nullopt, false, false, {at(0x80), at(0xc0), at(0x60)}};
  (void)town.tell(node, at(0x7c).endpoint, reply);
  ASSERT_EQ(node.ring().successors().head(), at(0x7c));
  EXPECT_TRUE(town.run_until([&] { return node.ring().successors().head() == at(0xc0); }, 3min));
}

// --- memory of the past ---------------------------------------------------------------------------------------------

// A dead predecessor keeps its place until somebody takes it. When it then heads the list, it is judged as list[0].
TEST(SmallRing, survivor_of_three_is_alone_whichever_death_it_finds_out_first) {
  for (const bool predecessor_first : {true, false}) {
    Town town(5);
    settle(town, 3);
    ASSERT_TRUE(one_ring(town));
    RingNode& survivor = town.node(0);
    const RingId own_key = subtract(survivor.self().id, power_of_two(0));
    town.kill(survivor.ring().predecessor()->endpoint);
    town.kill(survivor.ring().successors().head().endpoint);
    if (predecessor_first)  // who owns a key of ours? Only the predecessor knows first-hand
      town.act(survivor, [&](RingOutbox& out) { survivor.look_up(town.now, own_key, LookupKind::kOwner, out); });
    EXPECT_TRUE(town.run_until([&] { return survivor.ring().successors().empty(); }, 3min)) << predecessor_first;
    EXPECT_TRUE(survivor.ring().successors().complete());
    EXPECT_EQ(survivor.role(), Role::kMember);
  }
}

// Asked as a member, answered to a leaver: nothing of it may enter its tables.
TEST(EarlierLife, candidate_that_answers_after_we_have_left_is_not_adopted) {
  Town town(4);
  RingNode& node = town.add(inside(1));
  town.serve_alone(node);
  RingNode& newcomer = town.add(inside(2));
  town.join(newcomer, inside(1));
  bool asked = false;
  town.tamper = [&](const Endpoint& from, const Endpoint&, wire::Message& message) {
    const auto* query = std::get_if<wire::Query>(&message);
    asked = asked || (query != nullptr && from == inside(1) && std::holds_alternative<wire::Neighbors>(query->body));
    return true;
  };
  while (!asked) town.run_for(1ms);
  ASSERT_TRUE(node.ring().successors().empty());
  town.act(node, [&](RingOutbox& out) { node.leave(town.now, out); });
  town.run_for(1s);
  EXPECT_TRUE(node.ring().successors().empty());
}

// Answers to questions of an earlier life come back when the node has already become another.
TEST(EarlierLife, answers_to_it_do_not_touch_the_next_one) {
  Town town(3);
  settle(town, 12);
  Rng rng(9);
  for (int i = 0; i < 30; ++i) {
    RingNode& node = town.node(1 + rng.below(11));
    town.act(node, [&](RingOutbox& out) { node.leave(town.now, out); });
    town.run_for(Duration(static_cast<std::int64_t>(rng.below(30'000))));
    town.join(node, inside(1));
    town.run_for(Duration(static_cast<std::int64_t>(rng.below(3'000'000))));
  }
  EXPECT_TRUE(town.run_until([&] { return one_ring(town); }, 5min));
}

}  // namespace
}  // namespace rondo::dht
