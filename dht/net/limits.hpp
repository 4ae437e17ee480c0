// Bounds of the UDP driver: the number, why it is that number, and what happens at it.
#pragma once

#include <chrono>
#include <cstddef>

#include "dht/base/limits.hpp"
#include "dht/base/time.hpp"

namespace rondo::limits {

/// Datagrams a second and in one burst that we read from one source (IPv4 address, IPv6 /64, loopback endpoint).
/// A busy member of a ring of a thousand sends us 10 a second; more than this is dropped unread.
inline constexpr std::int64_t kSourceRate = 200;
inline constexpr std::int64_t kSourceBurst = 800;
/// Places in each of the two rows of the rate table: 64 KiB, whoever sends. Sources that share a place in both rows
/// share a rate.
inline constexpr std::size_t kRateSlots = 4096;
/// Datagrams read before timers and other work of the thread get their turn.
inline constexpr std::size_t kReceiveBatch = 64;
/// The socket's receive buffer that we ask for; the kernel may give less. Room for a thousand datagrams while the
/// thread is busy; what comes beyond it is lost, as UDP may.
inline constexpr int kReceiveBuffer = 1 << 20;
/// Pause of the receive loop after a batch of nothing but errors: a broken socket must not eat a processor.
inline constexpr Duration kReceivePause = 50ms;
/// Two runs of the deadline timer have at least this distance.
inline constexpr Duration kTimerGrain = 1ms;
/// The timer is set no farther than this; it only wakes up to be set again.
inline constexpr Duration kTimerHorizon = 1h;

}  // namespace rondo::limits
