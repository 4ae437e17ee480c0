// Protocol time. Protocol code is handed an Instant and can't ask for one: the clock has no now().
#pragma once

#include <chrono>
#include <cstdint>

namespace rondo {

/// A clock without now(): only a driver (dht/net, dht/sim) makes Instants. Its epoch is the driver's start.
struct ProtocolClock {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = std::chrono::microseconds;
  using time_point = std::chrono::time_point<ProtocolClock>;
  static constexpr bool is_steady = true;
};

using Duration = ProtocolClock::duration;
using Instant = ProtocolClock::time_point;

/// The deadline of a machine that waits for nothing.
inline constexpr Instant kNever = Instant::max();

inline constexpr std::int64_t to_milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace rondo
