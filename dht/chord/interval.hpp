// Intervals on the circle (ToN'03 section IV uses them throughout; Zave's model names the strict one `between`).
#pragma once

#include "dht/base/ring_id.hpp"

namespace rondo::dht {

/// x lies strictly inside the arc that runs clockwise from a to b. The arc from a to a is the whole circle but a:
/// between(a, x, a) holds for every x != a.
inline bool between(const RingId& a, const RingId& x, const RingId& b) {
  if (x == a || x == b) return false;
  if (a == b) return true;
  return distance(a, x) < distance(a, b);
}

/// x in (a, b]: "b is the successor of x" when a and b are neighbours. (a, a] is the whole circle.
inline bool in_left_open(const RingId& a, const RingId& x, const RingId& b) { return x == b || between(a, x, b); }

}  // namespace rondo::dht
