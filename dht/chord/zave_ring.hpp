// Ring maintenance: Chord as corrected by Pamela Zave ("Reasoning about Identifier Spaces: How to Make Chord Correct",
// IEEE TSE 43(12), 2017), as a state of one member and the local half of each operation. No messages, no time: the
// machines around it ask the questions and hand in the answers.
//
// State: predecessor (none only in a node that has never had one) and a successor list of r entries.
// Operations, each with at most one remote query:
//   Join(j)      at a member m that j falls behind: copy m's whole list in one exchange, predecessor := m.
//   StabilizeFromSuccessor(t)    s = list[0]. Dead: drop it, the tail's place stays empty, notify the new list[0].
//                Live: list := [s] + s.list, *replacing*; if s.predecessor lies between t and s, go on with it, else
//   notify s. StabilizeFromPredecessor(t)  c = that predecessor, only while list[0] is unchanged: dead: keep the list,
//                notify list[0]. Live: list := [c] + c.list, notify c.
//   Rectify(n, x)  on notify from x: adopt x if it lies between the predecessor and n; else the predecessor must be
//                asked, and only its death lets x take its place. The predecessor is never set to none.
//
// Rationale: no published version of Chord keeps its ring (Zave, CCR 2012). ToN'03 Fig. 6 adopts successor.predecessor
// unprobed, joins with one successor and no predecessor, and merges lists; each of these alone can break the ring.
// Invariant inside Zave's assumptions (rings of more than r nodes, no live node taken for dead): every list has a live
// entry, and at least r + 1 members are skipped by nobody's list. Small rings: see SuccessorList.
#pragma once

#include <optional>
#include <variant>

#include "dht/base/contact.hpp"
#include "dht/chord/successor_list.hpp"

namespace rondo::dht {

/// What the member must send next.
struct NotifySuccessor {
  Contact to;
};
/// Ask this node for its list: it may be the true successor.
struct AskCandidate {
  Contact candidate;
};
struct Rest {};
using StabilizeStep = std::variant<Rest, NotifySuccessor, AskCandidate>;

enum class Rectified : std::uint8_t {
  kAdopted,         // the notifier is the predecessor now
  kAlready,         // it was before
  kAskPredecessor,  // ask the predecessor; if it is dead, call predecessor_dead(notifier)
};

class ZaveRing {
 public:
  /// Alone: a complete empty list and no predecessor.
  ZaveRing(const Contact& self, std::size_t successors);

  [[nodiscard]] const Contact& self() const { return self_; }
  [[nodiscard]] const std::optional<Contact>& predecessor() const { return predecessor_; }
  [[nodiscard]] const SuccessorList& successors() const { return successors_; }

  /// Does a newcomer `id` fall between a member and its list[0]?
  static bool straddles(const RingId& member, const ToldList& list, const RingId& id);

  /// Join: false, and nothing changed, when m does not straddle us (any more).
  [[nodiscard]] bool join(const Contact& m, const ToldList& list);

  /// `s` must be the head that was asked; an answer of an earlier head is ignored (Rest).
  [[nodiscard]] StabilizeStep successor_alive(const Contact& s, const ToldList& list,
                                              const std::optional<Contact>& its_predecessor);
  [[nodiscard]] StabilizeStep successor_dead(const Contact& s);
  /// REQUIRES: `head` is the head that list[0] was when the candidate was named.
  [[nodiscard]] StabilizeStep candidate_alive(const Contact& candidate, const ToldList& list);
  [[nodiscard]] StabilizeStep candidate_dead() const;

  [[nodiscard]] Rectified rectify(const Contact& notifier);
  /// The predecessor did not answer: the notifier takes its place.
  void predecessor_dead(const Contact& notifier) { predecessor_ = notifier; }

  void check_invariants() const { successors_.check_invariants(); }

 private:
  [[nodiscard]] StabilizeStep notify_head() const;

  Contact self_;
  std::optional<Contact> predecessor_;
  SuccessorList successors_;
};

}  // namespace rondo::dht
