// Which id may stand at which endpoint (DESIGN 2 "Ids").
//
// ToN'03 section IV.B hashes the node's address into its id; BEP 42 has the same idea. On a public address a member's
// id must be the first 20 bytes of SHA-256("rondo-id" + address (v6: its /64) + r) for an r in 0..7: to own a place on
// the ring one needs addresses. On loopback and private addresses ids are random, and such contacts never enter the
// tables of a public member.
#pragma once

#include <array>

#include "dht/base/contact.hpp"

namespace rondo::dht {

inline constexpr unsigned kIdsPerAddress = 8;

/// The 8 ids of a public address; the port does not matter.
std::array<RingId, kIdsPerAddress> ids_of_address(const Endpoint& endpoint);

/// May this id stand at this endpoint, as `self` sees it? Usable, of our family, with an id that its address allows,
/// and not private when we are public. Who answers without that is no member, whatever it says.
bool credible(const Contact& self, const Contact& contact);

/// May `contact` enter a table of `self`? Credible, and with neither our id nor our endpoint.
bool admissible(const Contact& self, const Contact& contact);

}  // namespace rondo::dht
