// RFC 6298 arithmetic, tokens, silence and the bound of the table, against
// models kept as simply as they can be.
#include "dht/rpc/endpoint_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "dht/base/limits.hpp"
#include "dht/base/rng.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;

constexpr wire::Token kToken{1, 2, 3, 4, 5, 6, 7, 8};

Endpoint host(std::uint32_t number) {
  return Endpoint::v4(10, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
                      static_cast<std::uint8_t>(number), 6881);
}

Instant at(Duration since_start) { return Instant{} + since_start; }

// --- time-outs
// ------------------------------------------------------------------------------------------------------

TEST(EndpointTimeout, first_contact_waits_a_second_and_doubles_up_to_the_cap) {
  const EndpointTable table;
  EXPECT_EQ(table.timeout(host(1), 0), 1s);
  EXPECT_EQ(table.timeout(host(1), 1), 2s);
  EXPECT_EQ(table.timeout(host(1), 2), 4s);
  EXPECT_EQ(table.timeout(host(1), 3), limits::kMaxTimeout);
  EXPECT_EQ(table.timeout(host(1), 1000), limits::kMaxTimeout);
}

TEST(EndpointTimeout, first_sample_gives_three_times_the_round_trip) {
  EndpointTable table;
  table.on_heard(host(1), at(1s), 200ms, kToken);
  EXPECT_EQ(table.timeout(host(1), 0), 600ms) << "RFC 6298 (2.2): SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR";
  EXPECT_EQ(table.timeout(host(1), 1), 1200ms);
  EXPECT_EQ(table.round_trip(host(1)), 200ms);
}

TEST(EndpointTimeout, many_samples_follow_rfc_6298) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    EndpointTable table;
    double mean = 0;
    double deviation = 0;
    for (int i = 0; i < 200; ++i) {
      const auto us = static_cast<std::int64_t>(40'000 + rng.below(400'000));
      table.on_heard(host(1), at(1s * i), Duration(us), kToken);
      const auto sample = static_cast<double>(us);
      deviation = i == 0 ? sample / 2 : 0.75 * deviation + 0.25 * std::abs(mean - sample);
      mean = i == 0 ? sample : 0.875 * mean + 0.125 * sample;
      const double wanted = std::clamp(mean + 4 * deviation, 100e3, 4e6);
      ASSERT_NEAR(static_cast<double>(table.timeout(host(1), 0).count()), wanted, 64) << "after sample " << i;
    }
  }
}

TEST(EndpointTimeout, steady_lan_peer_ends_at_the_floor) {
  EndpointTable table;
  for (int i = 0; i < 100; ++i) table.on_heard(host(1), at(1s * i), 300us, kToken);
  EXPECT_EQ(table.timeout(host(1), 0), limits::kMinTimeout);
  EXPECT_EQ(table.timeout(host(1), 1), 2 * limits::kMinTimeout) << "the floor is doubled, not the value below it";
}

TEST(EndpointTimeout, absurd_samples_stay_within_the_bounds) {
  for (const Duration sample : {Duration(-5s), Duration(0), Duration(24h), Duration::max()}) {
    EndpointTable table;
    for (int i = 0; i < 50; ++i) table.on_heard(host(1), at(1s * i), sample, kToken);
    for (int attempt = 0; attempt < 40; ++attempt) {
      EXPECT_GE(table.timeout(host(1), attempt), limits::kMinTimeout);
      EXPECT_LE(table.timeout(host(1), attempt), limits::kMaxTimeout);
    }
    ASSERT_TRUE(table.round_trip(host(1)).has_value());
    EXPECT_GT(*table.round_trip(host(1)), Duration::zero());
  }
}

TEST(EndpointTimeout, stranger_gets_a_multiple_of_what_is_typical_within_its_bounds) {
  EndpointTable fast;
  for (std::uint32_t i = 0; i < 50; ++i) fast.on_heard(host(i), at(1s), 1ms, kToken);
  EXPECT_EQ(fast.timeout(host(99), 0), limits::kStrangerTimeout);

  EndpointTable slow;
  for (std::uint32_t i = 0; i < 50; ++i) slow.on_heard(host(i), at(1s), 900ms, kToken);
  EXPECT_EQ(slow.timeout(host(99), 0), limits::kFirstTimeout);

  EndpointTable middle;
  for (int i = 0; i < 200; ++i) middle.on_heard(host(1), at(1s * i), 200ms, kToken);
  EXPECT_GT(middle.timeout(host(99), 0), limits::kStrangerTimeout);
  EXPECT_LT(middle.timeout(host(99), 0), limits::kFirstTimeout);
}

