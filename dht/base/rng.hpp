// The generator of all protocol randomness: ChaCha20 (RFC 8439) as a stream, seeded once by the driver.
//
// The standard library leaves the algorithms of its distributions and of std::shuffle to the vendor, so a seed would
// not replay across compilers; everything that protocol code draws is therefore defined here.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "dht/base/time.hpp"

namespace rondo {

class Rng {
 public:
  using Seed = std::array<std::uint8_t, 32>;

  explicit Rng(const Seed& seed);
  /// For tests and scenarios: the seed is the number, little-endian, padded with zeros.
  explicit Rng(std::uint64_t seed);

  std::uint64_t next();
  /// Uniform in [0, bound). REQUIRES: bound > 0. Rejection sampling, so without bias.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1), 53 bits.
  double unit();
  /// `middle` +- `fraction` of it, uniform. REQUIRES: 0 <= fraction <= 1.
  Duration jitter(Duration middle, double fraction);
  void fill(std::span<std::uint8_t> out);

  template <std::size_t N>
  std::array<std::uint8_t, N> bytes() {
    std::array<std::uint8_t, N> out{};
    fill(out);
    return out;
  }

  /// Fisher-Yates.
  template <class Range>
  void shuffle(Range& range) {
    for (std::size_t i = range.size(); i > 1; --i) std::swap(range[i - 1], range[below(i)]);
  }

 private:
  void refill();

  std::array<std::uint32_t, 8> key_{};
  std::uint64_t block_ = 0;
  std::array<std::uint8_t, 64> buffer_{};
  std::size_t used_ = 64;
};

}  // namespace rondo
