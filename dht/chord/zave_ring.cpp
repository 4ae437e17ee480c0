#include "dht/chord/zave_ring.hpp"

#include "dht/base/assert.hpp"
#include "dht/chord/interval.hpp"

namespace rondo::dht {

ZaveRing::ZaveRing(const Contact& self, std::size_t successors) : self_(self), successors_(self.id, successors) {}

bool ZaveRing::straddles(const RingId& member, const ToldList& list, const RingId& id) {
  if (list.entries.empty()) return list.complete && id != member;  // alone: its successor is itself
  return between(member, id, list.entries.front().id);
}

bool ZaveRing::join(const Contact& m, const ToldList& list) {
  if (!straddles(m.id, list, self_.id)) return false;
  ToldList copy = list;
  // Once round from m means that m follows the last entry, and that is a successor of ours. With no place left for it
  // our list does not go once round.
  copy.complete = list.complete && list.entries.size() < successors_.capacity();
  if (copy.complete) copy.entries.push_back(m);
  const Contact head = copy.entries.front();
  copy.entries.erase(copy.entries.begin());
  successors_.replace(head, copy);
  predecessor_ = m;
  return true;
}

StabilizeStep ZaveRing::notify_head() const {
  if (successors_.empty()) return Rest{};
  return NotifySuccessor{successors_.head()};
}

StabilizeStep ZaveRing::successor_alive(const Contact& s, const ToldList& list,
                                        const std::optional<Contact>& its_predecessor) {
  if (successors_.empty() || successors_.head() != s) return Rest{};
  successors_.replace(s, list);
  if (its_predecessor && between(self_.id, its_predecessor->id, s.id)) return AskCandidate{*its_predecessor};
  if (its_predecessor && *its_predecessor == self_) return Rest{};  // notify would change nothing (rule 4)
  return notify_head();
}

StabilizeStep ZaveRing::successor_dead(const Contact& s) {
  if (successors_.empty() || successors_.head() != s) return Rest{};
  successors_.drop_head();
  return notify_head();
}

StabilizeStep ZaveRing::candidate_alive(const Contact& candidate, const ToldList& list) {
  const bool wanted =
      successors_.empty() ? candidate.id != self_.id : between(self_.id, candidate.id, successors_.head().id);
  if (!wanted) return Rest{};
  successors_.replace(candidate, list);
  return notify_head();
}

StabilizeStep ZaveRing::candidate_dead() const { return notify_head(); }

Rectified ZaveRing::rectify(const Contact& notifier) {
  if (predecessor_ == notifier) return Rectified::kAlready;
  if (!predecessor_ || between(predecessor_->id, notifier.id, self_.id)) {
    predecessor_ = notifier;
    return Rectified::kAdopted;
  }
  return Rectified::kAskPredecessor;
}

}  // namespace rondo::dht
