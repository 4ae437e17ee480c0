#include "dht/net/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

namespace rondo::dht {
namespace {

std::optional<Endpoint> from_sockaddr(const sockaddr* address, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.port = port;
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    std::memcpy(endpoint.address.data(), &in.sin_addr, sizeof in.sin_addr);
    return endpoint;
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    std::memcpy(endpoint.address.data(), &in.sin6_addr, sizeof in.sin6_addr);
    endpoint.family = Family::kV6;
    return endpoint;
  }
  return std::nullopt;
}

bool is_link_local(const Endpoint& endpoint) {
  return endpoint.family == Family::kV6 && endpoint.address[0] == 0xfe && (endpoint.address[1] & 0xc0) == 0x80;
}

/// The source address of the route to a host outside. Connecting a UDP socket chooses a route and sends nothing.
std::optional<Endpoint> address_towards_outside(Family family, std::uint16_t port) {
  const bool v4 = family == Family::kV4;
  const int fd = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  sockaddr_storage storage{};
  socklen_t length = 0;
  // Documentation addresses: never anybody's, but routed like any other.
  if (v4) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(0xc6336401);  // 198.51.100.1
    length = sizeof to;
    std::memcpy(&storage, &to, sizeof to);
  } else {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(9);
    to.sin6_addr.s6_addr[0] = 0x20;  // 2001:db8::1
    to.sin6_addr.s6_addr[1] = 0x01;
    to.sin6_addr.s6_addr[2] = 0x0d;
    to.sin6_addr.s6_addr[3] = 0xb8;
    to.sin6_addr.s6_addr[15] = 1;
    length = sizeof to;
    std::memcpy(&storage, &to, sizeof to);
  }
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  const bool known = ::connect(fd, address, length) == 0 && ::getsockname(fd, address, &length) == 0;
  ::close(fd);
  return known ? from_sockaddr(address, port) : std::nullopt;
}

}  // namespace

std::vector<Endpoint> interface_endpoints(std::uint16_t port, Family family) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> guard(list, &::freeifaddrs);
  std::vector<Endpoint> endpoints;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & IFF_UP) == 0) continue;
    const auto endpoint = from_sockaddr(at->ifa_addr, port);
    if (endpoint && endpoint->family == family && !is_link_local(*endpoint)) endpoints.push_back(*endpoint);
  }
  std::sort(endpoints.begin(), endpoints.end());
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
  return endpoints;
}

bool is_unspecified(const Endpoint& endpoint) {
  return std::all_of(endpoint.address.begin(), endpoint.address.end(), [](auto byte) { return byte == 0; });
}

Endpoint guess_own_endpoint(const Endpoint& bound) {
  if (!is_unspecified(bound)) return bound;
  if (const auto routed = address_towards_outside(bound.family, bound.port); routed && !is_unspecified(*routed))
    return *routed;
  Endpoint loopback = Endpoint::v4(127, 0, 0, 1, bound.port);
  if (bound.family == Family::kV6) {
    loopback.address = {};
    loopback.address[15] = 1;
    loopback.family = Family::kV6;
  }
  for (const Endpoint& endpoint : interface_endpoints(bound.port, bound.family))
    if (!is_loopback(endpoint)) return endpoint;
  return loopback;
}

}  // namespace rondo::dht
