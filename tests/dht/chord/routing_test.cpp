// The answer to find_successor against an oracle that knows the whole ring.
#include "dht/chord/routing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dht/base/limits.hpp"
#include "dht/base/rng.hpp"
#include "dht/chord/interval.hpp"
#include "tests/dht/chord/world.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;
using test::World;

constexpr std::size_t kLimit = limits::kStepContacts;

/// Places where rules change: members, the places beside them, and random ones.
std::vector<RingId> targets(const World& world, Rng& rng) {
  std::vector<RingId> found;
  const RingId one = power_of_two(0);
  for (std::size_t i = 0; i < world.size(); ++i) {
    found.push_back(world.at(i).id);
    found.push_back(add(world.at(i).id, one));
    found.push_back(subtract(world.at(i).id, one));
  }
  for (int i = 0; i < 20; ++i) found.push_back(RingId{rng.bytes<20>()});
  return found;
}

/// The members from the owner on, as far as the answerer's own tables reach.
void expect_covering_answer(const World& world, std::size_t member, const RingId& target, const ZaveRing& tables,
                            const wire::FindSuccessorReply& answer) {
  const std::size_t owner = world.owner(target);
  ASSERT_FALSE(answer.contacts.empty());
  ASSERT_LE(answer.contacts.size(), kLimit);
  ASSERT_LE(answer.contacts.size(), world.size()) << "nobody twice";
  for (std::size_t k = 0; k < answer.contacts.size(); ++k) ASSERT_EQ(answer.contacts[k], world.at(owner + k)) << k;
  const Contact& before = world.at(owner + world.size() - 1);
  if (before == world.at(member))
    ASSERT_FALSE(answer.previous.has_value()) << "its own successor: first-hand";
  else
    ASSERT_EQ(answer.previous, before);
  const bool own = owner == member;
  const std::size_t steps = (owner + world.size() - member) % world.size();  // 1: our head
  const std::size_t list = tables.successors().entries().size();
  const std::size_t known = tables.successors().complete() ? world.size() : own ? list + 1 : list - steps + 1;
  ASSERT_EQ(answer.contacts.size(), std::min(kLimit, known)) << "all that is known, up to the limit";
}

void expect_preceding_answer(const World& world, std::size_t member, const RingId& target, const ZaveRing& tables,
                             const FingerTable& fingers, const wire::FindSuccessorReply& answer) {
  ASSERT_FALSE(answer.previous.has_value());
  std::vector<Contact> known(tables.successors().entries());
  for (const auto& finger : fingers.entries()) known.push_back(finger.contact);
  std::erase_if(known, [&](const Contact& c) { return !between(world.at(member).id, c.id, target); });
  std::sort(known.begin(), known.end(),
            [&](const Contact& a, const Contact& b) { return distance(a.id, target) < distance(b.id, target); });
  known.erase(std::unique(known.begin(), known.end()), known.end());
  known.resize(std::min(known.size(), kLimit));
  ASSERT_EQ(answer.contacts, known);
}

/// Every member's answer for every awkward target.
void check_world(const World& world, Rng& rng) {
  const EndpointTable nobody_silent;
  for (std::size_t member = 0; member < world.size(); ++member) {
    const ZaveRing tables = world.tables_of(member);
    const FingerTable fingers = world.fingers_of(member, tables);
    for (const RingId& target : targets(world, rng)) {
      const auto answer = route(tables, fingers, nobody_silent, target, kLimit);
      const std::size_t steps = (world.owner(target) + world.size() - member) % world.size();
      const std::size_t list = tables.successors().entries().size();
      const bool in_reach = tables.successors().complete() || steps <= list;  // 0 steps: ours
      ASSERT_EQ(answer.covers, in_reach) << "member " << member << ", target " << target.hex();
      if (answer.covers)
        expect_covering_answer(world, member, target, tables, answer);
      else
        expect_preceding_answer(world, member, target, tables, fingers, answer);
      if (testing::Test::HasFatalFailure()) FAIL() << "member " << member << ", target " << target.hex();
    }
  }
}

// DESIGN 2: rings of N <= r, and the ones just beyond, where the list begins not to go once round.
TEST(RouteSmallRing, of_1_to_20_members_names_the_true_owner_for_every_target) {
  for (std::size_t size = 1; size <= 20; ++size) {
    SCOPED_TRACE(size);
    Rng rng(size);
    check_world(World(rng, size, 16), rng);
  }
}

TEST(RouteSmallRing, of_up_to_seventeen_members_always_covers) {
  Rng rng(1);
  for (std::size_t size = 1; size <= 17; ++size) {
    const World world(rng, size, 16);
    const ZaveRing tables = world.tables_of(0);
    EXPECT_TRUE(tables.successors().complete());
    for (int i = 0; i < 50; ++i)
      EXPECT_TRUE(route(tables, world.fingers_of(0, tables), {}, RingId{rng.bytes<20>()}, kLimit).covers);
  }
}

TEST(RouteLargeRing, agrees_with_the_oracle_for_every_member_and_target) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    check_world(World(rng, 40, 4), rng);
    check_world(World(rng, 30, 16), rng);
    check_world(World(rng, 25, 1), rng);
  }
}

