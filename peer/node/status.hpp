// Where a node stands, read off its state machine.
#pragma once

#include "dht/chord/ring_node.hpp"
#include "peer/node/node_event.hpp"

namespace rondo::peer {

struct RingSize {
  double members = 0;
  bool exact = false;
};

/// How many members the ring has. Exact when the successor list goes once round. Else the gaps between k + 1
/// neighbours in a row span a part d of the circle, which is Beta(k, N - k) for random ids: (k - 1) / d + 1 is the
/// estimate without bias. With r = 16 and a predecessor its standard error is a quarter.
RingSize ring_size(const dht::ZaveRing& ring);

/// All but `reason` and `transfer_port`.
NodeStatus status_of(const dht::RingNode& node);

}  // namespace rondo::peer
