// Who and where: the pair that every routing structure stores.
#pragma once

#include <compare>

#include "dht/base/endpoint.hpp"
#include "dht/base/ring_id.hpp"

namespace rondo {

/// A node as others know it.
struct Contact {
  RingId id;
  Endpoint endpoint;

  friend auto operator<=>(const Contact&, const Contact&) = default;
};

}  // namespace rondo
