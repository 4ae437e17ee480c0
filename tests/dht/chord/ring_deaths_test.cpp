// Sudden deaths: rows of neighbours, everybody but one, everybody whom a client asked last; and what must not be taken
// for a death, our own outage.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/support/memory_ring.hpp"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using dht::Role;
namespace wire = dht::wire;

/// Members in ring order.
std::vector<std::size_t> in_order(MemoryRing& ring) {
  std::vector<std::size_t> order = ring.members();
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return ring.node(a).self().id < ring.node(b).self().id; });
  return order;
}

class Deaths : public testing::TestWithParam<std::uint64_t> {};

// One after the other, 15 verdicts would take a minute. All of them are spoken in the time of one, after the longest
// pause between two rounds (36 s).
TEST_P(Deaths, row_of_dead_neighbours_takes_the_time_of_one_verdict) {
  for (const std::size_t row : {8u, 15u}) {
    MemoryRing ring(GetParam());
    ring.grow(64);
    ring.run_for(10min);
    const auto order = in_order(ring);
    const std::size_t first = ring.rng().below(order.size());
    for (std::size_t i = 0; i < row; ++i) ring.crash(order[(first + i) % order.size()]);
    ASSERT_TRUE(ring.every_list_lives());
    std::string why;
    EXPECT_TRUE(ring.run_until([&] { return ring.one_ordered_ring(&why); }, 36s + 12s)) << row << " dead: " << why;
    EXPECT_TRUE(ring.run_until([&] { return ring.ideal(&why); }, 30s)) << row << " dead: " << why;
  }
}

// Round trips grow beyond the time-outs that were learned: when the suspects' tries are over, nobody has answered yet.
TEST_P(Deaths, row_of_dead_neighbours_is_buried_though_witnesses_are_slower_than_time_outs) {
  MemoryRing ring(GetParam(), {1ms, 5ms});
  ring.grow(64);
  ring.run_for(10min);
  const auto order = in_order(ring);
  const std::size_t first = ring.rng().below(order.size());
  for (std::size_t i = 0; i < 8; ++i) ring.crash(order[(first + i) % order.size()]);
  ring.link = {200ms, 220ms};
  std::string why;
  EXPECT_TRUE(ring.run_until([&] { return ring.one_ordered_ring(&why); }, 36s + 24s)) << why;
}

TEST_P(Deaths, quarter_of_a_quiet_ring_is_healed_within_a_minute) {
  MemoryRing ring(GetParam());
  ring.grow(64);
  ring.run_for(10min);
  for (int crashed = 0; crashed < 16;) {
    const std::size_t victim = ring.rng().below(64);
    if (!ring.alive(victim)) continue;
    ring.crash(victim);
    ++crashed;
  }
  std::string why;
  EXPECT_TRUE(ring.run_until([&] { return ring.ideal(&why); }, 1min)) << why;
}

// A laptop loses its Wi-Fi for a while. It hears nobody, and must bury nobody: not then, and not in the moment when the
// first word arrives, for all the silence before it was its own.
TEST_P(Deaths, own_outage_buries_nobody_not_even_when_it_ends) {
  MemoryRing ring(GetParam());
  ring.grow(20);
  ring.run_for(1min);
  const Contact laptop = ring.node(2).self();
  bool offline = true;
  ring.filter = [&](const Endpoint& from, const Endpoint& to, const wire::Message&) {
    return !offline || (from != laptop.endpoint && to != laptop.endpoint);
  };
  // Enough of them are asked at once that it suspects itself from the beginning.
  for (int i = 0; i < 4; ++i) (void)ring.look_up(2, RingId{ring.rng().bytes<20>()}, dht::LookupKind::kRead);
  const Contact head = ring.node(2).ring().successors().head();
  ring.run_for(5min + Duration(static_cast<std::int64_t>(ring.rng().below(10'000'000))));
  offline = false;
  bool kept = true;
  ring.after_each = [&] {
    const auto& list = ring.node(2).ring().successors();
    kept = kept && !list.empty() && list.head() == head;
  };
  EXPECT_TRUE(ring.run_until([&] { return ring.members().size() == 20 && ring.one_ordered_ring(); }, 2min));
  EXPECT_TRUE(kept) << "a living successor was dropped";
}

// The last member cannot know whether the others died or its own network did. Whoever speaks to it decides that, be it
// one who is no member. With more than r others its list was not all that it knew: then it asks them before, being a
// bootstrap node, it serves alone again.
TEST_P(Deaths, survivor_of_all_others_is_sure_when_anybody_speaks_to_it) {
  for (const auto& [nodes, limit] :
       {std::pair(5u, 30s), std::pair(10u, 30s), std::pair(17u, 30s), std::pair(24u, 300s)}) {
    MemoryRing ring(GetParam());
    ring.grow(nodes);
    ring.run_for(2min);
    const std::size_t known = ring.node(0).ring().successors().entries().size();
    for (std::size_t i = 1; i < nodes; ++i) ring.crash(i);
    ring.run_for(10min);
    EXPECT_GE(ring.node(0).ring().successors().entries().size(), known - 1) << "it is probably itself that is offline";
    EXPECT_EQ(ring.node(0).role(), Role::kMember);
    const std::size_t newcomer = ring.add();
    ring.join(newcomer, 0);
    std::string why;
    EXPECT_TRUE(ring.run_until([&] { return ring.members().size() == 2 && ring.ideal(&why); }, limit)) << nodes << why;
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, Deaths, testing::Range<std::uint64_t>(1, 6));

/// A client that announced, and whose replicas have all died since: those that it heard last, and would ask next.
class ClientOfTheDead : public testing::Test {
 protected:
  ClientOfTheDead() : ring(3) {
    ring.grow(32);
    client = ring.add();
    ring.node(client).add_contact(ring.node(9).self().endpoint);
    const auto announced = ring.announce(client, key, 7000);
    EXPECT_EQ(announced.held, limits::kReplicas);
    for (std::size_t i = 0; i < 32; ++i)
      for (const auto& replica : announced.replicas)
        if (ring.alive(i) && ring.node(i).self() == replica.replica) ring.crash(last_dead = i);
    EXPECT_TRUE(ring.alive(9)) << "another seed is needed";
  }

  MemoryRing ring;
  const RingId key{};
  std::size_t client = 0;
  std::size_t last_dead = 0;
};

TEST_F(ClientOfTheDead, joins_through_others_whom_it_knows) {
  ring.join(client, last_dead);
  EXPECT_TRUE(ring.run_until([&] { return ring.node(client).role() == Role::kMember; }, 1min));
}

TEST_F(ClientOfTheDead, announces_to_the_new_replicas_at_the_second_attempt) {
  (void)ring.announce(client, key, 7000);
  ring.run_for(1min);
  EXPECT_EQ(ring.announce(client, key, 7000).held, limits::kReplicas);
}

}  // namespace
}  // namespace rondo::test
