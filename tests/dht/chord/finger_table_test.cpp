// Fingers: the intervals tile the circle, the first one beyond the list is what a scan finds, the table is a sparse
// map.
#include "dht/chord/finger_table.hpp"

#include <gtest/gtest.h>

#include <map>

#include "dht/base/rng.hpp"
#include "dht/chord/interval.hpp"

namespace rondo::dht {
namespace {

Contact contact(std::uint8_t number) {
  RingId id;
  id.bytes[0] = number;
  return {id, Endpoint::v4(10, 0, 0, number, 6881)};
}

class Base : public testing::TestWithParam<unsigned> {
 protected:
  [[nodiscard]] static unsigned base_bits() { return GetParam(); }
};

/// n + j * 2^(bits * level), by plain repeated addition.
RingId naive_start(const RingId& owner, unsigned bits, unsigned level, unsigned j) {
  RingId unit = power_of_two(0);
  for (unsigned i = 0; i < bits * level; ++i) unit = add(unit, unit);
  RingId at = owner;
  for (unsigned i = 0; i < j; ++i) at = add(at, unit);
  return at;
}

TEST_P(Base, starts_are_the_owner_plus_j_times_a_power_of_the_base) {
  Rng rng(1);
  const RingId owner{rng.bytes<20>()};
  const FingerTable table(owner, base_bits());
  const unsigned steps = (1u << base_bits()) - 1;
  ASSERT_EQ(table.count(), 160 / base_bits() * steps);
  for (unsigned level = 0; level < 160 / base_bits(); ++level)
    for (unsigned j = 1; j <= steps; ++j)
      ASSERT_EQ(table.start(level * steps + j - 1), naive_start(owner, base_bits(), level, j)) << level << ' ' << j;
}

TEST_P(Base, intervals_tile_the_circle_from_the_next_place_round_to_the_owner) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const RingId owner = seed == 1 ? RingId{} : RingId{rng.bytes<20>()};
    const FingerTable table(owner, base_bits());
    EXPECT_EQ(table.start(0), add(owner, power_of_two(0)));
    EXPECT_EQ(table.end(table.count() - 1), owner);
    for (unsigned i = 0; i + 1 < table.count(); ++i) {
      ASSERT_EQ(table.end(i), table.start(i + 1));
      ASSERT_LT(distance(owner, table.start(i)), distance(owner, table.start(i + 1)));
    }
  }
}

unsigned naive_first_beyond(const FingerTable& table, const RingId& owner, const RingId& last) {
  for (unsigned i = 0; i + 1 < table.count(); ++i)
    if (distance(owner, table.end(i)) > distance(owner, last)) return i;
  return table.count() - 1;
}

TEST_P(Base, first_beyond_is_what_a_scan_finds) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const RingId owner{rng.bytes<20>()};
    const FingerTable table(owner, base_bits());
    const RingId one = power_of_two(0);
    std::vector<RingId> lasts{add(owner, one), subtract(owner, one), owner};
    for (int i = 0; i < 40; ++i) {
      const RingId start = table.start(static_cast<unsigned>(rng.below(table.count())));
      lasts.push_back(start);
      lasts.push_back(add(start, one));
      lasts.push_back(subtract(start, one));
      lasts.push_back(RingId{rng.bytes<20>()});
    }
    for (const RingId& last : lasts) {
      const unsigned found = table.first_beyond(last);
      ASSERT_EQ(found, naive_first_beyond(table, owner, last)) << last.hex();
      ASSERT_LT(found, table.count()) << "start() of it must be allowed";
    }
  }
}

TEST_P(Base, every_place_beyond_the_list_is_in_a_finger_from_first_beyond_on) {
  Rng rng(7);
  const RingId owner{rng.bytes<20>()};
  const FingerTable table(owner, base_bits());
  for (int i = 0; i < 200; ++i) {
    const RingId last{rng.bytes<20>()};
    const RingId place{rng.bytes<20>()};
    if (distance(owner, place) <= distance(owner, last)) continue;
    bool covered = false;
    for (unsigned k = table.first_beyond(last); k < table.count() && !covered; ++k)
      covered = distance(table.start(k), place) < distance(table.start(k), table.end(k));
    EXPECT_TRUE(covered);
  }
}
INSTANTIATE_TEST_SUITE_P(Bits, Base, testing::Values(1u, 2u, 4u));

TEST(FingerTable, is_a_sparse_map_sorted_by_index) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    FingerTable table(RingId{}, 1);
    std::map<unsigned, Contact> model;
    for (int i = 0; i < 300; ++i) {
      const auto index = static_cast<unsigned>(rng.below(160));
      const Contact who = contact(static_cast<std::uint8_t>(1 + rng.below(12)));
      switch (rng.below(8)) {
        case 0: ASSERT_EQ(table.clear(index), model.erase(index) > 0); break;
        case 1:
          ASSERT_EQ(table.remove(who.endpoint), std::erase_if(model, [&](auto& f) { return f.second == who; }) > 0);
          break;
        case 2:
          if (rng.below(4) != 0) break;
          table.clear_below(index);
          std::erase_if(model, [&](auto& finger) { return finger.first < index; });
          break;
        default: ASSERT_EQ(table.set(index, who), !model.contains(index) || model[index] != who); model[index] = who;
      }
      ASSERT_EQ(table.entries().size(), model.size());
      auto expected = model.begin();
      for (const auto& finger : table.entries()) {
        ASSERT_EQ(finger.index, expected->first);
        ASSERT_EQ(finger.contact, expected->second);
        ++expected;
      }
      const auto found = table.get(index);
      ASSERT_EQ(found.has_value(), model.contains(index));
    }
  }
}

TEST(FingerTable, highest_index_of_the_widest_table_keeps_its_number) {
  FingerTable table(RingId{}, 4);
  const unsigned last = table.count() - 1;
  ASSERT_EQ(last, 599u) << "more than a byte";
  EXPECT_TRUE(table.set(last, contact(1)));
  EXPECT_EQ(table.get(last), contact(1));
  EXPECT_FALSE(table.get(last - 512).has_value());
}

}  // namespace
}  // namespace rondo::dht
