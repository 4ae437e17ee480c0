// neighbors: the answerer's predecessor and successor list, what stabilize and join read (Zave's operations).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dht/base/contact.hpp"

namespace rondo::dht::wire {

struct Neighbors {
  /// Hash of the list that the asker got last from this node (list_hash), 0 for none. An equal list is not sent again.
  std::uint64_t known_list = 0;

  friend bool operator==(const Neighbors&, const Neighbors&) = default;
};

struct NeighborsReply {
  std::optional<Contact> predecessor;
  /// True: the list has the hash that the asker named; `successors` is empty and `complete` means nothing.
  bool unchanged = false;
  /// True when the list goes once round the ring: the entry after its last would be the answerer.
  bool complete = false;
  /// The successor list in ring order, at most limits::kSuccessors entries.
  std::vector<Contact> successors;

  friend bool operator==(const NeighborsReply&, const NeighborsReply&) = default;
};

}  // namespace rondo::dht::wire
