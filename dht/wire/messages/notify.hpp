// notify: "I think I am your predecessor" (ToN'03 Fig. 6); its handler is rectify (Zave). Needs a token.
#pragma once

namespace rondo::dht::wire {

struct Notify {
  friend bool operator==(const Notify&, const Notify&) = default;
};

struct NotifyReply {
  friend bool operator==(const NotifyReply&, const NotifyReply&) = default;
};

}  // namespace rondo::dht::wire
