// What one member knows about a target: the answer to find_successor, and the start of its own lookups.
#pragma once

#include <cstddef>

#include "dht/chord/finger_table.hpp"
#include "dht/chord/zave_ring.hpp"
#include "dht/rpc/endpoint_table.hpp"
#include "dht/wire/messages/find_successor.hpp"

namespace rondo::dht {

/// See FindSuccessorReply for the two forms. A target between our predecessor and ourselves is covered too, and so is
/// every target when the list is complete; ourselves then stand among the contacts.
/// Contacts that left two tries unanswered are named only when nobody better is known.
wire::FindSuccessorReply route(const ZaveRing& ring, const FingerTable& fingers, const EndpointTable& endpoints,
                               const RingId& target, std::size_t limit);

/// The contacts that precede the target, nearest to it first, as in the second form.
std::vector<Contact> preceding(const ZaveRing& ring, const FingerTable& fingers, const EndpointTable& endpoints,
                               const RingId& target, std::size_t limit);

}  // namespace rondo::dht
