// Successor lists: honest tails make the true list, hostile tails make an ordered one and prove nothing.
#include "dht/chord/successor_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dht/base/rng.hpp"
#include "dht/chord/interval.hpp"
#include "dht/chord/zave_ring.hpp"

namespace rondo::dht {
namespace {

Contact at(int place) {
  RingId id;
  id.bytes[0] = static_cast<std::uint8_t>(place);
  return {id, Endpoint::v4(10, 0, 0, static_cast<std::uint8_t>(place), 6881)};
}

std::vector<Contact> places(std::initializer_list<int> list) {
  std::vector<Contact> out;
  for (const int place : list) out.push_back(at(place));
  return out;
}

/// What member number `index` of an ideal ring tells: its next `capacity` members, complete when that is once round.
ToldList ideal_list(const std::vector<Contact>& ring, std::size_t index, std::size_t capacity) {
  ToldList told;
  for (std::size_t k = 1; k < ring.size() && k <= capacity; ++k)
    told.entries.push_back(ring[(index + k) % ring.size()]);
  told.complete = ring.size() - 1 <= capacity;
  return told;
}

std::vector<Contact> random_ring(Rng& rng, std::size_t size) {
  std::vector<Contact> ring(size);
  for (std::size_t i = 0; i < size; ++i)
    ring[i] = {RingId{rng.bytes<20>()}, Endpoint::v4(10, 1, 0, static_cast<std::uint8_t>(i + 1), 6881)};
  std::sort(ring.begin(), ring.end());
  return ring;
}

TEST(SuccessorList, of_an_owner_alone_is_empty_and_complete) {
  const SuccessorList list(at(10).id, 3);
  EXPECT_TRUE(list.empty());
  EXPECT_TRUE(list.complete());
  EXPECT_TRUE(list.whole());
  list.check_invariants();
}

// Every ring of 2 to 20 members and every capacity: the head's list makes ours, to the entry.
TEST(SuccessorListReplace, with_an_honest_tail_makes_the_ideal_list) {
  Rng rng(1);
  for (std::size_t size = 2; size <= 20; ++size)
    for (std::size_t capacity = 1; capacity <= 18; ++capacity) {
      const auto ring = random_ring(rng, size);
      for (std::size_t owner = 0; owner < size; ++owner) {
        SuccessorList list(ring[owner].id, capacity);
        const std::size_t head = (owner + 1) % size;
        list.replace(ring[head], ideal_list(ring, head, capacity));
        const ToldList wanted = ideal_list(ring, owner, capacity);
        ASSERT_EQ(list.entries(), wanted.entries) << size << " members, capacity " << capacity;
        ASSERT_EQ(list.complete(), wanted.complete) << size << " members, capacity " << capacity;
        ASSERT_TRUE(list.whole());
        list.check_invariants();
      }
    }
}

// A newcomer between m and s has s's list, in which it does not stand yet.
TEST(SuccessorListReplace, newcomer_with_an_honest_tail_has_an_ordered_list_that_ends_before_itself) {
  Rng rng(2);
  for (std::size_t size = 2; size <= 20; ++size) {
    const auto all = random_ring(rng, size);
    for (std::size_t newcomer = 0; newcomer < size; ++newcomer) {
      auto ring = all;
      ring.erase(ring.begin() + static_cast<std::ptrdiff_t>(newcomer));
      const std::size_t head = newcomer % ring.size();
      SuccessorList list(all[newcomer].id, 16);
      list.replace(ring[head], ideal_list(ring, head, 16));
      EXPECT_EQ(list.entries(), ideal_list(all, newcomer, 16).entries);
    }
  }
}

TEST(SuccessorListReplace, forgets_what_was_there_before) {
  SuccessorList list(at(10).id, 3);
  list.replace(at(20), {places({30, 40}), false});
  list.replace(at(20), {places({35}), false});
  EXPECT_EQ(list.entries(), places({20, 35}));
}

TEST(SuccessorListReplace, cuts_at_the_owner_and_has_gone_round) {
  SuccessorList list(at(10).id, 5);
  list.replace(at(20), {places({30, 10, 20}), false});
  EXPECT_EQ(list.entries(), places({20, 30}));
  EXPECT_TRUE(list.complete());
}

TEST(SuccessorListReplace, cuts_behind_an_owner_whom_the_head_does_not_know) {
  SuccessorList list(at(10).id, 5);
  list.replace(at(20), {places({30, 15}), false});
  EXPECT_EQ(list.entries(), places({20, 30}));
  EXPECT_TRUE(list.complete()) << "15 lies beyond us and before the head: the list passed us";
}

// A list that is not even in order says nothing about the ring, least of all that the ring is small: a member that
// believes so claims all keys, and thinks itself alone when the last entry dies.
TEST(SuccessorListReplace, disorder_is_cut_off_and_is_no_proof_of_a_small_ring) {
  struct Case {
    const char* what;
    std::vector<Contact> tail;
    std::vector<Contact> wanted;
  };
  for (const Case& c : {Case{"the head again", places({20, 30}), places({20})},
                        Case{"a duplicate", places({30, 30, 40}), places({20, 30})},
                        Case{"backwards", places({40, 30}), places({20, 40})}}) {
    SuccessorList list(at(10).id, 5);
    list.replace(at(20), {c.tail, false});
    EXPECT_EQ(list.entries(), c.wanted) << c.what;
    EXPECT_FALSE(list.complete()) << c.what;
    list.replace(at(20), {c.tail, true});
    EXPECT_FALSE(list.complete()) << c.what << ", called complete";
  }
}

TEST(SuccessorListReplace, longer_tails_are_cut_to_r_and_are_not_complete) {
  SuccessorList list(at(10).id, 3);
  list.replace(at(20), {places({30, 40, 50, 60}), true});
  EXPECT_EQ(list.entries(), places({20, 30, 40}));
  EXPECT_FALSE(list.complete()) << "50 exists and is not in it";
  EXPECT_TRUE(list.whole());
}

TEST(SuccessorListReplace, capacity_of_one_keeps_the_head) {
  SuccessorList list(at(10).id, 1);
  list.replace(at(20), {places({30}), false});
  EXPECT_EQ(list.entries(), places({20}));
  EXPECT_FALSE(list.complete());
  list.replace(at(20), {places({10}), true});
  EXPECT_TRUE(list.complete());
}

TEST(SuccessorListReplace, with_any_tail_keeps_order_bounds_and_the_longest_honest_beginning) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const std::size_t capacity = 1 + rng.below(8);
    const int owner = static_cast<int>(rng.below(24));
    SuccessorList list(at(owner).id, capacity);
    for (int i = 0; i < 50; ++i) {
      int head = static_cast<int>(rng.below(24));
      if (head == owner) head = (owner + 1) % 24;
      ToldList tail;
      tail.complete = rng.below(2) == 0;
      for (std::uint64_t n = rng.below(20); n > 0; --n) tail.entries.push_back(at(static_cast<int>(rng.below(24))));
      list.replace(at(head), tail);
      list.check_invariants();
      ASSERT_EQ(list.head(), at(head));
      ASSERT_LE(list.entries().size(), capacity);
      for (std::size_t k = 1; k < list.entries().size(); ++k) ASSERT_EQ(list.entries()[k], tail.entries[k - 1]);
      const std::size_t taken = list.entries().size() - 1;
      if (taken == tail.entries.size() || taken + 1 == capacity) continue;
      ASSERT_FALSE(between(list.entries().back().id, tail.entries[taken].id, at(owner).id)) << "cut too early";
    }
  }
}

