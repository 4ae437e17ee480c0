// A test per rule of the corrected protocol: Zave, "Reasoning about Identifier Spaces: How to Make Chord Correct",
// IEEE TSE 43(12), 2017 (operations Join, StabilizeFromSuccessor, StabilizeFromPredecessor, Rectify, Fail).
#include "dht/chord/zave_ring.hpp"

#include <gtest/gtest.h>

namespace rondo::dht {
namespace {

Contact at(std::uint8_t place) {
  RingId id;
  id.bytes[0] = place;
  return {id, Endpoint::v4(10, 0, 0, place, 6881)};
}

std::vector<Contact> places(std::initializer_list<int> list) {
  std::vector<Contact> out;
  for (const int place : list) out.push_back(at(static_cast<std::uint8_t>(place)));
  return out;
}

constexpr std::size_t kR = 3;

/// Member 10 of the ideal ring 10 20 30 40 50, r = 3.
ZaveRing member_ten() {
  ZaveRing ring(at(10), kR);
  EXPECT_TRUE(ring.join(at(50), {places({20, 30, 40}), false}));
  return ring;
}

TEST(ZaveJoin, copies_the_whole_list_and_takes_m_as_predecessor) {
  ZaveRing newcomer(at(15), kR);
  ASSERT_TRUE(newcomer.join(at(10), {places({20, 30, 40}), false}));
  EXPECT_EQ(newcomer.successors().entries(), places({20, 30, 40}));
  EXPECT_EQ(newcomer.predecessor(), at(10));
}

TEST(ZaveJoin, is_refused_when_m_no_longer_straddles_the_newcomer) {
  ZaveRing newcomer(at(15), kR);
  EXPECT_FALSE(newcomer.join(at(10), {places({12, 20, 30}), false}));
  EXPECT_FALSE(newcomer.join(at(10), {places({15, 20, 30}), false})) << "its own ghost is not a place to join";
  EXPECT_TRUE(newcomer.successors().empty());
  EXPECT_FALSE(newcomer.predecessor().has_value());
}

TEST(ZaveJoin, at_a_member_alone_makes_a_ring_of_two) {
  ZaveRing newcomer(at(15), kR);
  ASSERT_TRUE(newcomer.join(at(10), {{}, true}));
  EXPECT_EQ(newcomer.successors().entries(), places({10}));
  EXPECT_TRUE(newcomer.successors().complete());
}

TEST(ZaveJoin, in_a_small_ring_adds_m_behind_its_own_list) {
  ZaveRing newcomer(at(25), kR);
  ASSERT_TRUE(newcomer.join(at(20), {places({10}), true}));
  EXPECT_EQ(newcomer.successors().entries(), places({10, 20}));
  EXPECT_TRUE(newcomer.successors().complete());
}

TEST(ZaveJoin, never_joins_with_an_empty_list_that_is_not_the_whole_ring) {
  ZaveRing newcomer(at(15), kR);
  EXPECT_FALSE(newcomer.join(at(10), {{}, false}));
}

TEST(ZaveStabilize, replaces_the_list_and_does_not_merge) {
  ZaveRing ring = member_ten();
  // 30 has died and 20 knows it: the old entry must not survive.
  const auto step = ring.successor_alive(at(20), {places({40, 50, 10}), false}, at(10));
  EXPECT_EQ(ring.successors().entries(), places({20, 40, 50}));
  EXPECT_TRUE(std::holds_alternative<Rest>(step)) << "its predecessor is us: notify would change nothing";
}

TEST(ZaveStabilize, asks_the_successors_predecessor_before_adopting_it) {
  ZaveRing ring = member_ten();
  const auto step = ring.successor_alive(at(20), {places({30, 40, 50}), false}, at(15));
  ASSERT_TRUE(std::holds_alternative<AskCandidate>(step));
  EXPECT_EQ(std::get<AskCandidate>(step).candidate, at(15));
  EXPECT_EQ(ring.successors().head(), at(20)) << "ToN'03 Fig. 6 would have adopted it unprobed";
}

TEST(ZaveStabilize, notifies_when_the_successor_does_not_know_us) {
  ZaveRing ring = member_ten();
  const auto behind = ring.successor_alive(at(20), {places({30, 40, 50}), false}, at(5));
  ASSERT_TRUE(std::holds_alternative<NotifySuccessor>(behind));
  EXPECT_EQ(std::get<NotifySuccessor>(behind).to, at(20));
  const auto none = ring.successor_alive(at(20), {places({30, 40, 50}), false}, std::nullopt);
  EXPECT_TRUE(std::holds_alternative<NotifySuccessor>(none));
}

TEST(ZaveStabilize, drops_only_the_dead_head_and_leaves_the_tail_place_empty) {
  ZaveRing ring = member_ten();
  const auto step = ring.successor_dead(at(20));
  EXPECT_EQ(ring.successors().entries(), places({30, 40}));
  EXPECT_FALSE(ring.successors().whole()) << "the empty place is no reason to believe that the ring is small";
  ASSERT_TRUE(std::holds_alternative<NotifySuccessor>(step));
  EXPECT_EQ(std::get<NotifySuccessor>(step).to, at(30));
}

TEST(ZaveStabilize, ignores_the_answer_or_death_of_a_former_head) {
  ZaveRing ring = member_ten();
  EXPECT_TRUE(std::holds_alternative<Rest>(ring.successor_alive(at(30), {places({40}), false}, at(12))));
  EXPECT_TRUE(std::holds_alternative<Rest>(ring.successor_dead(at(30))));
  EXPECT_EQ(ring.successors().entries(), places({20, 30, 40}));
}

TEST(ZaveStabilizeFromPredecessor, live_candidate_heads_its_own_list) {
  ZaveRing ring = member_ten();
  const auto step = ring.candidate_alive(at(15), {places({20, 30, 40}), false});
  EXPECT_EQ(ring.successors().entries(), places({15, 20, 30}));
  ASSERT_TRUE(std::holds_alternative<NotifySuccessor>(step));
  EXPECT_EQ(std::get<NotifySuccessor>(step).to, at(15));
}

TEST(ZaveStabilizeFromPredecessor, dead_candidate_leaves_the_list_and_notifies_the_head) {
  const ZaveRing ring = member_ten();
  const auto step = ring.candidate_dead();
  EXPECT_EQ(ring.successors().entries(), places({20, 30, 40}));
  EXPECT_EQ(std::get<NotifySuccessor>(step).to, at(20));
}

TEST(ZaveStabilizeFromPredecessor, candidate_that_is_not_nearer_than_the_head_is_ignored) {
  ZaveRing ring = member_ten();
  EXPECT_TRUE(std::holds_alternative<Rest>(ring.candidate_alive(at(25), {places({30, 40, 50}), false})));
  EXPECT_EQ(ring.successors().head(), at(20));
}

TEST(ZaveStabilize, member_alone_takes_its_notifier_as_successor) {
  ZaveRing alone(at(10), kR);
  EXPECT_EQ(alone.rectify(at(15)), Rectified::kAdopted);
  (void)alone.candidate_alive(at(15), {places({10}), true});
  EXPECT_EQ(alone.successors().entries(), places({15}));
  EXPECT_TRUE(alone.successors().complete());
}

TEST(ZaveRectify, adopts_a_nearer_notifier_without_asking) {
  ZaveRing ring = member_ten();
  EXPECT_EQ(ring.rectify(at(55)), Rectified::kAdopted);
  EXPECT_EQ(ring.predecessor(), at(55));
}

TEST(ZaveRectify, farther_notifier_waits_for_the_predecessors_death) {
  ZaveRing ring = member_ten();
  EXPECT_EQ(ring.rectify(at(40)), Rectified::kAskPredecessor);
  EXPECT_EQ(ring.predecessor(), at(50)) << "never set to none, never replaced by a mere claim";
  ring.predecessor_dead(at(40));
  EXPECT_EQ(ring.predecessor(), at(40));
}

TEST(ZaveRectify, repeated_notify_of_the_predecessor_changes_nothing) {
  ZaveRing ring = member_ten();
  EXPECT_EQ(ring.rectify(at(50)), Rectified::kAlready);
}

/// The counterexample class of Zave (CCR 2012) against ToN'03 Fig. 6: n adopts its successor's predecessor unprobed,
/// and that one is dead. The published rule leaves n with one successor, dead; ours keeps a live list.
TEST(PublishedStabilize, adopting_a_dead_predecessor_loses_the_ring_and_the_corrected_rule_survives) {
  // 10 -> 20; 15 joined between them, told 20, and died before 10 heard of it.
  const Contact dead = at(15);

  // ToN'03 Fig. 6: n.stabilize(): x = successor.predecessor; if (x in (n, successor)) successor = x;
  Contact published_successor = at(20);
  const Contact x = dead;
  if (x.id > at(10).id && x.id < published_successor.id) published_successor = x;
  EXPECT_EQ(published_successor, dead) << "n's only successor is dead now: the ring is broken";

  ZaveRing ring = member_ten();
  const auto step = ring.successor_alive(at(20), {places({30, 40, 50}), false}, dead);
  ASSERT_EQ(std::get<AskCandidate>(step).candidate, dead);
  const auto after = ring.candidate_dead();
  EXPECT_EQ(ring.successors().entries(), places({20, 30, 40}));
  EXPECT_EQ(std::get<NotifySuccessor>(after).to, at(20)) << "20 will ask 15, find it dead, and take us back";
}

}  // namespace
}  // namespace rondo::dht
