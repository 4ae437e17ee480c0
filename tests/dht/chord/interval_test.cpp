// Intervals on the circle: every case of a small circle against a walk around it, then laws at random places.
#include "dht/chord/interval.hpp"

#include <gtest/gtest.h>

#include "dht/base/rng.hpp"

namespace rondo::dht {
namespace {

constexpr int kPlaces = 16;

/// One of 16 equal places, so that the small circle wraps where the large one does.
RingId place(int number) {
  RingId id;
  id.bytes[0] = static_cast<std::uint8_t>(number << 4);
  return id;
}

/// Is x met on the way from a to b, ends not counted? From a to a the way is once round.
bool met_on_the_way(int a, int x, int b) {
  for (int at = (a + 1) % kPlaces; at != b; at = (at + 1) % kPlaces) {
    if (at == a) break;
    if (at == x) return true;
  }
  return false;
}

TEST(Between, on_a_small_circle_is_what_a_walk_meets) {
  for (int a = 0; a < kPlaces; ++a)
    for (int b = 0; b < kPlaces; ++b)
      for (int x = 0; x < kPlaces; ++x)
        EXPECT_EQ(between(place(a), place(x), place(b)), met_on_the_way(a, x, b)) << a << ' ' << x << ' ' << b;
}

TEST(InLeftOpen, on_a_small_circle_is_the_walk_with_its_end) {
  for (int a = 0; a < kPlaces; ++a)
    for (int b = 0; b < kPlaces; ++b)
      for (int x = 0; x < kPlaces; ++x)
        EXPECT_EQ(in_left_open(place(a), place(x), place(b)), x == b || met_on_the_way(a, x, b))
            << a << ' ' << x << ' ' << b;
}

TEST(InLeftOpen, from_a_to_a_is_the_whole_circle) {
  Rng rng(1);
  for (int i = 0; i < 100; ++i) {
    const RingId a{rng.bytes<20>()};
    EXPECT_TRUE(in_left_open(a, RingId{rng.bytes<20>()}, a));
    EXPECT_TRUE(in_left_open(a, a, a));
  }
}

/// Random, but often equal to, beside or opposite of another id, and often at the wrap.
RingId awkward(Rng& rng, const RingId& other) {
  const RingId one = power_of_two(0);
  switch (rng.below(8)) {
    case 0: return other;
    case 1: return add(other, one);
    case 2: return subtract(other, one);
    case 3: return add(other, power_of_two(159));
    case 4: return RingId{};
    case 5: return subtract(RingId{}, one);
    case 6: return add(other, power_of_two(static_cast<unsigned>(rng.below(160))));
    default: return RingId{rng.bytes<20>()};
  }
}

class Laws : public testing::Test {
 protected:
  template <class Law>
  void hold(Law law) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(seed);
      Rng rng(seed);
      for (int i = 0; i < 500; ++i) {
        const RingId a{rng.bytes<20>()};
        const RingId b = awkward(rng, a);
        const RingId x = awkward(rng, rng.below(2) == 0 ? a : b);
        law(rng, a, x, b);
        if (HasFailure()) FAIL() << a.hex() << ' ' << x.hex() << ' ' << b.hex();
      }
    }
  }
};

TEST_F(Laws, ends_are_never_inside) {
  hold([](Rng&, const RingId& a, const RingId&, const RingId& b) {
    EXPECT_FALSE(between(a, a, b));
    EXPECT_FALSE(between(a, b, b));
  });
}

TEST_F(Laws, from_a_to_a_all_others_are_inside) {
  hold([](Rng&, const RingId& a, const RingId& x, const RingId&) { EXPECT_EQ(between(a, x, a), x != a); });
}

TEST_F(Laws, a_third_place_is_on_one_side_and_not_on_both) {
  hold([](Rng&, const RingId& a, const RingId& x, const RingId& b) {
    if (a == b || x == a || x == b) return;
    EXPECT_NE(between(a, x, b), between(b, x, a));
  });
}

TEST_F(Laws, every_place_is_in_exactly_one_of_two_left_open_halves) {
  hold([](Rng&, const RingId& a, const RingId& x, const RingId& b) {
    if (a == b) return;
    EXPECT_NE(in_left_open(a, x, b), in_left_open(b, x, a));
  });
}

TEST_F(Laws, turning_the_circle_changes_nothing) {
  hold([](Rng& rng, const RingId& a, const RingId& x, const RingId& b) {
    const RingId turn{rng.bytes<20>()};
    EXPECT_EQ(between(a, x, b), between(add(a, turn), add(x, turn), add(b, turn)));
  });
}

TEST_F(Laws, going_the_other_way_mirrors_it) {
  hold([](Rng&, const RingId& a, const RingId& x, const RingId& b) {
    const RingId zero;
    EXPECT_EQ(between(a, x, b), between(subtract(zero, b), subtract(zero, x), subtract(zero, a)));
  });
}

TEST_F(Laws, shorter_arcs_from_the_same_start_are_contained) {
  hold([](Rng&, const RingId& a, const RingId& x, const RingId& b) {
    if (a == b || !between(a, x, b)) return;
    const RingId middle = add(x, power_of_two(0));
    EXPECT_TRUE(between(a, x, middle)) << "and x is inside as soon as the arc passes it";
  });
}

}  // namespace
}  // namespace rondo::dht
