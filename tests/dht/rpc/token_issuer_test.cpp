// Tokens live 5 to 10 minutes, for the address and port that they were given
// to, whatever the rhythm of the questions.
#include "dht/rpc/token_issuer.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "dht/base/limits.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;

const Endpoint kAsker = Endpoint::v4(198, 51, 100, 7, 6881);

Instant at(Duration since_start) { return Instant{} + since_start; }

TEST(Token, is_good_at_once_and_for_five_minutes) {
  Rng rng(1);
  TokenIssuer issuer(rng, at(0s));
  const auto token = issuer.issue(kAsker, at(4min));
  EXPECT_TRUE(issuer.valid(kAsker, token, at(4min)));
  EXPECT_TRUE(issuer.valid(kAsker, token, at(9min)));
  EXPECT_EQ(issuer.issue(kAsker, at(9min) + 1s), issuer.issue(kAsker, at(9min) + 2s)) << "a function of the secret";
}

TEST(Token, of_another_address_port_or_family_is_refused) {
  Rng rng(2);
  TokenIssuer issuer(rng, at(0s));
  const auto token = issuer.issue(kAsker, at(1s));
  EXPECT_FALSE(issuer.valid(Endpoint::v4(198, 51, 100, 8, 6881), token, at(1s)));
  EXPECT_FALSE(issuer.valid(Endpoint::v4(198, 51, 100, 7, 6882), token, at(1s)));
  EXPECT_FALSE(issuer.valid(Endpoint::v4(198, 51, 100, 7, 6881 ^ 0x0100), token, at(1s)));
  Endpoint v6 = kAsker;
  v6.family = Family::kV6;
  EXPECT_FALSE(issuer.valid(v6, token, at(1s)));
}

TEST(Token, with_any_bit_changed_is_refused) {
  Rng rng(3);
  TokenIssuer issuer(rng, at(0s));
  const auto token = issuer.issue(kAsker, at(1s));
  for (std::size_t bit = 0; bit < 64; ++bit) {
    auto forged = token;
    forged[bit / 8] = static_cast<std::uint8_t>(forged[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(issuer.valid(kAsker, forged, at(1s))) << "bit " << bit;
  }
  EXPECT_FALSE(issuer.valid(kAsker, wire::Token{}, at(1s)));
}

TEST(Token, of_another_issuer_is_refused) {
  Rng rng(4);
  TokenIssuer ours(rng, at(0s));
  TokenIssuer theirs(rng, at(0s));
  EXPECT_FALSE(ours.valid(kAsker, theirs.issue(kAsker, at(1s)), at(1s)));
}

TEST(Token, after_a_long_idle_time_no_old_one_is_good) {
  Rng rng(5);
  TokenIssuer issuer(rng, at(0s));
  const auto token = issuer.issue(kAsker, at(1s));
  EXPECT_FALSE(issuer.valid(kAsker, token, at(1h)));
  const auto fresh = issuer.issue(kAsker, at(1h));
  EXPECT_NE(fresh, token);
  EXPECT_TRUE(issuer.valid(kAsker, fresh, at(1h)));
}

// The secrets change when somebody asks, and nobody may ask for long: a token
// must not outlive its ten minutes then.
TEST(Token, is_refused_after_ten_minutes_though_nobody_asked_in_between) {
  Rng rng(6);
  TokenIssuer issuer(rng, at(0s));
  const auto token = issuer.issue(kAsker, at(1s));
  EXPECT_TRUE(issuer.valid(kAsker, token, at(9min) + 59s));
  EXPECT_FALSE(issuer.valid(kAsker, token, at(10min) + 1s));
}

TEST(Token, at_random_times_lives_five_to_ten_minutes) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Rng secrets(seed + 1000);
    Instant now = at(Duration(static_cast<std::int64_t>(rng.below(1'000'000'000))));
    TokenIssuer issuer(secrets, now);
    std::vector<std::pair<Instant, wire::Token>> issued;
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t longest = rng.below(4) == 0 ? 900'000'000 : 60'000'000;
      now += Duration(static_cast<std::int64_t>(rng.below(longest)));
      for (const auto& [when, token] : issued) {
        const Duration age = now - when;
        const bool good = issuer.valid(kAsker, token, now);
        ASSERT_TRUE(good || age >= limits::kTokenRotation) << "age " << age.count() << " us";
        ASSERT_TRUE(!good || age < 2 * limits::kTokenRotation) << "age " << age.count() << " us";
      }
      issued.emplace_back(now, issuer.issue(kAsker, now));
    }
  }
}

}  // namespace
}  // namespace rondo::dht
