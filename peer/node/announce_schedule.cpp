#include "peer/node/announce_schedule.hpp"

#include <algorithm>

#include "dht/base/limits.hpp"
#include "peer/node/limits.hpp"

namespace rondo::peer {
namespace {

constexpr double kJitter = 0.2;

}  // namespace

AnnounceSchedule::AnnounceSchedule(Instant now, Rng& rng)
    : rng_(rng), retry_(limits::kAnnounceRetryFirst, limits::kAnnounceRetryLast), due_(now) {}

void AnnounceSchedule::begun() {
  on_its_way_ = true;
  soon_ = kNever;
}

void AnnounceSchedule::ended(Instant now, std::size_t held, std::size_t replicas) {
  on_its_way_ = false;
  if (held > 0 && held * 2 >= replicas) {
    retry_.reset();
    due_ = now + rng_.jitter(rondo::limits::kAnnouncementTtl / 2, kJitter);
  } else {
    due_ = now + rng_.jitter(retry_.next(), kJitter);
  }
  due_ = std::min(due_, std::max(soon_, now));
}

void AnnounceSchedule::ring_changed(Instant now) {
  const Duration pause(
      static_cast<Duration::rep>(rng_.below(static_cast<std::uint64_t>(limits::kAnnounceSoon.count()))));
  soon_ = now + pause;
  due_ = std::min(due_, soon_);
}

}  // namespace rondo::peer
