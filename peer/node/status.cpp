#include "peer/node/status.hpp"

#include <algorithm>
#include <cmath>

namespace rondo::peer {
namespace {

/// The part of the circle that `distance` is, 0..1.
double fraction(const RingId& distance) {
  double part = 0;
  for (std::size_t i = 0; i < 8; ++i) part += std::ldexp(distance.bytes[i], -8 * static_cast<int>(i + 1));
  return part;
}

}  // namespace

RingSize ring_size(const dht::ZaveRing& ring) {
  const auto& list = ring.successors();
  if (list.complete()) return {static_cast<double>(list.entries().size() + 1), true};
  if (list.empty()) return {1, false};
  const RingId& from = ring.predecessor() ? ring.predecessor()->id : ring.self().id;
  const double gaps = static_cast<double>(list.entries().size() + (ring.predecessor() ? 1 : 0));
  const double part = fraction(distance(from, list.entries().back().id));
  // Never less than what we see.
  return {std::max(gaps + 1, part > 0 ? (gaps - 1) / part + 1 : 0), false};
}

NodeStatus status_of(const dht::RingNode& node) {
  NodeStatus status;
  status.role = node.role();
  status.self = node.self();
  status.stored_keys = node.store().keys();
  status.stored_announcements = node.store().announcements();
  if (node.role() != dht::Role::kMember) return status;
  status.predecessor = node.ring().predecessor();
  status.successors = node.ring().successors().entries();
  for (const auto& finger : node.fingers().entries()) status.fingers.push_back(finger.contact);
  const RingSize size = ring_size(node.ring());
  status.ring_size = size.members;
  status.ring_size_exact = size.exact;
  return status;
}

}  // namespace rondo::peer
