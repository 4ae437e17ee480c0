#include "dht/base/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace rondo {

Endpoint Endpoint::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.address = {a, b, c, d};
  endpoint.port = port;
  return endpoint;
}

std::string Endpoint::address_text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  inet_ntop(family == Family::kV4 ? AF_INET : AF_INET6, address.data(), buffer, sizeof buffer);
  return buffer;
}

std::string Endpoint::text() const {
  const std::string host = family == Family::kV4 ? address_text() : "[" + address_text() + "]";
  return host + ":" + std::to_string(port);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  Endpoint endpoint;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
    endpoint.family = Family::kV6;
  }
  if (host.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton would read no further
  const std::string terminated(host);
  const int af = endpoint.family == Family::kV4 ? AF_INET : AF_INET6;
  if (inet_pton(af, terminated.c_str(), endpoint.address.data()) != 1) return std::nullopt;
  return endpoint;
}

bool is_loopback(const Endpoint& endpoint) {
  if (endpoint.family == Family::kV4) return endpoint.address[0] == 127;
  return std::all_of(endpoint.address.begin(), endpoint.address.end() - 1, [](auto b) { return b == 0; }) &&
         endpoint.address[15] == 1;
}

bool is_private(const Endpoint& endpoint) {
  if (is_loopback(endpoint)) return true;
  const auto& a = endpoint.address;
  if (endpoint.family == Family::kV6) return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
  return a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
         (a[0] == 100 && (a[1] & 0xc0) == 64) || (a[0] == 169 && a[1] == 254);
}

bool is_usable(const Endpoint& endpoint) {
  if (endpoint.port == 0) return false;
  const auto& a = endpoint.address;
  if (endpoint.family == Family::kV4) return a[0] != 0 && a[0] < 224;
  const bool leading_zero = std::all_of(a.begin(), a.begin() + 10, [](auto b) { return b == 0; });
  const bool mapped = leading_zero && a[10] == 0xff && a[11] == 0xff;
  const bool unspecified = std::all_of(a.begin(), a.end(), [](auto b) { return b == 0; });
  return !mapped && !unspecified && a[0] != 0xff;
}

}  // namespace rondo
