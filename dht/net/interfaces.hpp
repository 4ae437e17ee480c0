// Which addresses this host has, as its interfaces say.
#pragma once

#include <cstdint>
#include <vector>

#include "dht/base/endpoint.hpp"

namespace rondo::dht {

/// The addresses of all interfaces that are up, with `port`; loopback among them, sorted. Without IPv6 link-local ones:
/// they mean nothing outside of their link. Empty when the system does not say.
std::vector<Endpoint> interface_endpoints(std::uint16_t port, Family family);

/// All zeros: bound to every address of the host.
bool is_unspecified(const Endpoint& endpoint);

/// Where others probably see a socket that is bound to `bound`: the same when it has an address, else the address that
/// the route to the outside starts from, an interface's, or loopback. Sends nothing.
Endpoint guess_own_endpoint(const Endpoint& bound);

}  // namespace rondo::dht
