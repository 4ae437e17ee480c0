#include "dht/base/ring_id.hpp"

#include <algorithm>
#include <bit>

#include "dht/base/assert.hpp"

namespace rondo {

std::optional<RingId> RingId::from_hex(std::string_view digits) {
  const auto bytes = array_from_hex<kSize>(digits);
  if (!bytes) return std::nullopt;
  return RingId{*bytes};
}

std::optional<RingId> RingId::from_bytes(ByteView bytes) {
  if (bytes.size() != kSize) return std::nullopt;
  RingId id;
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

RingId add(const RingId& a, const RingId& b) {
  RingId sum;
  unsigned carry = 0;
  for (std::size_t i = RingId::kSize; i-- > 0;) {
    const unsigned digit = static_cast<unsigned>(a.bytes[i]) + b.bytes[i] + carry;
    sum.bytes[i] = static_cast<std::uint8_t>(digit & 0xff);
    carry = digit >> 8;
  }
  return sum;
}

RingId subtract(const RingId& a, const RingId& b) {
  RingId difference;
  int borrow = 0;
  for (std::size_t i = RingId::kSize; i-- > 0;) {
    const int digit = static_cast<int>(a.bytes[i]) - b.bytes[i] - borrow;
    difference.bytes[i] = static_cast<std::uint8_t>(digit & 0xff);
    borrow = digit < 0 ? 1 : 0;
  }
  return difference;
}

RingId power_of_two(unsigned exponent) {
  RONDO_ASSERT(exponent < RingId::kBits);
  RingId id;
  id.bytes[RingId::kSize - 1 - exponent / 8] = static_cast<std::uint8_t>(1u << (exponent % 8));
  return id;
}

unsigned leading_zeros(const RingId& id) {
  for (std::size_t i = 0; i < RingId::kSize; ++i)
    if (id.bytes[i] != 0) return static_cast<unsigned>(8 * i) + static_cast<unsigned>(std::countl_zero(id.bytes[i]));
  return RingId::kBits;
}

}  // namespace rondo
