// How many datagrams a source may send us: a token bucket a source, in a table that cannot be filled.
//
// A source is an IPv4 address or an IPv6 /64 (one host can own all of it); on loopback an endpoint, because whole rings
// run there. The table has no entries to evict: two rows of slots, each source has one slot a row by a secret hash, and
// a datagram is dropped only when both are exhausted. A slot holds one Instant, when its bucket will be full again
// (GCRA); an update raises no slot beyond what the less loaded one needs (a conservative count-min sketch).
//
// An attacker who invents sources can lower the rate of others at most; with both rows that takes him a sustained
// kRateSlots x limits::kSourceRate datagrams a second, far beyond what one thread reads anyway.
// Cost: O(1) and 64 KiB, whatever arrives. Pure: time and secret come in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/time.hpp"

namespace rondo::dht {

class RateLimiter {
 public:
  /// `secret`: random, so that nobody knows whose slots he shares.
  explicit RateLimiter(std::uint64_t secret);

  /// Counts a datagram. False: the source is over its rate, and the datagram was not counted.
  bool admit(const Endpoint& source, Instant now);

 private:
  static constexpr std::size_t kRows = 2;

  std::array<std::uint64_t, kRows> keys_;
  std::array<std::vector<Instant>, kRows> full_at_;
};

}  // namespace rondo::dht
