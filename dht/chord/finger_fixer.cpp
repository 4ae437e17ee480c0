#include "dht/chord/finger_fixer.hpp"

#include <algorithm>

namespace rondo::dht {

void FingerFixer::start(Turn& turn) {
  first_round_ = true;
  busy_ = false;
  cursor_ = 0;
  period_ = core_.config.finger_min;
  next_ = turn.now + core_.rng.jitter(core_.config.finger_first, 0.2);
}

void FingerFixer::schedule(Turn& turn, bool changed) {
  busy_ = false;
  period_ = changed ? core_.config.finger_min : std::min<Duration>(period_ * 3 / 2, core_.config.finger_max);
  next_ = turn.now + core_.rng.jitter(first_round_ ? core_.config.finger_first : period_, 0.2);
}

void FingerFixer::on_deadline(Turn& turn) {
  if (next_ > turn.now || busy_) return;
  next_ = kNever;
  const SuccessorList& list = core_.ring.successors();
  if (list.empty() || list.complete()) {  // the list is the whole ring
    core_.fingers.clear_below(core_.fingers.count());
    first_round_ = true;
    period_ = core_.config.finger_min;
    next_ = turn.now + core_.rng.jitter(core_.config.stabilize_max, 0.2);
    return;
  }
  const unsigned first = core_.fingers.first_beyond(list.entries().back().id);
  core_.fingers.clear_below(first);
  if (cursor_ < first) cursor_ = first;
  if (cursor_ >= core_.fingers.count()) {
    cursor_ = first;
    first_round_ = false;
  }
  index_ = cursor_++;
  busy_ = true;
  lookups_.start(turn, core_.fingers.start(index_), LookupKind::kRead, LookupFor::kFinger, index_);
}

void FingerFixer::on_lookup(Turn& turn, std::uint32_t finger, const LookupResult& result) {
  if (!busy_ || finger != index_) return;
  if (!result.found()) {
    schedule(turn, false);
    return;
  }
  candidates_.clear();
  waiting_.clear();
  const RingId start = core_.fingers.start(index_);
  const RingId length = distance(start, core_.fingers.end(index_));
  for (const Contact& contact : result.replicas)
    if (contact.id != core_.ring.self().id && distance(start, contact.id) < length &&
        candidates_.size() < core_.config.proximity_sample)
      candidates_.push_back(contact);
  if (candidates_.size() > 1)
    for (const Contact& contact : candidates_)
      if (!core_.rpc.endpoints().round_trip(contact.endpoint)) waiting_.push_back(contact.endpoint);
  const std::vector<Contact> asked = candidates_;
  for (const Contact& contact : asked)
    if (std::find(waiting_.begin(), waiting_.end(), contact.endpoint) != waiting_.end())
      core_.call(turn, contact, wire::Ping{}, Purpose::kProximity, index_, 1);
  if (waiting_.empty()) choose(turn);
}

void FingerFixer::on_ping(Turn& turn, const Endpoint& endpoint, bool answered) {
  if (!busy_ || std::erase(waiting_, endpoint) == 0) return;
  if (!answered) std::erase_if(candidates_, [&](const Contact& contact) { return contact.endpoint == endpoint; });
  if (waiting_.empty()) choose(turn);
}

void FingerFixer::choose(Turn& turn) {
  const auto& endpoints = core_.rpc.endpoints();
  const auto cost = [&](const Contact& contact) {
    return endpoints.unanswered(contact.endpoint) > 0
               ? Duration::max()
               : endpoints.round_trip(contact.endpoint).value_or(Duration::max());
  };
  const auto best = std::min_element(candidates_.begin(), candidates_.end(),
                                     [&](const Contact& a, const Contact& b) { return cost(a) < cost(b); });
  const auto before = core_.fingers.get(index_);
  bool changed = false;
  if (best == candidates_.end()) {
    changed = core_.fingers.clear(index_);
  } else {
    // A nearer one among those that were there before is an improvement, not a change of the ring.
    const bool kept = before && std::find(candidates_.begin(), candidates_.end(), *before) != candidates_.end();
    changed = !kept;
    const bool much_nearer = kept && cost(*best) < cost(*before) / 4 * 3;  // hysteresis: jitter moves nothing
    if (!kept || much_nearer) core_.fingers.set(index_, *best);
  }
  std::vector<Contact>().swap(candidates_);  // gives the memory back; `= {}` would not
  std::vector<Endpoint>().swap(waiting_);
  schedule(turn, changed);
}

void FingerFixer::on_failure(Turn& turn, const CallFailed& failure) {
  bool removed = false;
  switch (failure.failure) {
    case CallFailure::kTimedOut:
    case CallFailure::kNotAMember: removed = core_.fingers.remove(failure.to); break;
    // Another node is there than the one meant: only a finger with that very id is wrong.
    case CallFailure::kOtherNode: removed = core_.fingers.remove(Contact{*failure.id, failure.to}); break;
    case CallFailure::kRefused:
    case CallFailure::kOverloaded: break;
  }
  if (!removed || busy_ || next_ == kNever) return;
  period_ = core_.config.finger_min;
  next_ = std::min(next_, turn.now + core_.rng.jitter(period_, 0.2));
}

}  // namespace rondo::dht
