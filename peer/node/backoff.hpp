// Pauses that double.
#pragma once

#include <algorithm>

#include "dht/base/time.hpp"

namespace rondo::peer {

class Backoff {
 public:
  /// REQUIRES: 0 < first <= last.
  Backoff(Duration first, Duration last) : first_(first), last_(last), next_(first) {}

  /// This pause; the one after it is twice as long, up to the last.
  Duration next() {
    const Duration pause = next_;
    next_ = std::min<Duration>(next_ * 2, last_);
    return pause;
  }
  void reset() { next_ = first_; }

 private:
  Duration first_;
  Duration last_;
  Duration next_;
};

}  // namespace rondo::peer
