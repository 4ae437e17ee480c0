// The rules of the ring under delay, loss, reordering, duplication and crashes: the shipping machines in memory.
#include <gtest/gtest.h>

#include "tests/support/memory_ring.hpp"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using dht::LookupKind;
using dht::Role;

LinkModel lossy() { return {5ms, 80ms, 0.05, 0.02}; }

/// Owner lookups of random keys from random members: how many name the true owner.
int right_lookups(MemoryRing& ring, int count) {
  int right = 0;
  for (int i = 0; i < count; ++i) {
    const auto members = ring.members();
    const RingId key{ring.rng().bytes<20>()};
    const auto result = ring.look_up(members[ring.rng().below(members.size())], key, LookupKind::kOwner);
    if (result.found() && *result.owner == *ring.owner(key)) ++right;
  }
  return right;
}

class RingOfSize : public testing::TestWithParam<std::size_t> {};

// DESIGN 2: rings with N <= r are outside Zave's proof; the rule is "one ordered ring again after faults stop".
TEST_P(RingOfSize, forms_and_answers_rightly) {
  MemoryRing ring(GetParam());
  ring.grow(GetParam());
  EXPECT_EQ(right_lookups(ring, 100), 100);
}
INSTANTIATE_TEST_SUITE_P(Small, RingOfSize, testing::Values(1, 2, 3, 4, 8, 9, 15, 16, 17, 18, 24));

class Seeded : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeded, all_join_at_once_through_one_node_under_loss) {
  MemoryRing ring(GetParam(), lossy());
  constexpr std::size_t kNodes = 20;
  for (std::size_t i = 0; i < kNodes; ++i) ring.add();
  ring.start_alone(0);
  for (std::size_t i = 1; i < kNodes; ++i) ring.join(i, 0);
  std::string why;
  EXPECT_TRUE(ring.run_until([&] { return ring.members().size() == kNodes && ring.one_ordered_ring(&why); }, 5min))
      << why;
}

TEST_P(Seeded, half_of_a_ring_crashes_and_the_rest_is_one_ring_again) {
  MemoryRing ring(GetParam(), lossy());
  constexpr std::size_t kNodes = 40;
  ring.grow(kNodes);
  for (std::size_t crashed = 0; crashed < kNodes / 2;) {
    const std::size_t victim = ring.rng().below(kNodes);
    if (!ring.alive(victim)) continue;
    ring.crash(victim);
    ++crashed;
  }
  EXPECT_TRUE(ring.every_list_lives()) << "ToN'03 theorem IV.5: r = 16 survives half";
  std::string why;
  EXPECT_TRUE(ring.run_until([&] { return ring.one_ordered_ring(&why); }, 3min)) << why;
  EXPECT_GE(right_lookups(ring, 100), 98);
}

TEST_P(Seeded, small_ring_survives_crashes_restarts_and_leaves) {
  MemoryRing ring(GetParam(), lossy());
  const std::size_t nodes = 2 + ring.rng().below(8);
  ring.grow(nodes);
  for (int round = 0; round < 12; ++round) {
    const std::size_t node = 1 + ring.rng().below(nodes - 1);  // node 0 stays, so that others know whom to join
    if (!ring.alive(node) || ring.node(node).role() == Role::kLeaving) {
      ring.restart(node, 0);
    } else if (ring.rng().below(2) == 0) {
      ring.crash(node);
    } else {
      ring.leave(node);
    }
    ring.run_for(Duration(static_cast<std::int64_t>(ring.rng().below(20'000'000))));
  }
  std::string why;
  const bool formed = ring.run_until([&] { return ring.one_ordered_ring(&why); }, 5min);
  EXPECT_TRUE(formed) << why;
}
INSTANTIATE_TEST_SUITE_P(Seeds, Seeded, testing::Range<std::uint64_t>(1, 11));

TEST(RingScenario, restart_under_the_old_id_joins_anew) {
  MemoryRing ring(7);
  ring.grow(20);
  ring.crash(5);
  ring.run_for(500ms);  // the ring has not noticed yet
  ring.restart(5, 0);
  EXPECT_NE(ring.node(5).role(), Role::kMember) << "it must not answer before it has joined";
  EXPECT_TRUE(ring.run_until([&] { return ring.members().size() == 20 && ring.one_ordered_ring(); }, 2min));
}

TEST(RingScenario, leaver_is_dropped_at_once_by_its_neighbours) {
  MemoryRing ring(8);
  ring.grow(20);
  ring.leave(3);
  EXPECT_TRUE(ring.run_until([&] { return ring.one_ordered_ring(); }, 2s)) << "no dead verdict is needed";
}

TEST(RingScenario, silent_neighbour_is_not_dead_before_five_tries_and_three_seconds) {
  MemoryRing ring(9);
  ring.grow(18);
  const Contact victim = ring.node(4).self();
  const auto keeps_victim = [&] {
    for (const std::size_t i : ring.members())
      if (i != 4 && ring.node(i).ring().successors().head() == victim) return true;
    return false;
  };
  ring.crash(4);
  Instant first_try = kNever;
  ring.filter = [&](const Endpoint&, const Endpoint& to, const dht::wire::Message&) {
    if (to == victim.endpoint) first_try = std::min(first_try, ring.now());
    return true;
  };
  ASSERT_TRUE(ring.run_until([&] { return !keeps_victim(); }, 2min));
  EXPECT_GE(ring.now() - first_try, limits::kDeadSpan);
}

