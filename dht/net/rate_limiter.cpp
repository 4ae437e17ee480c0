#include "dht/net/rate_limiter.hpp"

#include <algorithm>
#include <cstring>

#include "dht/net/limits.hpp"

namespace rondo::dht {
namespace {

constexpr Duration kInterval = Duration(std::chrono::seconds(1)) / limits::kSourceRate;
constexpr Duration kDepth = kInterval * (limits::kSourceBurst - 1);

/// splitmix64's finalizer.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// What a source is, as three words.
std::array<std::uint64_t, 3> words_of(const Endpoint& source) {
  const bool loopback = is_loopback(source);
  std::array<std::uint64_t, 3> words{};
  std::memcpy(words.data(), source.address.data(), 8);
  if (loopback) {
    std::memcpy(words.data() + 1, source.address.data() + 8, 8);
    words[2] = source.port;
  }
  words[2] |= static_cast<std::uint64_t>(source.family) << 32;
  return words;
}

std::size_t slot_of(const std::array<std::uint64_t, 3>& words, std::uint64_t key) {
  std::uint64_t hash = key;
  for (const std::uint64_t word : words) hash = mix(hash ^ word) + key;
  return static_cast<std::size_t>(mix(hash) % limits::kRateSlots);
}

}  // namespace

RateLimiter::RateLimiter(std::uint64_t secret) : keys_{mix(secret + 1), mix(secret + 2)} {
  full_at_.fill(std::vector<Instant>(limits::kRateSlots));
}

bool RateLimiter::admit(const Endpoint& source, Instant now) {
  const auto words = words_of(source);
  std::array<Instant*, kRows> slots{};
  Instant least = kNever;
  for (std::size_t row = 0; row < kRows; ++row) {
    slots[row] = &full_at_[row][slot_of(words, keys_[row])];
    least = std::min(least, std::max(*slots[row], now));
  }
  if (least - now > kDepth) return false;
  for (Instant* slot : slots) *slot = std::max(*slot, least + kInterval);
  return true;
}

}  // namespace rondo::dht
