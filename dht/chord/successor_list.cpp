#include "dht/chord/successor_list.hpp"

#include "dht/base/assert.hpp"
#include "dht/chord/interval.hpp"

namespace rondo::dht {

SuccessorList::SuccessorList(const RingId& owner, std::size_t capacity) : owner_(owner), capacity_(capacity) {
  RONDO_ASSERT(capacity >= 1);
}

void SuccessorList::replace(const Contact& head, const ToldList& tail) {
  RONDO_ASSERT(head.id != owner_);
  std::vector<Contact> fresh{head};
  bool once_round = tail.complete;
  for (const Contact& entry : tail.entries) {
    if (!between(fresh.back().id, entry.id, owner_)) {
      // Still in order from the head, so at or beyond the owner: the ring has been gone round. Disorder proves nothing.
      once_round = distance(head.id, entry.id) > distance(head.id, fresh.back().id);
      break;
    }
    if (fresh.size() == capacity_) {
      once_round = false;
      break;
    }
    fresh.push_back(entry);
  }
  entries_ = std::move(fresh);
  entries_.shrink_to_fit();
  complete_ = once_round;
  check_invariants();
}

void SuccessorList::drop_head() {
  RONDO_ASSERT(!entries_.empty());
  entries_.erase(entries_.begin());
}

void SuccessorList::clear_alone() {
  entries_.clear();
  complete_ = true;
}

void SuccessorList::check_invariants() const {
  RONDO_ASSERT(entries_.size() <= capacity_);
  RingId before = owner_;
  for (const Contact& entry : entries_) {
    RONDO_ASSERT(between(before, entry.id, owner_));
    before = entry.id;
  }
}

}  // namespace rondo::dht
