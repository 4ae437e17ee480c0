// Network addresses as values: parsing, printing, classes of addresses. No sockets.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dht/base/bytes.hpp"

namespace rondo {

/// IPv4 and IPv6 are two rings (BEP 32 keeps two DHTs); a node belongs to one.
enum class Family : std::uint8_t { kV4 = 4, kV6 = 6 };

/// A UDP or TCP endpoint. IPv4 addresses fill the first 4 bytes, the rest is zero.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;
  Family family = Family::kV4;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;

  /// The 4 or 16 address bytes. The view lives as long as this endpoint.
  [[nodiscard]] ByteView address_bytes() const { return {address.data(), family == Family::kV4 ? 4u : 16u}; }
  /// "192.0.2.1:6881" or "[2001:db8::1]:6881".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string address_text() const;

  static Endpoint v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port);
  /// Numeric addresses only ("1.2.3.4:5", "[::1]:5"): no name is ever resolved here. Port 0..65535.
  static std::optional<Endpoint> parse(std::string_view text);
};

/// Loopback, RFC 1918, 100.64/10, link-local and ULA: a node id there is random, not derived from the address.
/// All else counts as public.
bool is_private(const Endpoint& endpoint);
bool is_loopback(const Endpoint& endpoint);
/// False for what no host can own: port 0, unspecified, multicast, broadcast, IPv4-mapped IPv6.
bool is_usable(const Endpoint& endpoint);

/// Compact form of BEP 5 / BEP 32: 6 or 18 bytes, port big-endian.
inline constexpr std::size_t compact_size(Family family) { return family == Family::kV4 ? 6 : 18; }

}  // namespace rondo
