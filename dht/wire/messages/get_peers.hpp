// get_peers: the endpoints announced under a key (BEP 5), asked of the key's replicas.
#pragma once

#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/ring_id.hpp"

namespace rondo::dht::wire {

struct GetPeers {
  RingId key;

  friend bool operator==(const GetPeers&, const GetPeers&) = default;
};

struct GetPeersReply {
  /// At most limits::kAnswerPeers, all of the ring's family; cut at random when they do not fit.
  std::vector<Endpoint> peers;

  friend bool operator==(const GetPeersReply&, const GetPeersReply&) = default;
};

}  // namespace rondo::dht::wire