// Joining where m's list is full and complete: ours is full too, and m, the last one round, found no place in it.
TEST(SuccessorListJoin, at_the_member_of_a_ring_of_r_plus_one_is_full_and_not_complete) {
  Rng rng(3);
  for (std::size_t size = 1; size <= 20; ++size) {
    const auto all = random_ring(rng, size + 1);
    const auto& newcomer = all.back();
    const std::vector<Contact> ring(all.begin(), all.end() - 1);
    ZaveRing joined(newcomer, 16);
    ASSERT_TRUE(joined.join(ring.back(), ideal_list(ring, size - 1, 16)));
    const ToldList wanted = ideal_list(all, size, 16);
    EXPECT_EQ(joined.successors().entries(), wanted.entries) << size;
    EXPECT_EQ(joined.successors().complete(), wanted.complete) << size;
  }
}

TEST(SuccessorListDrop, leaves_the_place_at_the_tail_empty) {
  SuccessorList list(at(10).id, 3);
  list.replace(at(20), {places({30, 40}), false});
  list.drop_head();
  EXPECT_EQ(list.entries(), places({30, 40}));
  EXPECT_FALSE(list.whole());
  list.drop_head();
  list.drop_head();
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(list.complete()) << "lost is not alone";
  list.check_invariants();
}

TEST(SuccessorListDrop, last_other_member_of_a_small_ring_leaves_the_owner_alone) {
  SuccessorList list(at(10).id, 3);
  list.replace(at(20), {{}, true});
  list.drop_head();
  EXPECT_TRUE(list.empty());
  EXPECT_TRUE(list.complete());
}

}  // namespace
}  // namespace rondo::dht