TEST(EndpointTimeout, endpoints_are_told_apart_by_port_and_family) {
  EndpointTable table;
  Endpoint other_port = host(1);
  other_port.port = 6882;
  Endpoint other_family = host(1);
  other_family.family = Family::kV6;
  table.on_heard(host(1), at(1s), 10ms, kToken);
  EXPECT_FALSE(table.round_trip(other_port).has_value());
  EXPECT_FALSE(table.round_trip(other_family).has_value());
  EXPECT_FALSE(table.token(other_port, at(1s)).has_value());
}

// --- tokens
// ---------------------------------------------------------------------------------------------------------

TEST(EndpointToken, is_used_only_while_it_is_surely_good) {
  EndpointTable table;
  EXPECT_FALSE(table.token(host(1), at(0s)).has_value());
  table.on_sent(host(1), at(0s));
  EXPECT_FALSE(table.token(host(1), at(0s)).has_value()) << "a request brings no token";
  table.on_heard(host(1), at(10s), 10ms, kToken);
  EXPECT_EQ(table.token(host(1), at(10s)), kToken);
  EXPECT_EQ(table.token(host(1), at(10s) + limits::kTokenUse), kToken);
  EXPECT_FALSE(table.token(host(1), at(10s) + limits::kTokenUse + 1us).has_value());
}

TEST(EndpointToken, of_a_newer_answer_replaces_the_old_one_and_its_age) {
  EndpointTable table;
  constexpr wire::Token kNewer{9};
  table.on_heard(host(1), at(0s), 10ms, kToken);
  table.on_heard(host(1), at(3min), 10ms, kNewer);
  EXPECT_EQ(table.token(host(1), at(3min) + limits::kTokenUse), kNewer);
}

TEST(EndpointToken, a_sign_of_life_does_not_make_it_younger) {
  EndpointTable table;
  table.on_heard(host(1), at(0s), 10ms, kToken);
  table.on_sign_of_life(host(1));
  table.on_sent(host(1), at(4min));
  EXPECT_FALSE(table.token(host(1), at(0s) + limits::kTokenUse + 1us).has_value());
}

TEST(EndpointToken, forgotten_token_keeps_the_round_trip) {
  EndpointTable table;
  table.on_heard(host(1), at(0s), 10ms, kToken);
  table.forget_token(host(1));
  table.forget_token(host(2));
  EXPECT_FALSE(table.token(host(1), at(0s)).has_value());
  EXPECT_EQ(table.round_trip(host(1)), 10ms);
  EXPECT_EQ(table.size(), 1u) << "forgetting a stranger's token makes no entry";
}

// --- silence
// --------------------------------------------------------------------------------------------------------

TEST(EndpointSilence, counts_tries_since_it_was_last_heard) {
  EndpointTable table;
  table.on_heard(host(1), at(1s), 10ms, kToken);
  for (int i = 0; i < 4; ++i) table.on_unanswered(host(1), at(2s + 1s * i));
  EXPECT_EQ(table.unanswered(host(1)), 4);
  EXPECT_EQ(table.unanswered_since(host(1)), at(2s));
  table.on_heard(host(1), at(9s), 10ms, kToken);
  EXPECT_EQ(table.unanswered(host(1)), 0);
  EXPECT_FALSE(table.unanswered_since(host(1)).has_value());
  table.on_unanswered(host(1), at(10s));
  EXPECT_EQ(table.unanswered_since(host(1)), at(10s)) << "the old silence is over";
}

TEST(EndpointSilence, starts_with_the_earliest_try_though_a_later_one_expires_first) {
  EndpointTable table;
  table.on_unanswered(host(1), at(7s));
  table.on_unanswered(host(1), at(5s));
  table.on_unanswered(host(1), at(6s));
  EXPECT_EQ(table.unanswered_since(host(1)), at(5s));
}

TEST(EndpointSilence, does_not_count_a_try_that_left_before_the_last_answer) {
  EndpointTable table;
  table.on_sent(host(1), at(1s));
  table.on_sent(host(1), at(3s));
  table.on_heard(host(1), at(3s) + 10ms, 10ms, kToken);
  table.on_unanswered(host(1), at(1s));  // its time-out was long
  EXPECT_EQ(table.unanswered(host(1)), 0) << "or silence would begin before a sign of life";
  table.on_unanswered(host(1), at(4s));
  EXPECT_EQ(table.unanswered(host(1)), 1);
  EXPECT_EQ(table.unanswered_since(host(1)), at(4s));
}