// Following the nearest contact of each answer reaches a member that covers the target, in O(log N) steps.
TEST(RouteLargeRing, greedy_walk_ends_at_the_owner) {
  Rng rng(5);
  const World world(rng, 300, 16);
  const EndpointTable nobody_silent;
  for (int i = 0; i < 200; ++i) {
    const RingId target{rng.bytes<20>()};
    std::size_t member = rng.below(world.size());
    int steps = 0;
    for (;; ++steps) {
      ASSERT_LE(steps, 10) << target.hex();
      const ZaveRing tables = world.tables_of(member);
      const auto answer = route(tables, world.fingers_of(member, tables), nobody_silent, target, kLimit);
      ASSERT_FALSE(answer.contacts.empty());
      if (answer.covers) {
        EXPECT_EQ(answer.contacts.front(), world.at(world.owner(target)));
        break;
      }
      for (std::size_t k = 0; k < world.size(); ++k)
        if (world.at(k) == answer.contacts.front()) member = k;
    }
  }
}

TEST(Route, limit_cuts_the_farthest) {
  Rng rng(6);
  const World world(rng, 60, 16);
  const ZaveRing tables = world.tables_of(0);
  const FingerTable fingers = world.fingers_of(0, tables);
  for (const RingId& target : targets(world, rng)) {
    const auto whole = route(tables, fingers, {}, target, 100);
    for (std::size_t limit = 1; limit <= 4; ++limit) {
      const auto cut = route(tables, fingers, {}, target, limit);
      EXPECT_EQ(cut.covers, whole.covers);
      EXPECT_EQ(cut.previous, whole.previous);
      ASSERT_EQ(cut.contacts.size(), std::min(limit, whole.contacts.size()));
      EXPECT_TRUE(std::equal(cut.contacts.begin(), cut.contacts.end(), whole.contacts.begin()));
    }
  }
}

TEST(RouteSilent, contacts_that_left_two_tries_unanswered_come_last) {
  Rng rng(7);
  const World world(rng, 60, 16);
  const ZaveRing tables = world.tables_of(0);
  const FingerTable fingers = world.fingers_of(0, tables);
  const RingId target = subtract(world.at(0).id, power_of_two(157));
  EndpointTable endpoints;
  const auto before = route(tables, fingers, endpoints, target, kLimit);
  ASSERT_FALSE(before.covers);
  ASSERT_EQ(before.contacts.size(), kLimit);
  const Contact nearest = before.contacts[0];
  endpoints.on_unanswered(nearest.endpoint, Instant{});
  EXPECT_EQ(route(tables, fingers, endpoints, target, kLimit).contacts[0], nearest) << "one try may have been lost";
  endpoints.on_unanswered(nearest.endpoint, Instant{});
  const auto after = route(tables, fingers, endpoints, target, kLimit);
  EXPECT_EQ(after.contacts[0], before.contacts[1]);
  EXPECT_EQ(std::count(after.contacts.begin(), after.contacts.end(), nearest), 0) << "8 better ones are known";
  endpoints.on_heard(nearest.endpoint, Instant{} + 1s, 10ms, {});
  EXPECT_EQ(route(tables, fingers, endpoints, target, kLimit).contacts, before.contacts);
}

TEST(RouteSilent, when_all_are_silent_they_are_named_all_the_same) {
  Rng rng(8);
  const World world(rng, 60, 16);
  const ZaveRing tables = world.tables_of(0);
  const FingerTable fingers = world.fingers_of(0, tables);
  EndpointTable endpoints;
  for (std::size_t i = 0; i < world.size(); ++i)
    for (int k = 0; k < 3; ++k) endpoints.on_unanswered(world.at(i).endpoint, Instant{});
  const RingId target = subtract(world.at(0).id, power_of_two(157));
  EXPECT_EQ(route(tables, fingers, endpoints, target, kLimit).contacts,
            route(tables, fingers, {}, target, kLimit).contacts);
}

TEST(RouteBroken, member_without_any_contact_says_so_and_does_not_claim) {
  ZaveRing lost({RingId{}, Endpoint::v4(10, 0, 0, 1, 1)}, 2);
  const Contact a{power_of_two(10), Endpoint::v4(10, 0, 0, 2, 1)};
  const Contact b{power_of_two(20), Endpoint::v4(10, 0, 0, 3, 1)};
  const Contact m{power_of_two(159), Endpoint::v4(10, 0, 0, 4, 1)};
  ASSERT_TRUE(lost.join(m, {{a, b}, false}));
  (void)lost.successor_dead(a);
  (void)lost.successor_dead(b);
  const auto answer = route(lost, FingerTable(RingId{}, 1), {}, power_of_two(50), kLimit);
  EXPECT_FALSE(answer.covers);
  EXPECT_TRUE(answer.contacts.empty());
}

// A dead predecessor keeps its place until somebody takes it. Who wants to join between the two must not be sent there.
TEST(RouteAlone, member_alone_names_no_predecessor) {
  const Contact self{power_of_two(100), Endpoint::v4(10, 0, 0, 1, 6881)};
  const Contact dead{power_of_two(90), Endpoint::v4(10, 0, 0, 2, 6881)};
  ZaveRing ring(self, limits::kSuccessors);
  ASSERT_EQ(ring.rectify(dead), Rectified::kAdopted);
  const auto answer = route(ring, FingerTable(self.id, 1), EndpointTable(), power_of_two(95), kLimit);
  EXPECT_TRUE(answer.covers);
  EXPECT_FALSE(answer.previous.has_value());
  EXPECT_EQ(answer.contacts, std::vector<Contact>{self});
}

}  // namespace
}  // namespace rondo::dht
