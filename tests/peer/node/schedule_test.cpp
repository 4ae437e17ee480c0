#include <gtest/gtest.h>

#include "dht/base/limits.hpp"
#include "peer/node/announce_schedule.hpp"
#include "peer/node/backoff.hpp"
#include "peer/node/limits.hpp"

namespace rondo::peer {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{100s};

TEST(Backoff, doubles_up_to_the_last_and_begins_anew) {
  Backoff backoff(2s, 15s);
  EXPECT_EQ(backoff.next(), 2s);
  EXPECT_EQ(backoff.next(), 4s);
  EXPECT_EQ(backoff.next(), 8s);
  EXPECT_EQ(backoff.next(), 15s);
  EXPECT_EQ(backoff.next(), 15s);
  backoff.reset();
  EXPECT_EQ(backoff.next(), 2s);
}

TEST(AnnounceSchedule, is_due_at_once_and_not_while_on_its_way) {
  Rng rng(1);
  AnnounceSchedule schedule(kStart, rng);
  EXPECT_EQ(schedule.due(), kStart);
  schedule.begun();
  EXPECT_EQ(schedule.due(), kNever);
}

TEST(AnnounceSchedule, held_by_half_it_is_repeated_at_half_of_its_life) {
  Rng rng(1);
  AnnounceSchedule schedule(kStart, rng);
  Duration least = 1h;
  Duration most{};
  for (int i = 0; i < 200; ++i) {
    schedule.begun();
    schedule.ended(kStart, 4, 8);
    const Duration pause = schedule.due() - kStart;
    least = std::min(least, pause);
    most = std::max(most, pause);
  }
  EXPECT_GE(least, 12min);
  EXPECT_LE(most, 18min);
  EXPECT_LT(least, 13min);  // jittered
  EXPECT_GT(most, 17min);
}

TEST(AnnounceSchedule, held_by_fewer_it_is_tried_again_with_back_off) {
  Rng rng(1);
  AnnounceSchedule schedule(kStart, rng);
  Duration expected = limits::kAnnounceRetryFirst;
  for (int i = 0; i < 10; ++i) {
    schedule.begun();
    schedule.ended(kStart, 3, 8);
    EXPECT_GE(schedule.due() - kStart, expected * 8 / 10);
    EXPECT_LE(schedule.due() - kStart, expected * 12 / 10);
    expected = std::min<Duration>(expected * 2, limits::kAnnounceRetryLast);
  }
  schedule.begun();
  schedule.ended(kStart, 8, 8);
  schedule.begun();
  schedule.ended(kStart, 0, 0);  // no ring: from the beginning again
  EXPECT_LE(schedule.due() - kStart, limits::kAnnounceRetryFirst * 12 / 10);
}

TEST(AnnounceSchedule, a_changed_ring_is_announced_to_soon) {
  Rng rng(1);
  AnnounceSchedule schedule(kStart, rng);
  schedule.begun();
  schedule.ended(kStart, 8, 8);
  schedule.ring_changed(kStart + 1min);
  EXPECT_GE(schedule.due(), kStart + 1min);
  EXPECT_LE(schedule.due(), kStart + 1min + limits::kAnnounceSoon);
}

TEST(AnnounceSchedule, a_change_while_one_is_on_its_way_is_not_forgotten) {
  Rng rng(1);
  AnnounceSchedule schedule(kStart, rng);
  schedule.begun();
  schedule.ring_changed(kStart);
  EXPECT_EQ(schedule.due(), kNever);
  schedule.ended(kStart + 5s, 8, 8);
  EXPECT_LE(schedule.due(), kStart + 5s + limits::kAnnounceSoon);
  schedule.begun();
  schedule.ended(kStart + 6s, 8, 8);
  EXPECT_GT(schedule.due(), kStart + 10min);
}

}  // namespace
}  // namespace rondo::peer
