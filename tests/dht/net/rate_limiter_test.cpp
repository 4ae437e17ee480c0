#include "dht/net/rate_limiter.hpp"

#include <gtest/gtest.h>

#include "dht/base/rng.hpp"
#include "dht/net/limits.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;

int admitted(RateLimiter& limiter, const Endpoint& source, Instant now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limiter.admit(source, now) ? 1 : 0;
  return count;
}

Endpoint v6(const char* text) { return *Endpoint::parse(text); }

TEST(RateLimiter, a_burst_passes_and_then_the_rate) {
  RateLimiter limiter(7);
  const Endpoint source = Endpoint::v4(198, 51, 100, 7, 6881);
  Instant now{10s};
  EXPECT_EQ(admitted(limiter, source, now, 2000), limits::kSourceBurst);
  now += 1s;
  EXPECT_EQ(admitted(limiter, source, now, 2000), limits::kSourceRate);
  now += 1h;
  EXPECT_EQ(admitted(limiter, source, now, 2000), limits::kSourceBurst);
}

TEST(RateLimiter, the_steady_rate_always_passes) {
  RateLimiter limiter(7);
  const Endpoint source = Endpoint::v4(198, 51, 100, 7, 6881);
  Instant now{};
  for (int i = 0; i < 10'000; ++i, now += Duration(1s) / limits::kSourceRate) ASSERT_TRUE(limiter.admit(source, now));
}

TEST(RateLimiter, ports_of_one_address_share_a_rate) {
  RateLimiter limiter(7);
  admitted(limiter, Endpoint::v4(198, 51, 100, 7, 1), Instant{}, 2000);
  EXPECT_FALSE(limiter.admit(Endpoint::v4(198, 51, 100, 7, 2), Instant{}));
  EXPECT_TRUE(limiter.admit(Endpoint::v4(198, 51, 100, 8, 1), Instant{}));
}

TEST(RateLimiter, addresses_of_one_v6_network_share_a_rate) {
  RateLimiter limiter(7);
  admitted(limiter, v6("[2001:db8:1:2::1]:5"), Instant{}, 2000);
  EXPECT_FALSE(limiter.admit(v6("[2001:db8:1:2:ffff::9]:7"), Instant{}));
  EXPECT_TRUE(limiter.admit(v6("[2001:db8:1:3::1]:5"), Instant{}));
}

TEST(RateLimiter, on_loopback_each_port_is_a_source) {
  RateLimiter limiter(7);
  admitted(limiter, Endpoint::v4(127, 0, 0, 1, 7001), Instant{}, 2000);
  EXPECT_FALSE(limiter.admit(Endpoint::v4(127, 0, 0, 1, 7001), Instant{}));
  EXPECT_TRUE(limiter.admit(Endpoint::v4(127, 0, 0, 1, 7002), Instant{}));
  admitted(limiter, v6("[::1]:7001"), Instant{}, 2000);
  EXPECT_TRUE(limiter.admit(v6("[::1]:7002"), Instant{}));
}

TEST(RateLimiter, a_flood_of_invented_sources_leaves_the_others_alone) {
  RateLimiter limiter(7);
  Rng rng(1);
  Instant now{};
  // One second of 20,000 datagrams, each from another address.
  for (int i = 0; i < 20'000; ++i, now += 50us) {
    Endpoint source;
    rng.fill({source.address.data(), 4});
    source.address[0] = 198;
    source.port = 1;
    limiter.admit(source, now);
  }
  EXPECT_GE(admitted(limiter, Endpoint::v4(203, 0, 113, 5, 1), now, 2000), limits::kSourceBurst * 9 / 10);
}

TEST(RateLimiter, one_loud_source_leaves_the_others_alone) {
  RateLimiter limiter(7);
  for (std::uint8_t i = 0; i < 20; ++i) admitted(limiter, Endpoint::v4(203, 0, 113, i, 1), Instant{}, 2000);
  int refused = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    const auto high = static_cast<std::uint8_t>(i / 250);
    refused += limiter.admit(Endpoint::v4(198, 51, high, static_cast<std::uint8_t>(i % 250), 1), Instant{}) ? 0 : 1;
  }
  // Both slots shared with one of 20: (20 / 4096)^2 of all, that is none or one in 10,000.
  EXPECT_LE(refused, 3);
}

}  // namespace
}  // namespace rondo::dht
