// A place on the 160-bit identifier circle (Chord, ToN'03 section IV: m = 160).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dht/base/bytes.hpp"

namespace rondo {

/// 160 bits, big-endian. Node ids and keys live on the same circle. Ordering is numeric; the ring's own
/// order is `between` of dht/chord/interval.hpp.
struct RingId {
  static constexpr std::size_t kSize = 20;
  static constexpr unsigned kBits = 160;

  std::array<std::uint8_t, kSize> bytes{};

  friend auto operator<=>(const RingId&, const RingId&) = default;

  [[nodiscard]] ByteView view() const { return bytes; }
  [[nodiscard]] std::string hex() const { return to_hex(bytes); }

  /// Exactly 40 hexadecimal digits.
  static std::optional<RingId> from_hex(std::string_view digits);
  /// Exactly 20 bytes.
  static std::optional<RingId> from_bytes(ByteView bytes);
};

/// a + b modulo 2^160.
RingId add(const RingId& a, const RingId& b);
/// a - b modulo 2^160: the clockwise distance from b to a.
RingId subtract(const RingId& a, const RingId& b);
/// 2^exponent. REQUIRES: exponent < 160.
RingId power_of_two(unsigned exponent);
/// Clockwise distance from `from` to `to`; zero when equal.
inline RingId distance(const RingId& from, const RingId& to) { return subtract(to, from); }
/// Number of leading zero bits, 0..160.
unsigned leading_zeros(const RingId& id);

}  // namespace rondo
