// find_successor: one step of an iterative lookup (ToN'03 section IV.C; DESIGN section 2).
#pragma once

#include <optional>
#include <vector>

#include "dht/base/contact.hpp"

namespace rondo::dht::wire {

struct FindSuccessor {
  RingId target;

  friend bool operator==(const FindSuccessor&, const FindSuccessor&) = default;
};

/// Two forms. `covers == false`: `contacts` are up to 8 nodes that precede the target, nearest to it first.
/// `covers == true`: the target lies within the answerer's successor list, `contacts` are up to 8 entries from the
/// target on, in ring order (the first one is the claimed owner), and `previous` is the list entry just before the
/// target: absent when that is the answerer itself, so that its word on the owner is first-hand.
struct FindSuccessorReply {
  bool covers = false;
  std::optional<Contact> previous;
  std::vector<Contact> contacts;

  friend bool operator==(const FindSuccessorReply&, const FindSuccessorReply&) = default;
};

}  // namespace rondo::dht::wire
