// The ring as the jobs of a node see it. dht/net's driver stands behind it (node_host.cpp); tests put a fake there.
#pragma once

#include <cstdint>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/ring_id.hpp"
#include "dht/chord/lookup_result.hpp"
#include "dht/chord/ring_event.hpp"

namespace rondo::peer {

/// Each operation is answered by one event that carries its number, never from inside the call.
class RingPort {
 public:
  virtual ~RingPort() = default;

  virtual dht::OperationId look_up(const RingId& target, dht::LookupKind kind) = 0;
  virtual dht::OperationId get_peers(const RingId& key) = 0;
  /// REQUIRES: port != 0.
  virtual dht::OperationId announce(const RingId& key, std::uint16_t port, bool withdraw) = 0;

  /// An entry point; one of the other address family is ignored.
  virtual void add_contact(const Endpoint& endpoint) = 0;
  /// Entry points and members that we know, those to be tried first in front.
  [[nodiscard]] virtual std::vector<Endpoint> contacts() const = 0;
  /// One of them has answered us.
  [[nodiscard]] virtual bool heard() const = 0;
  /// Addresses under which others may see this host.
  [[nodiscard]] virtual std::vector<Endpoint> own_addresses() const = 0;
};

}  // namespace rondo::peer