TEST(RingScenario, own_outage_brings_no_verdicts) {
  MemoryRing ring(10);
  ring.grow(20);
  const Contact cut_off = ring.node(2).self();
  const auto before = ring.node(2).ring().successors().entries();
  ring.filter = [&](const Endpoint& from, const Endpoint& to, const dht::wire::Message&) {
    return from != cut_off.endpoint && to != cut_off.endpoint;
  };
  ring.run_for(10min);
  const auto& after = ring.node(2).ring().successors().entries();
  EXPECT_FALSE(after.empty());
  EXPECT_EQ(after.back(), before.back()) << "at most the head may have gone before the outage was understood";
  ring.filter = nullptr;
  EXPECT_TRUE(ring.run_until([&] { return ring.members().size() == 20 && ring.one_ordered_ring(); }, 5min));
}

TEST(RingScenario, slow_contact_is_skipped_by_a_lookup_but_stays_in_the_ring) {
  MemoryRing ring(11);
  ring.grow(48);
  const Contact silent = ring.node(6).self();
  ring.filter = [&](const Endpoint&, const Endpoint& to, const dht::wire::Message& message) {
    const auto* query = std::get_if<dht::wire::Query>(&message);
    return to != silent.endpoint || query == nullptr || !std::holds_alternative<dht::wire::FindSuccessor>(query->body);
  };
  int found = 0;
  for (int i = 0; i < 100; ++i) {
    const RingId key{ring.rng().bytes<20>()};
    if (ring.look_up(i % 2 == 0 ? 1 : 20, key, LookupKind::kRead).found()) ++found;
  }
  EXPECT_EQ(found, 100);
  ring.run_for(1min);
  EXPECT_TRUE(ring.one_ordered_ring()) << "it answers pings, so nobody may bury it";
}

TEST(RingScenario, isolated_node_joins_again) {
  dht::ChordConfig config;
  config.successors = 2;
  MemoryRing ring(12, {}, config);
  ring.grow(12);
  // Kill exactly the two successors of node 0: its list dies with them.
  const auto doomed = ring.node(0).ring().successors().entries();
  for (std::size_t i = 1; i < ring.size(); ++i)
    if (ring.node(i).self() == doomed[0] || ring.node(i).self() == doomed[1]) ring.crash(i);
  EXPECT_TRUE(ring.run_until([&] { return ring.members().size() == 10 && ring.one_ordered_ring(); }, 5min));
}

TEST(RingScenario, same_seed_replays_the_same_run) {
  const auto run = [] {
    MemoryRing ring(13, lossy());
    ring.grow(12);
    ring.crash(3);
    ring.run_for(2min);
    return std::tuple(ring.bytes_sent, ring.datagrams_sent, ring.now());
  };
  EXPECT_EQ(run(), run());
}

// --- records --------------------------------------------------------------------------------------------------------

TEST(RingRecords, announcement_is_held_by_the_first_eight_successors_of_the_key) {
  MemoryRing ring(21);
  ring.grow(32);
  const RingId key{ring.rng().bytes<20>()};
  const auto announced = ring.announce(4, key, 7000);
  ASSERT_EQ(announced.held, limits::kReplicas);
  ASSERT_EQ(announced.replicas.size(), limits::kReplicas);
  std::vector<Contact> by_distance;
  for (const std::size_t i : ring.members()) by_distance.push_back(ring.node(i).self());
  std::sort(by_distance.begin(), by_distance.end(),
            [&](const Contact& a, const Contact& b) { return distance(key, a.id) < distance(key, b.id); });
  for (std::size_t i = 0; i < limits::kReplicas; ++i) EXPECT_EQ(announced.replicas[i].replica, by_distance[i]);
}

TEST(RingRecords, any_member_and_any_client_reads_what_was_announced) {
  MemoryRing ring(22);
  ring.grow(32);
  const RingId key{ring.rng().bytes<20>()};
  ASSERT_EQ(ring.announce(4, key, 7000).held, limits::kReplicas);
  Endpoint expected = ring.node(4).self().endpoint;
  expected.port = 7000;
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(ring.get_peers(i, key).peers, std::vector<Endpoint>{expected}) << i;
  const std::size_t client = ring.add();
  ring.node(client).add_contact(ring.node(9).self().endpoint);
  EXPECT_EQ(ring.get_peers(client, key).peers, std::vector<Endpoint>{expected});
}

TEST(RingRecords, withdrawn_and_expired_announcements_are_gone) {
  MemoryRing ring(23);
  ring.grow(20);
  const RingId key{ring.rng().bytes<20>()};
  (void)ring.announce(4, key, 7000);
  (void)ring.announce(4, key, 7000, true);
  EXPECT_TRUE(ring.get_peers(11, key).peers.empty());
  (void)ring.announce(4, key, 7000);
  ring.run_for(limits::kAnnouncementTtl + 1min);
  EXPECT_TRUE(ring.get_peers(11, key).peers.empty());
}

TEST(RingRecords, read_finds_an_announcement_after_five_of_eight_replicas_crashed) {
  MemoryRing ring(24);
  ring.grow(40);
  const RingId key{ring.rng().bytes<20>()};
  const auto announced = ring.announce(4, key, 7000);
  int crashed = 0;
  for (std::size_t i = 5; i < 40 && crashed < 5; ++i)
    for (const auto& replica : announced.replicas)
      if (ring.alive(i) && ring.node(i).self() == replica.replica && crashed < 5) {
        ring.crash(i);
        ++crashed;
      }
  ASSERT_EQ(crashed, 5);
  EXPECT_EQ(ring.get_peers(4, key).peers.size(), 1u);
}

}  // namespace
}  // namespace rondo::test