TEST(EndpointSilence, of_hours_is_at_least_an_hour) {
  EndpointTable table;
  table.on_unanswered(host(1), at(1s));
  table.on_sent(host(1), at(500h));
  table.on_unanswered(host(1), at(500h));
  EXPECT_EQ(table.unanswered(host(1)), 2);
  EXPECT_LE(*table.unanswered_since(host(1)), at(499h)) << "ages are kept in 32 bits";
  table.on_heard(host(1), at(501h), 10ms, kToken);
  table.on_sent(host(1), at(900h));
  EXPECT_FALSE(table.token(host(1), at(900h)).has_value());
}

TEST(EndpointSilence, sign_of_life_ends_it_and_makes_no_entry) {
  EndpointTable table;
  table.on_unanswered(host(1), at(1s));
  table.on_sign_of_life(host(1));
  table.on_sign_of_life(host(2));
  EXPECT_EQ(table.unanswered(host(1)), 0);
  EXPECT_EQ(table.size(), 1u) << "who invents endpoints must not fill the table";
}

TEST(EndpointSilence, a_thousand_tries_do_not_wrap_round_to_none) {
  EndpointTable table;
  for (int i = 0; i < 1000; ++i) {
    table.on_unanswered(host(1), at(1s * i));
    ASSERT_GE(table.unanswered(host(1)), std::min(i + 1, limits::kDeadTries));
  }
}

TEST(EndpointSilence, silent_since_counts_endpoints_tried_after_that_time) {
  EndpointTable table;
  for (std::uint32_t i = 1; i <= 4; ++i) {
    table.on_sent(host(i), at(1s * i));
    table.on_unanswered(host(i), at(1s * i));
  }
  table.on_sent(host(9), at(4s));  // not yet unanswered
  EXPECT_EQ(table.silent_since(at(0s)), 4u);
  EXPECT_EQ(table.silent_since(at(3s)), 2u);
  EXPECT_EQ(table.silent_since(at(4s) + 1us), 0u);
  table.on_heard(host(4), at(5s), 10ms, kToken);
  EXPECT_EQ(table.silent_since(at(3s)), 1u);
}

TEST(EndpointSilence, a_try_that_may_still_be_answered_is_no_silence) {
  EndpointTable table;
  table.on_sent(host(1), at(1s));
  table.on_unanswered(host(1), at(1s));
  table.on_sent(host(1), at(60s));  // asked again
  EXPECT_EQ(table.silent_since(at(2s)), 0u);
  table.on_unanswered(host(1), at(60s));
  EXPECT_EQ(table.silent_since(at(60s)), 1u);
  table.on_sent(host(1), at(100h));
  EXPECT_EQ(table.silent_since(at(61s)), 1u) << "ages are kept in 16 bits: beyond 11 min it may seem later than it was";
}

// --- the bound
// ------------------------------------------------------------------------------------------------------

TEST(EndpointBound, the_one_unused_for_longest_goes_first) {
  EndpointTable table;
  for (std::uint32_t i = 0; i < limits::kKnownEndpoints; ++i) table.on_heard(host(i), at(1s * i), 10ms, kToken);
  table.on_sent(host(0), at(1000s));  // the oldest is used again
  table.on_sent(host(5000), at(1001s));
  EXPECT_EQ(table.size(), limits::kKnownEndpoints);
  EXPECT_TRUE(table.round_trip(host(0)).has_value());
  EXPECT_FALSE(table.round_trip(host(1)).has_value());
  EXPECT_TRUE(table.round_trip(host(2)).has_value());
}

TEST(EndpointBound, random_use_behaves_like_a_least_recently_used_list) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    EndpointTable table;
    std::map<std::uint32_t, Instant> model;
    const auto use = [&](std::uint32_t number, Instant now) {
      if (!model.contains(number) && model.size() == limits::kKnownEndpoints)
        model.erase(std::min_element(model.begin(), model.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; }));
      model[number] = now;
    };
    for (int i = 0; i < 6000; ++i) {
      const Instant now = at(1ms * (i + 1));
      const auto number = static_cast<std::uint32_t>(rng.below(2) == 0 ? rng.below(300) : rng.below(3000));
      if (rng.below(2) == 0)
        table.on_sent(host(number), now);
      else
        table.on_heard(host(number), now, 10ms, kToken);
      use(number, now);
      ASSERT_EQ(table.size(), model.size());
    }
    for (std::uint32_t number = 0; number < 3000; ++number)
      ASSERT_TRUE(!table.round_trip(host(number)) || model.contains(number)) << number;
  }
}

}  // namespace
}  // namespace rondo::dht
