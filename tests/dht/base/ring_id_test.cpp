#include "dht/base/ring_id.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "dht/base/rng.hpp"

namespace rondo {
namespace {

RingId number(std::uint8_t low) {
  RingId id;
  id.bytes.back() = low;
  return id;
}

RingId all_ones() {
  RingId id;
  id.bytes.fill(0xff);
  return id;
}

TEST(RingId, reads_and_prints_forty_digits) {
  const std::string digits = "000102030405060708090a0b0c0d0e0f10111213";
  const auto id = RingId::from_hex(digits);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->hex(), digits);
  EXPECT_EQ(id->bytes[19], 0x13);
  EXPECT_EQ(RingId::from_hex("ABCDEF0000000000000000000000000000000000")->hex(),
            "abcdef0000000000000000000000000000000000");
}

TEST(RingId, refuses_other_lengths_and_digits) {
  EXPECT_FALSE(RingId::from_hex(""));
  EXPECT_FALSE(RingId::from_hex("000102030405060708090a0b0c0d0e0f1011121"));
  EXPECT_FALSE(RingId::from_hex("000102030405060708090a0b0c0d0e0f1011121314"));
  EXPECT_FALSE(RingId::from_hex("g00102030405060708090a0b0c0d0e0f10111213"));
  EXPECT_FALSE(RingId::from_bytes(Bytes(19)));
  EXPECT_FALSE(RingId::from_bytes(Bytes(21)));
  EXPECT_TRUE(RingId::from_bytes(Bytes(20)));
}

TEST(RingId, order_is_numeric) {
  EXPECT_LT(number(1), number(2));
  EXPECT_LT(number(255), add(number(255), number(1)));
  EXPECT_LT(power_of_two(158), power_of_two(159));
  EXPECT_GT(all_ones(), power_of_two(159));
}

TEST(RingId, addition_carries_and_wraps_at_2_to_the_160) {
  EXPECT_EQ(add(number(255), number(1)), power_of_two(8));
  EXPECT_EQ(add(all_ones(), number(1)), RingId{});
  EXPECT_EQ(add(power_of_two(159), power_of_two(159)), RingId{});
}

TEST(RingId, subtraction_borrows_and_wraps) {
  EXPECT_EQ(subtract(RingId{}, number(1)), all_ones());
  EXPECT_EQ(subtract(power_of_two(8), number(1)), number(255));
  EXPECT_EQ(subtract(power_of_two(100), power_of_two(100)), RingId{});
}

TEST(RingId, distance_runs_clockwise) {
  EXPECT_EQ(distance(number(3), number(10)), number(7));
  EXPECT_EQ(distance(number(10), number(3)), subtract(RingId{}, number(7)));
  EXPECT_EQ(distance(number(9), number(9)), RingId{});
}

TEST(RingId, powers_of_two_are_one_bit) {
  for (unsigned exponent = 0; exponent < RingId::kBits; ++exponent) {
    EXPECT_EQ(leading_zeros(power_of_two(exponent)), RingId::kBits - 1 - exponent);
    if (exponent > 0) {
      EXPECT_EQ(add(power_of_two(exponent - 1), power_of_two(exponent - 1)), power_of_two(exponent));
    }
  }
  EXPECT_EQ(power_of_two(0), number(1));
  EXPECT_EQ(leading_zeros(RingId{}), 160u);
  EXPECT_DEATH(static_cast<void>(power_of_two(160)), "broken invariant");
}

TEST(RingId, arithmetic_is_a_group) {
  Rng rng(20261122);
  for (int i = 0; i < 2000; ++i) {
    const RingId a{rng.bytes<20>()};
    const RingId b{rng.bytes<20>()};
    const RingId c{rng.bytes<20>()};
    EXPECT_EQ(add(a, b), add(b, a));
    EXPECT_EQ(add(add(a, b), c), add(a, add(b, c)));
    EXPECT_EQ(subtract(add(a, b), b), a);
    EXPECT_EQ(add(a, distance(a, b)), b);
    EXPECT_EQ(add(distance(a, b), distance(b, a)), RingId{});
  }
}

}  // namespace
}  // namespace rondo
