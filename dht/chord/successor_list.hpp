// The successor list: up to r nodes that follow the owner, in ring order.
//
// Zave's proof has lists of exactly r entries and rings of more than r nodes. Ours may be shorter in two cases:
// - the ring is smaller than r + 1: the list is then `complete`, its next entry would be its owner (DESIGN 2);
// - the head was dropped: the place at the tail stands empty (Zave pads with the placeholder last + 1) until the next
//   stabilize; the list is then neither full nor complete.
// Invariants: strictly ordered clockwise from the owner, so without duplicates and without the owner; size <= r.
#pragma once

#include <cstddef>
#include <vector>

#include "dht/base/contact.hpp"

namespace rondo::dht {

/// A successor list as its owner told it.
struct ToldList {
  std::vector<Contact> entries;
  bool complete = false;
};

class SuccessorList {
 public:
  /// An owner alone in its ring: empty and complete. REQUIRES: capacity >= 1.
  SuccessorList(const RingId& owner, std::size_t capacity);

  /// list := [head] + tail, as far as that is in ring order from the owner: what a liar or a stale list has beyond the
  /// owner is cut off. This *replaces*: merging old entries in is the classic mistake (Zave; reference page c).
  /// REQUIRES: head.id != owner.
  void replace(const Contact& head, const ToldList& tail);
  /// Drops the dead head; the tail's place stays empty. REQUIRES: !empty().
  void drop_head();
  void clear_alone();

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] const Contact& head() const { return entries_.front(); }
  [[nodiscard]] const std::vector<Contact>& entries() const { return entries_; }
  /// The next entry would be the owner.
  [[nodiscard]] bool complete() const { return complete_; }
  /// r entries, or once round.
  [[nodiscard]] bool whole() const { return complete_ || entries_.size() == capacity_; }
  [[nodiscard]] const RingId& owner() const { return owner_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] ToldList told() const { return {entries_, complete_}; }

  void check_invariants() const;

 private:
  RingId owner_;
  std::size_t capacity_;
  std::vector<Contact> entries_;
  bool complete_ = true;
};

}  // namespace rondo::dht
