// Byte strings and their hexadecimal form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rondo {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// The bytes of a text, without copying. The view lives as long as the text.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);

/// Reads an even number of hexadecimal digits of either case; nothing else is accepted.
std::optional<Bytes> from_hex(std::string_view digits);

/// Reads exactly N bytes of hexadecimal.
template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> array_from_hex(std::string_view digits) {
  if (digits.size() != 2 * N) return std::nullopt;
  const auto bytes = from_hex(digits);
  if (!bytes) return std::nullopt;
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = (*bytes)[i];
  return out;
}

}  // namespace rondo
