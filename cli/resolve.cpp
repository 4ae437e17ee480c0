#include "cli/resolve.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "dht/base/display.hpp"

namespace rondo::cli {
namespace {

std::optional<Endpoint> endpoint_of(const sockaddr& address, std::uint16_t port) {
  Endpoint out;
  out.port = port;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(out.address.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return out;
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(out.address.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    out.family = Family::kV6;
    return out;
  }
  return std::nullopt;
}

/// Appends what one entry resolves to; the resolver's words when it fails.
std::optional<std::string> append(const HostPort& entry, std::vector<Endpoint>& out) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(entry.host.c_str(), nullptr, &hints, &found);
  if (status != 0) return gai_strerror(status);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const auto endpoint = endpoint_of(*each->ai_addr, entry.port);
    if (endpoint && std::find(out.begin(), out.end(), *endpoint) == out.end()) out.push_back(*endpoint);
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<Endpoint>, control::ApiError> resolve(const std::vector<HostPort>& entries) {
  std::vector<Endpoint> out;
  std::string complaint;
  for (const HostPort& entry : entries) {
    const auto error = append(entry, out);
    if (error && complaint.empty())
      complaint =
          "the name '" + display(entry.host) + "' can't be resolved: " + *error + "; check the name and the network";
  }
  if (out.empty() && !complaint.empty())
    return Failure<control::ApiError>{control::ApiError{control::Code::kNetwork, std::move(complaint)}};
  return out;
}

}  // namespace rondo::cli
