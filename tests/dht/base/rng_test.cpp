#include "dht/base/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "dht/base/bytes.hpp"

namespace rondo {
namespace {

using namespace std::chrono_literals;

std::string keystream(Rng& rng, std::size_t bytes) {
  Bytes out(bytes);
  rng.fill(out);
  return to_hex(out);
}

// RFC 8439 appendix A.1: the key stream of ChaCha20 with a zero nonce.

constexpr const char* kVector1 =  // key 0, block 0
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586";
constexpr const char* kVector2 =  // key 0, block 1
    "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
    "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f";
constexpr const char* kVector3 =  // key 00..01, block 1
    "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
    "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0";
constexpr const char* kVector4 =  // key 00 ff 00.., block 2
    "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
    "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096";

TEST(Rng, is_the_chacha20_stream_of_rfc_8439) {
  Rng zero(Rng::Seed{});
  EXPECT_EQ(keystream(zero, 64), kVector1);
  EXPECT_EQ(keystream(zero, 64), kVector2);

  Rng::Seed seed{};
  seed[31] = 1;
  Rng third(seed);
  keystream(third, 64);
  EXPECT_EQ(keystream(third, 64), kVector3);

  seed = {};
  seed[1] = 0xff;
  Rng fourth(seed);
  keystream(fourth, 128);
  EXPECT_EQ(keystream(fourth, 64), kVector4);
}

TEST(Rng, a_number_is_a_little_endian_seed) {
  Rng::Seed seed{};
  for (std::size_t i = 0; i < 8; ++i) seed[i] = static_cast<std::uint8_t>(0x10 + i);
  Rng from_seed(seed);
  Rng from_number(0x1716151413121110);
  EXPECT_EQ(keystream(from_seed, 100), keystream(from_number, 100));
}

TEST(Rng, the_stream_does_not_depend_on_how_it_is_cut) {
  Rng whole(7);
  Rng pieces(7);
  std::string cut;
  for (const std::size_t size : {1u, 2u, 61u, 1u, 63u, 64u, 65u, 0u, 43u}) cut += keystream(pieces, size);
  EXPECT_EQ(keystream(whole, 300), cut);
}

TEST(Rng, numbers_are_the_stream_in_big_endian) {
  Rng rng(Rng::Seed{});
  EXPECT_EQ(rng.next(), 0x76b8e0ada0f13d90u);
  EXPECT_EQ(rng.next(), 0x405d6ae55386bd28u);
}

TEST(Rng, below_stays_below_and_is_uniform) {
  Rng rng(42);
  for (const std::uint64_t bound : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{1} << 63,
                                    (std::uint64_t{1} << 63) + 1, ~std::uint64_t{0}})
    for (int i = 0; i < 200; ++i) EXPECT_LT(rng.below(bound), bound);

  // Chi-squared over 10 cells: 27.9 is the 99.9 % quantile of 9 degrees of freedom, and the seed is fixed.
  constexpr int kDraws = 100'000;
  std::array<int, 10> count{};
  for (int i = 0; i < kDraws; ++i) ++count[rng.below(count.size())];
  double chi_squared = 0;
  for (const int seen : count) chi_squared += std::pow(seen - kDraws / 10.0, 2) / (kDraws / 10.0);
  EXPECT_LT(chi_squared, 27.9);
}

TEST(Rng, below_rejects_instead_of_folding) {
  // With a bound of 2^63 + 1 almost half of all draws must be rejected; folding them would double the low numbers.
  Rng rng(1);
  const std::uint64_t bound = (std::uint64_t{1} << 63) + 1;
  int low = 0;
  for (int i = 0; i < 10'000; ++i) low += rng.below(bound) < bound / 2 ? 1 : 0;
  EXPECT_NEAR(low, 5000, 200);
}

TEST(Rng, below_zero_is_a_bug_of_the_caller) { EXPECT_DEATH(Rng(1).below(0), "broken invariant"); }

TEST(Rng, unit_fills_zero_to_one) {
  Rng rng(5);
  double sum = 0;
  double least = 1;
  double most = 0;
  for (int i = 0; i < 20'000; ++i) {
    const double draw = rng.unit();
    ASSERT_GE(draw, 0);
    ASSERT_LT(draw, 1);
    sum += draw;
    least = std::min(least, draw);
    most = std::max(most, draw);
  }
  EXPECT_NEAR(sum / 20'000, 0.5, 0.01);
  EXPECT_LT(least, 0.001);
  EXPECT_GT(most, 0.999);
}

TEST(Rng, jitter_is_within_its_fraction) {
  Rng rng(6);
  Duration least = 100s;
  Duration most = 0s;
  for (int i = 0; i < 5000; ++i) {
    const Duration draw = rng.jitter(5s, 0.2);
    least = std::min(least, draw);
    most = std::max(most, draw);
  }
  EXPECT_GE(least, 4s);
  EXPECT_LE(most, 6s);
  EXPECT_LT(least, 4010ms);
  EXPECT_GT(most, 5990ms);
  EXPECT_EQ(rng.jitter(5s, 0), 5s);
  EXPECT_EQ(rng.jitter(0s, 1), 0s);
  EXPECT_DEATH(rng.jitter(5s, 1.5), "broken invariant");
}

TEST(Rng, shuffle_replays_and_keeps_what_it_shuffles) {
  std::vector<int> first(20);
  std::iota(first.begin(), first.end(), 0);
  auto second = first;
  const auto sorted = first;
  Rng a(9);
  Rng b(9);
  a.shuffle(first);
  b.shuffle(second);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, sorted);
  // One seed replays one run for ever: this order is part of every recorded scenario.
  EXPECT_EQ(first, (std::vector<int>{6, 11, 3, 9, 8, 5, 10, 18, 14, 17, 15, 0, 12, 16, 13, 1, 19, 2, 7, 4}));
  EXPECT_TRUE(std::is_permutation(first.begin(), first.end(), sorted.begin(), sorted.end()));

  std::vector<int> none;
  a.shuffle(none);
  EXPECT_TRUE(none.empty());
}

TEST(Rng, shuffle_gives_every_order_its_share) {
  Rng rng(10);
  std::array<int, 6> count{};
  for (int i = 0; i < 6000; ++i) {
    std::array<std::size_t, 3> order{0, 1, 2};
    rng.shuffle(order);
    ++count[order[0] * 2 + (order[1] > order[2] ? 1 : 0)];
  }
  for (const int seen : count) EXPECT_NEAR(seen, 1000, 120);
}

}  // namespace
}  // namespace rondo
