// When one key is announced on the ring. Pure: no I/O, time comes in.
//
// An announcement is soft state: replicas forget it after limits::kAnnouncementTtl. It is repeated
// - at half of that, +-20 %, while at least half of the replicas hold it (one repetition may be lost);
// - sooner, with back-off, while fewer do or no ring is known;
// - soon after our own place in the ring changed: the key's replicas may be others now.
// At most one announcement is on its way.
#pragma once

#include <cstddef>

#include "dht/base/rng.hpp"
#include "dht/base/time.hpp"
#include "peer/node/backoff.hpp"

namespace rondo::peer {

class AnnounceSchedule {
 public:
  /// Due at once. `rng` must outlive the schedule.
  AnnounceSchedule(Instant now, Rng& rng);

  /// When the next announcement begins; kNever while one is on its way.
  [[nodiscard]] Instant due() const { return on_its_way_ ? kNever : due_; }

  void begun();
  /// `held` of `replicas` hold it now; 0 of 0 when no ring was found.
  void ended(Instant now, std::size_t held, std::size_t replicas);
  void ring_changed(Instant now);

 private:
  Rng& rng_;
  Backoff retry_;
  Instant due_;
  Instant soon_ = kNever;  // a change while one was on its way
  bool on_its_way_ = false;
};

}  // namespace rondo::peer
