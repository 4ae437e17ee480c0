// The clockwork of ring maintenance: asks the questions of ZaveRing, paces them, and speaks the dead verdict.
//
// Pace (DESIGN 2): every stabilize_min (+-20 %) while the neighbourhood changes, growing by half per quiet round up to
// stabilize_max. A step that changed list[0] is followed by the next one at once: a newcomer among many newcomers walks
// to its true successor in round trips, not in periods. A member whose list changes, or who adopts a new predecessor,
// pings the one before it (the nudge), whose knowledge is out of date now: corrections would otherwise travel one
// member a period. Nudged rounds keep a distance of stabilize_nudged, so that many changes cost one round. A nudge only
// brings a step forward that Zave's model allows at any time. All else that reacts edits local state only.
//
// Verdict: a neighbour (list[0] or predecessor) is dead after limits::kDeadTries unanswered tries over at least
// limits::kDeadSpan, and never while our own outage is suspected; the first unanswered try of any call to it starts the
// count at once. "Not a member", and another id at its endpoint, are finished verdicts.
// - While list[0] is silent, list[1] is tried as well; when that is silent too, all entries are. They are only judged
//   when they have come to be list[0], one StabilizeFromSuccessor step each; their tries have been counted by then.
// - Whenever more than one suspect is asked, so is whoever spoke last: its answer shows that the silence is not ours.
//   In an outage somebody whom we know is asked as well. A suspect whose tries fell into an outage gets kDeadSpan
//   after it.
//
// Outside the proof: when more than r successors died at once the list is empty. The member then stays one (its leaving
// would take its own predecessors' last entry) and takes the nearest finger, else its predecessor, as its candidate;
// from there stabilize walks back, predecessor by predecessor, to the true successor.
#pragma once

#include <optional>
#include <vector>

#include "dht/chord/ring_core.hpp"

namespace rondo::dht {

class Stabilizer {
 public:
  explicit Stabilizer(RingCore& core) : core_(core) {}

  /// We have just become a member.
  void start(Turn& turn);
  void stop();

  void on_answer(Turn& turn, const CallAnswered& answer);
  void on_failure(Turn& turn, const CallFailed& failure);
  void on_unanswered(Turn& turn, const Endpoint& endpoint);
  /// `notifier` says that it precedes us; its address is proven.
  void on_notify(Turn& turn, const Contact& notifier);
  /// A node there says that it is no member: if it is a neighbour, ask it.
  void on_client_at(Turn& turn, const Endpoint& endpoint);
  /// A proven ping came from there. From list[0] it is a nudge: our next round comes soon.
  void on_ping(Turn& turn, const Endpoint& from);

  void on_deadline(Turn& turn);
  [[nodiscard]] Instant next_deadline() const;

  /// Every successor was lost though the ring was larger than the list, and no finger or predecessor is left to find
  /// the way back with: we must join again.
  [[nodiscard]] bool isolated() const;
  [[nodiscard]] Duration period() const { return period_; }
  /// The predecessor that others are told of: none while ours is known to be dead.
  [[nodiscard]] std::optional<Contact> living_predecessor() const {
    return predecessor_dead_ ? std::nullopt : core_.ring.predecessor();
  }

 private:
  struct Verdict {
    Contact who;
    Instant next_ping{};
    bool asking = false;
    bool spread = false;     // its silence has made us try those behind it
    bool doubted = false;    // it was silent while our own outage was suspected
    Instant trusted_from{};  // when that was over
  };

  void begin_round(Turn& turn);
  [[nodiscard]] std::optional<Contact> rescue_candidate() const;
  void follow(Turn& turn, const StabilizeStep& step);
  void successor_answered(Turn& turn, const CallAnswered& answer);
  void candidate_answered(Turn& turn, const CallAnswered& answer);
  void ask_twin(Turn& turn, const std::optional<Contact>& seen);
  ToldList told_by(const CallAnswered& answer, bool head_known);
  void begin_verdict(Turn& turn, const Contact& who);
  void ping_suspects(Turn& turn);
  void on_verdict_unanswered(Turn& turn, const Endpoint& endpoint);
  void try_behind(Turn& turn, const Endpoint& silent);
  void probe_somebody(Turn& turn);
  std::vector<Contact> due_suspects(Instant now, bool outage);
  [[nodiscard]] bool is_dead(Instant now, const Verdict& verdict) const;
  [[nodiscard]] bool on_trial(const Endpoint& endpoint) const;
  void bury(Turn& turn, const Contact& who);
  void note_change(Turn& turn);
  void nudge(Turn& turn, const std::optional<Contact>& who);
  void schedule_within(Turn& turn, Duration delay);
  [[nodiscard]] bool is_neighbour(const Endpoint& endpoint, std::vector<Contact>& which) const;
  [[nodiscard]] bool is_neighbour(const Contact& who) const;
  [[nodiscard]] bool is_behind_suspect(const Contact& who) const;

  RingCore& core_;
  bool running_ = false;
  Duration period_{};
  Instant next_round_ = kNever;
  Instant last_round_{};
  std::optional<Contact> asked_head_;  // the round's list[0], while it is being asked
  std::optional<Contact> candidate_;   // its predecessor, while that is being asked
  std::optional<Contact> head_then_;   // list[0] when the candidate was named
  std::uint64_t known_list_ = 0;       // hash of what list[0] told us last
  bool predecessor_dead_ = false;
  std::optional<Contact> waiting_notifier_;  // takes the predecessor's place if that proves dead
  std::vector<Verdict> verdicts_;            // the predecessor, list[0], entries behind it: at most r + 1
};

}  // namespace rondo::dht
