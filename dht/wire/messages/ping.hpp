// ping: are you there, and are you a member? Every node answers it, member or not.
#pragma once

namespace rondo::dht::wire {

struct Ping {
  friend bool operator==(const Ping&, const Ping&) = default;
};

struct PingReply {
  friend bool operator==(const PingReply&, const PingReply&) = default;
};

}  // namespace rondo::dht::wire
