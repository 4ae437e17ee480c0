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

/// May `contact` enter a table of `self`? Usable, of our family, not ourselves, with an id that its address allows,
/// and not private when we are public.
bool admissible(const Contact& self, const Contact& contact);

}  // namespace rondo::dht
