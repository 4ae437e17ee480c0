#include "dht/base/rng.hpp"

#include <bit>

#include "dht/base/assert.hpp"

namespace rondo {
namespace {

using Block = std::array<std::uint32_t, 16>;

void quarter_round(Block& s, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 7);
}

void double_round(Block& s) {
  quarter_round(s, 0, 4, 8, 12);
  quarter_round(s, 1, 5, 9, 13);
  quarter_round(s, 2, 6, 10, 14);
  quarter_round(s, 3, 7, 11, 15);
  quarter_round(s, 0, 5, 10, 15);
  quarter_round(s, 1, 6, 11, 12);
  quarter_round(s, 2, 7, 8, 13);
  quarter_round(s, 3, 4, 9, 14);
}

}  // namespace

Rng::Rng(const Seed& seed) {
  for (std::size_t i = 0; i < key_.size(); ++i)
    for (std::size_t j = 0; j < 4; ++j) key_[i] |= static_cast<std::uint32_t>(seed[4 * i + j]) << (8 * j);
}

Rng::Rng(std::uint64_t seed) {
  key_[0] = static_cast<std::uint32_t>(seed);
  key_[1] = static_cast<std::uint32_t>(seed >> 32);
}

void Rng::refill() {
  // clang-format off
  const Block start = {
      0x61707865, 0x3320646e, 0x79622d32, 0x6b206574,  // "expand 32-byte k"
      key_[0], key_[1], key_[2], key_[3], key_[4], key_[5], key_[6], key_[7],
      static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32), 0, 0};
  // clang-format on
  Block state = start;
  for (int i = 0; i < 10; ++i) double_round(state);
  for (std::size_t i = 0; i < state.size(); ++i) {
    const std::uint32_t word = state[i] + start[i];
    for (std::size_t j = 0; j < 4; ++j) buffer_[4 * i + j] = static_cast<std::uint8_t>(word >> (8 * j));
  }
  ++block_;
  used_ = 0;
}

void Rng::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& byte : out) {
    if (used_ == buffer_.size()) refill();
    byte = buffer_[used_++];
  }
}

std::uint64_t Rng::next() {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes<8>()) value = value << 8 | byte;
  return value;
}

std::uint64_t Rng::below(std::uint64_t bound) {
  RONDO_ASSERT(bound > 0);
  const std::uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound values would be drawn once too often
  std::uint64_t value = next();
  while (value < rejected) value = next();
  return value % bound;
}

double Rng::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

Duration Rng::jitter(Duration middle, double fraction) {
  RONDO_ASSERT(fraction >= 0 && fraction <= 1);
  const auto spread = static_cast<std::int64_t>(static_cast<double>(middle.count()) * fraction);
  const auto offset = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(2 * spread + 1))) - spread;
  return middle + Duration(offset);
}

}  // namespace rondo
