#include "cli/progress.hpp"

#include <gtest/gtest.h>

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;

ProgressState half_way() { return {"fetching", 2'050'000'000, 4'100'000'000, 11'300'000.0, 180s, 3}; }

TEST(PercentOf, is_100_only_when_complete) {
  EXPECT_EQ(percent_of(0, 10), 0u);
  EXPECT_EQ(percent_of(999'999'999, 1'000'000'000), 99u);
  EXPECT_EQ(percent_of(UINT64_MAX - 1, UINT64_MAX), 99u);
  EXPECT_EQ(percent_of(10, 10), 100u);
  EXPECT_EQ(percent_of(0, 0), 100u);
}

TEST(BarText, has_everything_in_a_wide_terminal) {
  EXPECT_EQ(bar_text(half_way(), 120),
            "fetching [###############---------------]  50%  2.0/4.1 GB  11.3 MB/s  3 min  3 peers");
}

TEST(BarText, the_bar_shrinks_first) {
  EXPECT_EQ(bar_text(half_way(), 80),
            "fetching [############------------]  50%  2.0/4.1 GB  11.3 MB/s  3 min  3 peers");
}

TEST(BarText, narrow_terminals_keep_what_matters_most) {
  EXPECT_EQ(bar_text(half_way(), 60), "fetching  50%  2.0/4.1 GB  11.3 MB/s  3 min  3 peers");
  EXPECT_EQ(bar_text(half_way(), 50), "fetching  50%  2.0/4.1 GB  11.3 MB/s  3 min");
  EXPECT_EQ(bar_text(half_way(), 40), " 50%  2.0/4.1 GB  11.3 MB/s  3 min");
  EXPECT_EQ(bar_text(half_way(), 30), " 50%  11.3 MB/s  3 min");
  EXPECT_EQ(bar_text(half_way(), 20), " 50%  11.3 MB/s");
  EXPECT_EQ(bar_text(half_way(), 6), " 50%");
  EXPECT_EQ(bar_text(half_way(), 3), " 5");
}

TEST(BarText, never_fills_the_last_column) {
  for (unsigned width = 1; width < 140; ++width) EXPECT_LT(bar_text(half_way(), width).size(), width) << width;
}

TEST(BarText, an_unknown_rate_and_time_are_dashes) {
  ProgressState state = half_way();
  state.rate.reset();
  state.eta.reset();
  state.peers = 0;
  EXPECT_EQ(bar_text(state, 60), "fetching [########--------]  50%  2.0/4.1 GB  -  -  0 peers");
}

TEST(BarText, hashing_has_no_peers) {
  EXPECT_EQ(bar_text({"hashing", 100, 100, 5000.0, 0s, std::nullopt}, 60),
            "hashing [##################] 100%  100/100 B  5.0 kB/s  0 s");
}

TEST(ProgressLine, is_a_sentence_for_a_log) {
  EXPECT_EQ(progress_line(half_way()), "fetching: 50 % (2.0/4.1 GB), 11.3 MB/s, 3 min left, 3 peers");
  EXPECT_EQ(progress_line({"hashing", 5, 5, std::nullopt, 0s, std::nullopt}), "hashing: 100 % (5/5 B)");
}

class RateMeterTest : public testing::Test {
 protected:
  /// Feeds a steady rate, ten times a second.
  void feed(double seconds, std::uint64_t bytes_per_second) {
    for (int i = 0; i < static_cast<int>(seconds * 10); ++i) {
      now_ += 100ms;
      done_ += bytes_per_second / 10;
      meter_.observe(now_, done_);
    }
  }

  RateMeter meter_;
  RateMeter::Clock::time_point now_{};
  std::uint64_t done_ = 0;
};

TEST_F(RateMeterTest, knows_nothing_at_first) {
  EXPECT_FALSE(meter_.rate());
  EXPECT_FALSE(meter_.eta(1000));
  meter_.observe(now_, 0);
  feed(0.4, 1000);
  EXPECT_FALSE(meter_.rate());
}

TEST_F(RateMeterTest, is_right_from_the_first_answer_on) {
  meter_.observe(now_, 0);
  feed(0.6, 1'000'000);
  ASSERT_TRUE(meter_.rate());
  EXPECT_NEAR(*meter_.rate(), 1'000'000, 1000);
  EXPECT_EQ(meter_.eta(10'550'000), 10s);
}

TEST_F(RateMeterTest, bytes_of_an_earlier_run_are_no_rate) {
  done_ = 5'000'000'000;
  meter_.observe(now_, done_);
  feed(1, 1000);
  EXPECT_NEAR(*meter_.rate(), 1000, 1);
}

TEST_F(RateMeterTest, a_change_is_followed_smoothly) {
  meter_.observe(now_, 0);
  feed(30, 1'000'000);
  feed(1, 2'000'000);
  EXPECT_GT(*meter_.rate(), 1'150'000);
  EXPECT_LT(*meter_.rate(), 1'300'000);
  feed(20, 2'000'000);
  EXPECT_NEAR(*meter_.rate(), 2'000'000, 20'000);
}

TEST_F(RateMeterTest, a_stall_makes_the_time_left_unknown) {
  meter_.observe(now_, 0);
  feed(10, 1'000'000);
  feed(120, 0);
  EXPECT_FALSE(meter_.eta(4'000'000'000));
  EXPECT_EQ(meter_.eta(done_), 0s);
}

TEST_F(RateMeterTest, time_that_stands_still_is_no_division_by_zero) {
  meter_.observe(now_, 0);
  meter_.observe(now_, 500);
  feed(1, 1000);
  EXPECT_NEAR(*meter_.rate(), 1000, 10);
}

TEST(LineThrottle, a_line_for_every_tenth_and_every_half_minute) {
  LineThrottle throttle;
  LineThrottle::Clock::time_point now{};
  EXPECT_TRUE(throttle.is_due(now, 0, 100));
  EXPECT_FALSE(throttle.is_due(now, 9, 100));
  EXPECT_TRUE(throttle.is_due(now, 10, 100));
  EXPECT_FALSE(throttle.is_due(now, 19, 100));
  EXPECT_TRUE(throttle.is_due(now, 55, 100));
  EXPECT_FALSE(throttle.is_due(now + 29s, 56, 100));
  EXPECT_TRUE(throttle.is_due(now + 30s, 56, 100));
  EXPECT_TRUE(throttle.is_due(now + 31s, 100, 100));
  EXPECT_FALSE(throttle.is_due(now + 32s, 100, 100));
}

}  // namespace
}  // namespace rondo::cli
