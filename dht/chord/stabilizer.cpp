#include "dht/chord/stabilizer.hpp"

#include <algorithm>
#include <utility>

#include "dht/chord/interval.hpp"
#include "dht/chord/member_id.hpp"

namespace rondo::dht {
namespace {

constexpr double kJitter = 0.2;
/// However many ask for it, rounds keep this distance.
constexpr Duration kMinPause = std::chrono::milliseconds(50);

}  // namespace

void Stabilizer::start(Turn& turn) {
  running_ = true;
  period_ = core_.config.stabilize_min;
  known_list_ = 0;
  predecessor_dead_ = false;
  waiting_notifier_.reset();
  asked_head_.reset();
  candidate_.reset();
  verdicts_.clear();
  last_round_ = turn.now;
  begin_round(turn);
}

void Stabilizer::stop() {
  running_ = false;
  next_round_ = kNever;
  verdicts_.clear();
}

void Stabilizer::schedule_within(Turn& turn, Duration delay) {
  if (!running_) return;
  const Instant earliest = std::max(turn.now, last_round_ + kMinPause);
  next_round_ = std::min(next_round_, std::max(earliest, turn.now + core_.rng.jitter(delay, kJitter)));
}

void Stabilizer::note_change(Turn& turn) {
  period_ = core_.config.stabilize_min;
  schedule_within(turn, period_);
}

void Stabilizer::begin_round(Turn& turn) {
  last_round_ = turn.now;
  next_round_ = turn.now + core_.rng.jitter(period_, kJitter);
  if (asked_head_ || candidate_) return;  // the last round's question is still open
  if (core_.ring.successors().empty()) {
    if (const auto candidate = rescue_candidate()) follow(turn, AskCandidate{*candidate});
    if (!core_.ring.successors().complete()) schedule_within(turn, core_.config.stabilize_again);
    return;
  }
  const Contact head = core_.ring.successors().head();
  asked_head_ = head;
  core_.call(turn, head, wire::Neighbors{known_list_}, Purpose::kStabilize);
}

/// Whom to ask when the list is empty. Alone in a complete ring that is the predecessor, who has just found us.
std::optional<Contact> Stabilizer::rescue_candidate() const {
  if (!core_.ring.successors().complete()) {
    const auto& fingers = core_.fingers.entries();  // in ring order: the first is the nearest
    if (!fingers.empty()) return fingers.front().contact;
  }
  return living_predecessor();
}

void Stabilizer::follow(Turn& turn, const StabilizeStep& step) {
  if (const auto* notify = std::get_if<NotifySuccessor>(&step)) {
    core_.call(turn, notify->to, wire::Notify{}, Purpose::kNotify);
  } else if (const auto* ask = std::get_if<AskCandidate>(&step)) {
    candidate_ = ask->candidate;
    const SuccessorList& list = core_.ring.successors();
    head_then_ = list.empty() ? std::nullopt : std::optional(list.head());
    core_.call(turn, ask->candidate, wire::Neighbors{}, Purpose::kCandidate);
  }
}

ToldList Stabilizer::told_by(const CallAnswered& answer, bool head_known) {
  const auto& reply = std::get<wire::NeighborsReply>(answer.body);
  if (reply.unchanged && head_known) {  // what it told us before is what our list has behind it
    ToldList same = core_.ring.successors().told();
    same.entries.erase(same.entries.begin());
    return same;
  }
  known_list_ = wire::list_hash(reply.successors, reply.complete);
  return {core_.accept(reply.successors, answer.from), reply.complete};
}

void Stabilizer::successor_answered(Turn& turn, const CallAnswered& answer) {
  if (!asked_head_ || *asked_head_ != answer.from) return;
  asked_head_.reset();
  if (core_.ring.successors().empty() || core_.ring.successors().head() != answer.from) return;
  const auto& reply = std::get<wire::NeighborsReply>(answer.body);
  const auto before = core_.ring.successors().told();
  const ToldList told = told_by(answer, known_list_ != 0);
  const StabilizeStep step = core_.ring.successor_alive(answer.from, told, core_.accept(reply.predecessor));
  ask_twin(turn, reply.predecessor);
  const bool same = before.entries == core_.ring.successors().entries();
  if (same && !std::holds_alternative<AskCandidate>(step)) {
    period_ = std::min<Duration>(period_ * 3 / 2, core_.config.stabilize_max);
  } else {
    note_change(turn);
  }
  if (!same) nudge(turn, living_predecessor());
  follow(turn, step);
}

/// Two that joined at once may have the same id, and then nobody ever names one of them: it sees the other where it
/// should see itself. The round trip decides (RingNode: the smaller endpoint keeps the id).
void Stabilizer::ask_twin(Turn& turn, const std::optional<Contact>& seen) {
  const Contact& self = core_.ring.self();
  if (!seen || seen->id != self.id || seen->endpoint == self.endpoint || !credible(self, *seen)) return;
  core_.call(turn, *seen, wire::Ping{}, Purpose::kTwin, 0, 1);
}

void Stabilizer::candidate_answered(Turn& turn, const CallAnswered& answer) {
  if (!candidate_ || *candidate_ != answer.from) return;
  candidate_.reset();
  const SuccessorList& list = core_.ring.successors();
  const auto head_now = list.empty() ? std::nullopt : std::optional(list.head());
  if (head_now != head_then_) return;
  const ToldList told = told_by(answer, false);
  const StabilizeStep step = core_.ring.candidate_alive(answer.from, told);
  if (list.empty() || list.head() != answer.from) known_list_ = 0;
  note_change(turn);
  schedule_within(turn, core_.config.stabilize_again);
  nudge(turn, living_predecessor());
  follow(turn, step);
}

void Stabilizer::on_answer(Turn& turn, const CallAnswered& answer) {
  if (!running_) return;  // to a question of an earlier life
  const auto purpose = static_cast<Purpose>(answer.tag.purpose);
  if (purpose == Purpose::kStabilize) successor_answered(turn, answer);
  if (purpose == Purpose::kCandidate) candidate_answered(turn, answer);
  const auto at = std::find_if(verdicts_.begin(), verdicts_.end(),
                               [&](const Verdict& verdict) { return verdict.who == answer.from; });
  if (at == verdicts_.end()) return;
  if (answer.read_only) {
    bury(turn, Contact(answer.from));
    return;
  }
  verdicts_.erase(at);
  if (core_.ring.predecessor() == answer.from) {  // it lives: whoever wanted its place has to wait
    waiting_notifier_.reset();
    predecessor_dead_ = false;
  }
}

void Stabilizer::on_failure(Turn& turn, const CallFailed& failure) {
  if (!running_) return;
  const auto purpose = static_cast<Purpose>(failure.tag.purpose);
  if (purpose == Purpose::kStabilize && asked_head_ && asked_head_->endpoint == failure.to) asked_head_.reset();
  if (purpose == Purpose::kCandidate && candidate_ && candidate_->endpoint == failure.to) {
    candidate_.reset();
    follow(turn, core_.ring.candidate_dead());
  }
  if (purpose == Purpose::kVerdict) on_verdict_unanswered(turn, failure.to);
  std::vector<Contact> neighbours;
  if (!is_neighbour(failure.to, neighbours)) return;
  for (const Contact& neighbour : neighbours) {
    // Who asks a neighbour's endpoint for a false id hears that another node is there: the neighbour itself, alive.
    const bool replaced = failure.failure == CallFailure::kOtherNode && failure.id == neighbour.id;
    if (replaced || failure.failure == CallFailure::kNotAMember) {
      bury(turn, neighbour);
    } else if (failure.failure == CallFailure::kTimedOut) {
      begin_verdict(turn, neighbour);
    }
  }
}

/// Also when it is no neighbour at the moment: it may be one again, and a verdict that waits for ever is never spoken.
void Stabilizer::on_verdict_unanswered(Turn& turn, const Endpoint& endpoint) {
  bool first_time = false;
  for (Verdict& verdict : verdicts_) {
    if (verdict.who.endpoint != endpoint) continue;
    verdict.asking = false;
    // In an outage there is no hurry. Whether it is one is judged at the next ping: a witness may be slower than this.
    verdict.next_ping = turn.now + (verdict.doubted ? core_.config.stabilize_min : core_.config.verdict_pause);
    first_time = first_time || (!verdict.spread && !verdict.doubted);
    verdict.spread = !verdict.doubted;
  }
  if (first_time) try_behind(turn, endpoint);
}

/// Whether those behind a silent list[0] live is found out while its verdict waits: a row of dead neighbours then costs
/// the time of one verdict and not of one each. Most often it is only one, so all are asked when the second is silent.
void Stabilizer::try_behind(Turn& turn, const Endpoint& silent) {
  const std::vector<Contact>& entries = core_.ring.successors().entries();
  if (entries.empty() || !on_trial(entries.front().endpoint)) return;
  const std::size_t known = entries.front().endpoint == silent ? 1 : entries.size();
  if (known > 1 && (entries.size() < 2 || entries[1].endpoint != silent)) return;
  for (std::size_t i = 1; i < entries.size() && i <= known; ++i) begin_verdict(turn, entries[i]);
}

bool Stabilizer::on_trial(const Endpoint& endpoint) const {
  return std::any_of(verdicts_.begin(), verdicts_.end(),
                     [&](const Verdict& verdict) { return verdict.who.endpoint == endpoint; });
}

/// A sign of life from anybody shows that the silence of others is not our own outage. Who spoke last is the likeliest
/// to answer; it may be gone as well, or be none of the ring, so in an outage somebody whom we know is asked too.
void Stabilizer::probe_somebody(Turn& turn) {
  const auto& last = core_.rpc.last_heard_from();
  const bool usable = last && !on_trial(*last);
  if (usable) core_.call(turn, Callee(*last), wire::Ping{}, Purpose::kProbe);
  if (usable && !core_.rpc.own_outage_suspected()) return;
  std::vector<Endpoint> known = core_.remembered;
  for (const Contact& entry : core_.ring.successors().entries()) known.push_back(entry.endpoint);
  if (known.empty()) return;
  const Endpoint& chosen = known[core_.rng.below(known.size())];
  core_.call(turn, Callee(chosen), wire::Ping{}, Purpose::kProbe);
}

void Stabilizer::on_unanswered(Turn& turn, const Endpoint& endpoint) {
  std::vector<Contact> neighbours;
  if (!is_neighbour(endpoint, neighbours)) return;
  for (const Contact& neighbour : neighbours) begin_verdict(turn, neighbour);
}

bool Stabilizer::is_neighbour(const Endpoint& endpoint, std::vector<Contact>& which) const {
  const SuccessorList& list = core_.ring.successors();
  if (!list.empty() && list.head().endpoint == endpoint) which.push_back(list.head());
  const auto& predecessor = core_.ring.predecessor();
  if (predecessor && predecessor->endpoint == endpoint && (which.empty() || which.front() != *predecessor))
    which.push_back(*predecessor);
  return !which.empty();
}

bool Stabilizer::is_neighbour(const Contact& who) const {
  const SuccessorList& list = core_.ring.successors();
  return (!list.empty() && list.head() == who) || core_.ring.predecessor() == who;
}

/// An entry that would be list[0] if those before it, which do not answer, were dropped.
bool Stabilizer::is_behind_suspect(const Contact& who) const {
  const std::vector<Contact>& entries = core_.ring.successors().entries();
  return !entries.empty() && on_trial(entries.front().endpoint) &&
         std::find(entries.begin(), entries.end(), who) != entries.end();
}

void Stabilizer::begin_verdict(Turn& turn, const Contact& who) {
  if (!running_) return;
  // A dead predecessor keeps its place, and needs no second verdict; unless it came back and is list[0] now.
  const SuccessorList& list = core_.ring.successors();
  const bool heads_list = !list.empty() && list.head() == who;
  if (core_.ring.predecessor() == who && predecessor_dead_ && !heads_list) return;
  const bool known = std::any_of(verdicts_.begin(), verdicts_.end(), [&](const Verdict& v) { return v.who == who; });
  if (!known) verdicts_.push_back({who, turn.now});
}

/// Tries of the time when our own outage was suspected prove nothing: after it the suspect gets kDeadSpan to answer.
bool Stabilizer::is_dead(Instant now, const Verdict& verdict) const {
  const Endpoint& endpoint = verdict.who.endpoint;
  const auto since = core_.rpc.endpoints().unanswered_since(endpoint);
  return since && core_.rpc.endpoints().unanswered(endpoint) >= limits::kDeadTries &&
         now - *since >= limits::kDeadSpan && now - verdict.trusted_from >= limits::kDeadSpan &&
         !core_.rpc.own_outage_suspected();
}

void Stabilizer::ping_suspects(Turn& turn) {
  const bool outage = core_.rpc.own_outage_suspected();
  const std::vector<Contact> suspects = due_suspects(turn.now, outage);
  bool pinged = false;
  for (const Contact& who : suspects) {
    const auto at = std::find_if(verdicts_.begin(), verdicts_.end(), [&](const Verdict& v) { return v.who == who; });
    if (at == verdicts_.end()) continue;
    if (is_neighbour(who) && is_dead(turn.now, *at)) {
      bury(turn, who);
    } else if (!is_neighbour(who) && (outage || !is_behind_suspect(who))) {
      verdicts_.erase(at);
    } else {
      at->asking = pinged = true;
      core_.call(turn, who, wire::Ping{}, Purpose::kVerdict, 0, 1);
    }
  }
  if (pinged && (outage || verdicts_.size() > 1)) probe_somebody(turn);
}

/// Those to be judged or asked again now, and with them those whose turn would come soon: one sign of life from
/// somebody else then serves them all. After an outage their time begins anew.
std::vector<Contact> Stabilizer::due_suspects(Instant now, bool outage) {
  std::vector<Contact> due;
  const bool any = std::any_of(verdicts_.begin(), verdicts_.end(),
                               [&](const Verdict& verdict) { return !verdict.asking && verdict.next_ping <= now; });
  for (Verdict& verdict : verdicts_) {
    if (!any || verdict.asking || verdict.next_ping > now + core_.config.verdict_pause) continue;
    due.push_back(verdict.who);
    if (verdict.doubted && !outage) verdict.trusted_from = now;
    verdict.doubted = outage;
    verdict.spread = verdict.spread && !outage;
  }
  return due;
}

void Stabilizer::bury(Turn& turn, const Contact& who) {
  std::erase_if(verdicts_, [&](const Verdict& verdict) { return verdict.who == who; });
  core_.fingers.remove(who.endpoint);
  if (core_.ring.predecessor() == who) {
    predecessor_dead_ = true;
    if (waiting_notifier_) core_.ring.predecessor_dead(*std::exchange(waiting_notifier_, std::nullopt));
    if (core_.ring.predecessor() != who) predecessor_dead_ = false;
  }
  const SuccessorList& list = core_.ring.successors();
  if (!list.empty() && list.head() == who) {
    known_list_ = 0;
    asked_head_.reset();
    follow(turn, core_.ring.successor_dead(who));
    schedule_within(turn, core_.config.stabilize_again);
  }
  note_change(turn);
}

void Stabilizer::on_notify(Turn& turn, const Contact& notifier) {
  if (!running_ || !admissible(core_.ring.self(), notifier)) return;
  const std::optional<Contact> former = living_predecessor();
  switch (core_.ring.rectify(notifier)) {
    case Rectified::kAdopted:
      nudge(turn, former);
      predecessor_dead_ = false;
      waiting_notifier_.reset();
      note_change(turn);
      if (core_.ring.successors().empty()) schedule_within(turn, Duration::zero());
      break;
    case Rectified::kAlready: predecessor_dead_ = false; break;
    case Rectified::kAskPredecessor:
      if (predecessor_dead_) {
        core_.ring.predecessor_dead(notifier);
        predecessor_dead_ = false;
        note_change(turn);
        break;
      }
      if (!waiting_notifier_ || between(waiting_notifier_->id, notifier.id, core_.ring.self().id))
        waiting_notifier_ = notifier;
      begin_verdict(turn, *core_.ring.predecessor());
      ping_suspects(turn);
      break;
  }
}

void Stabilizer::on_client_at(Turn& turn, const Endpoint& endpoint) { on_unanswered(turn, endpoint); }

void Stabilizer::on_ping(Turn& turn, const Endpoint& from) {
  const SuccessorList& list = core_.ring.successors();
  if (list.empty() || list.head().endpoint != from) return;
  const Duration since = turn.now - last_round_;
  schedule_within(turn, std::max<Duration>(core_.config.stabilize_again, core_.config.stabilize_nudged - since));
}

/// What `who` knows of us, our place or our list, is out of date.
void Stabilizer::nudge(Turn& turn, const std::optional<Contact>& who) {
  if (who) core_.call(turn, *who, wire::Ping{}, Purpose::kNudge, 0, 1);
}

void Stabilizer::on_deadline(Turn& turn) {
  if (!running_) return;
  if (next_round_ <= turn.now) begin_round(turn);
  ping_suspects(turn);
  if (verdicts_.empty()) verdicts_.shrink_to_fit();  // an idle node is a small node
}

Instant Stabilizer::next_deadline() const {
  Instant next = next_round_;
  for (const Verdict& verdict : verdicts_)
    if (!verdict.asking) next = std::min(next, verdict.next_ping);
  return next;
}

bool Stabilizer::isolated() const {
  const SuccessorList& list = core_.ring.successors();
  return running_ && list.empty() && !list.complete() && !rescue_candidate();
}

}  // namespace rondo::dht
