// announce_peer: "I serve this key, on this port" (BEP 5). Needs a token; the address is the one that the token proves.
#pragma once

#include <cstdint>

#include "dht/base/ring_id.hpp"

namespace rondo::dht::wire {

struct AnnouncePeer {
  RingId key;
  /// TCP port where the announcer serves, 1..65535.
  std::uint16_t port = 0;
  /// True withdraws the announcement.
  bool withdraw = false;

  friend bool operator==(const AnnouncePeer&, const AnnouncePeer&) = default;
};

struct AnnouncePeerReply {
  friend bool operator==(const AnnouncePeerReply&, const AnnouncePeerReply&) = default;
};

}  // namespace rondo::dht::wire
