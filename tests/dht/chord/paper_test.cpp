// A test per claim of the papers that the ring relies on, under its section:
// ToN'03 = Stoica et al., "Chord: A Scalable Peer-to-Peer Lookup Protocol for Internet Applications", IEEE/ACM ToN
// 11(1). Zave'17 = "Reasoning about Identifier Spaces: How to Make Chord Correct", IEEE TSE 43(12).
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "dht/chord/interval.hpp"
#include "dht/chord/routing.hpp"
#include "tests/support/memory_ring.hpp"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using dht::LookupKind;

struct Measured {
  int right = 0;
  double hops = 0;
  double timeouts = 0;
};

Measured measure(MemoryRing& ring, LookupKind kind, int count) {
  Measured measured;
  for (int i = 0; i < count; ++i) {
    const auto members = ring.members();
    const RingId key{ring.rng().bytes<20>()};
    const auto result = ring.look_up(members[ring.rng().below(members.size())], key, kind);
    if (result.found() && *result.owner == *ring.owner(key)) ++measured.right;
    measured.hops += result.hops;
    measured.timeouts += result.timeouts;
  }
  measured.hops /= count;
  measured.timeouts /= count;
  return measured;
}

// ToN'03 section V.C, with the successor list's share removed: "1/2 log2 N - 1/2 log2 r + 1" hops to the owner. A read
// ends one hop earlier, at the first list that covers the key. Our alpha = 3 and the answers' 8 contacts only help.
TEST(ChordPaper, path_length_grows_with_half_the_logarithm) {
  for (const std::size_t nodes : {64u, 256u}) {
    MemoryRing ring(nodes);
    ring.grow(nodes, 30min);
    ring.run_for(2min);  // fingers
    const double published = 0.5 * std::log2(nodes) - 0.5 * std::log2(16) + 1;
    const Measured reads = measure(ring, LookupKind::kRead, 500);
    EXPECT_LE(reads.hops, published) << nodes;
    const Measured owners = measure(ring, LookupKind::kOwner, 500);
    EXPECT_EQ(owners.right, 500) << nodes;
    EXPECT_LE(owners.hops, published + 1) << nodes << ": one more for the owner's own sign of life";
  }
}

// ToN'03 section IV.C: n.closest_preceding_node. No step of a lookup goes past the key, each halves the distance at
// least on average; a step that does not come nearer would be an endless lookup.
TEST(ChordPaper, every_step_names_nodes_between_itself_and_the_key) {
  MemoryRing ring(31);
  ring.grow(80);
  ring.run_for(2min);
  for (int i = 0; i < 500; ++i) {
    const std::size_t from = ring.rng().below(80);
    const RingId key{ring.rng().bytes<20>()};
    auto& node = ring.node(from);
    const auto answer = dht::route(node.ring(), node.fingers(), node.endpoints(), key, 8);
    if (answer.covers) continue;
    ASSERT_FALSE(answer.contacts.empty());
    for (const Contact& contact : answer.contacts) EXPECT_TRUE(dht::between(node.self().id, contact.id, key));
  }
}

// ToN'03 section IV.D: finger i of n is a node in [n + 2^i, n + 2^(i+1)); a node keeps O(log N) of them.
TEST(ChordPaper, fingers_lie_in_their_intervals_and_are_logarithmic) {
  MemoryRing ring(32);
  ring.grow(128, 20min);
  ring.run_for(3min);
  for (std::size_t i = 0; i < 128; ++i) {
    const auto& fingers = ring.node(i).fingers();
    EXPECT_GE(fingers.entries().size(), 2u) << i;
    EXPECT_LE(fingers.entries().size(), 10u) << i;
    for (const auto& finger : fingers.entries()) {
      const RingId start = fingers.start(finger.index);
      EXPECT_LT(distance(start, finger.contact.id), distance(start, fingers.end(finger.index)));
    }
  }
}

// ToN'03 theorem IV.3: joins in any order, interleaved with stabilize, end in one cycle through all nodes.
TEST(ChordPaper, concurrent_joins_end_in_one_cycle) {
  MemoryRing ring(33);
  constexpr std::size_t kNodes = 48;
  for (std::size_t i = 0; i < kNodes; ++i) ring.add();
  ring.start_alone(0);
  for (std::size_t i = 1; i < kNodes; ++i) ring.join(i, 0);
  std::string why;
  EXPECT_TRUE(ring.run_until([&] { return ring.members().size() == kNodes && ring.one_ordered_ring(&why); }, 5min))
      << why;
}

// ToN'03 theorem IV.5 and Table II: with r = 2 log2 N, when every node fails with probability 1/2, find_successor still
// returns the closest living successor. Asked at once, before stabilize can have mended anything.
TEST(ChordPaper, lookups_survive_the_simultaneous_failure_of_half_the_nodes) {
  for (std::uint64_t seed = 41; seed < 46; ++seed) {
    MemoryRing ring(seed);
    constexpr std::size_t kNodes = 128;
    ring.grow(kNodes, 20min);
    ring.run_for(2min);
    for (std::size_t i = 0; i < kNodes; ++i)
      if (ring.rng().below(2) == 0) ring.crash(i);
    const Measured measured = measure(ring, LookupKind::kOwner, 100);
    EXPECT_EQ(measured.right, 100) << "seed " << seed;
    EXPECT_GT(measured.timeouts, 0.5) << "the dead were met";
  }
}

// ToN'03 section IV.E (E.3): an immediate successor that fails is replaced from the list.
TEST(ChordPaper, failed_successors_are_replaced_from_the_list) {
  MemoryRing ring(34);
  ring.grow(40);
  const Contact victim = ring.node(7).self();
  ring.crash(7);
  EXPECT_TRUE(ring.run_until([&] { return ring.one_ordered_ring(); }, 60s));
  for (const std::size_t i : ring.members()) EXPECT_NE(ring.node(i).ring().successors().head(), victim);
}

// Zave'17: inside her assumptions (more than r members, no live node taken for dead, no failure that leaves a list
// without a live entry or fewer than r + 1 principals) both clauses of the inductive invariant hold after every event.
class InvariantUnderChurn : public testing::TestWithParam<std::uint64_t> {};

TEST_P(InvariantUnderChurn, holds_after_every_event) {
  dht::ChordConfig config;
  config.successors = 3;
  MemoryRing ring(GetParam(), {5ms, 60ms, 0, 0.02}, config);
  ring.grow(8);
  ring.after_each = [&] {
    ASSERT_TRUE(ring.every_list_lives()) << "I1, seed " << GetParam();
    ASSERT_GE(ring.principals(), config.successors + 1) << "I2, seed " << GetParam();
  };
  for (int event = 0; event < 25; ++event) {
    const auto members = ring.members();
    const std::size_t node = members[ring.rng().below(members.size())];
    if (ring.rng().below(2) == 0 || members.size() <= 6) {
      ring.join(ring.add(), node);
    } else if (ring.may_fail(node)) {
      ring.crash(node);
    }
    ring.run_for(Duration(static_cast<std::int64_t>(ring.rng().below(8'000'000))));
    if (HasFatalFailure()) return;
  }
  std::string why;
  EXPECT_TRUE(ring.run_until([&] { return ring.one_ordered_ring(&why); }, 5min)) << why;
}
INSTANTIATE_TEST_SUITE_P(Seeds, InvariantUnderChurn, testing::Range<std::uint64_t>(1, 31));

}  // namespace
}  // namespace rondo::test
