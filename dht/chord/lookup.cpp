#include "dht/chord/lookup.hpp"

#include <algorithm>
#include <utility>

#include "dht/base/limits.hpp"
#include "dht/chord/interval.hpp"

namespace rondo::dht {

Lookup::Lookup(const Contact& self, const RingId& target, LookupKind kind, std::size_t alpha, Instant now)
    : self_(self), target_(target), kind_(kind), alpha_(alpha), started_(now) {}

Duration Lookup::limits_time() { return limits::kLookupTime; }

void Lookup::seed(const wire::FindSuccessorReply& own_knowledge, std::vector<Contact> reserve) {
  reserve_ = std::move(reserve);
  if (own_knowledge.covers) {
    add_claim(self_, 0, own_knowledge);
    return;
  }
  for (const Contact& contact : own_knowledge.contacts) add_candidate(contact, 1);
}

void Lookup::seed(const Endpoint& entry_point) { add_candidate(Callee(entry_point), 1); }

Lookup::Candidate* Lookup::find_candidate(const Endpoint& endpoint) {
  const auto at = std::find_if(candidates_.begin(), candidates_.end(),
                               [&](const Candidate& candidate) { return candidate.who.endpoint == endpoint; });
  return at == candidates_.end() ? nullptr : &*at;
}

Lookup::Check* Lookup::find_check(const Endpoint& endpoint) {
  const auto at =
      std::find_if(checks_.begin(), checks_.end(), [&](const Check& check) { return check.who.endpoint == endpoint; });
  return at == checks_.end() ? nullptr : &*at;
}

LookupStep* Lookup::find_step(const Endpoint& endpoint, bool check) {
  const auto at = std::find_if(steps_.rbegin(), steps_.rend(), [&](const LookupStep& step) {
    return step.endpoint == endpoint && step.check == check;
  });
  return at == steps_.rend() ? nullptr : &*at;
}

bool Lookup::nearer(const Candidate& candidate, const RingId& than) const {
  return candidate.who.id && distance(*candidate.who.id, target_) < distance(than, target_);
}

void Lookup::add_candidate(const Callee& who, unsigned hop) {
  if (who.endpoint == self_.endpoint || (who.id && *who.id == self_.id)) return;
  if (find_candidate(who.endpoint) != nullptr) return;
  if (candidates_.size() >= limits::kLookupCandidates) drop_farthest();
  if (candidates_.size() < limits::kLookupCandidates) candidates_.push_back({who, hop, State::kNew});
}

/// Makes room for a new candidate: of those not asked yet, the farthest from the target goes.
void Lookup::drop_farthest() {
  auto farthest = candidates_.end();
  for (auto at = candidates_.begin(); at != candidates_.end(); ++at) {
    if (at->state != State::kNew) continue;
    if (farthest == candidates_.end() || !at->who.id || (farthest->who.id && nearer(*farthest, *at->who.id)))
      farthest = at;
  }
  if (farthest != candidates_.end()) candidates_.erase(farthest);
}

void Lookup::add_claim(const Contact& holder, unsigned hop, const wire::FindSuccessorReply& reply) {
  if (reply.contacts.empty()) return;
  Claim claim{holder, hop, !reply.previous, reply.contacts};
  claims_.push_back(std::move(claim));
  if (reply.previous) add_candidate(*reply.previous, hop + 1);
}

std::vector<Lookup::Request> Lookup::next_requests() {
  std::vector<Request> requests;
  if (finished()) return requests;
  auto in_flight =
      static_cast<std::size_t>(std::count_if(candidates_.begin(), candidates_.end(), [](const Candidate& candidate) {
        return candidate.state == State::kAsked;
      }));
  const Claim* claim = best_claim();
  const bool stuck = claim == nullptr && in_flight == 0 &&
                     std::none_of(candidates_.begin(), candidates_.end(),
                                  [](const Candidate& candidate) { return candidate.state == State::kNew; });
  if (stuck)
    for (const Contact& contact : std::exchange(reserve_, {})) add_candidate(contact, 1);
  while (in_flight < alpha_ && steps_.size() < limits::kLookupRequests) {
    Candidate* next = nullptr;
    for (Candidate& candidate : candidates_) {
      if (candidate.state != State::kNew) continue;
      if (claim != nullptr && !nearer(candidate, claim->holder.id)) continue;
      if (next == nullptr || (candidate.who.id && (!next->who.id || nearer(candidate, *next->who.id))))
        next = &candidate;
    }
    if (next == nullptr) break;
    ask(requests, *next);
    ++in_flight;
  }
  if (kind_ == LookupKind::kOwner) request_checks(requests);
  return requests;
}

void Lookup::ask(std::vector<Request>& requests, Candidate& candidate) {
  candidate.state = State::kAsked;
  steps_.push_back({candidate.who.endpoint, candidate.who.id, candidate.hop, StepOutcome::kWaiting, false, {}});
  requests.push_back({candidate.who, false});
}

/// The first claimed contact that is not known to be dead is asked whether it lives, while routing may still go on; when
/// it is slow, the next one is asked as well, so that a row of dead nodes costs one long wait and not many.
void Lookup::request_checks(std::vector<Request>& requests) {
  const Claim* claim = best_claim();
  if (claim == nullptr) return;
  for (const Contact& contact : claim->contacts) {
    if (contact == self_) return;
    const Check* known = find_check(contact.endpoint);
    if (known != nullptr && (known->state == State::kFailed || known->state == State::kSlow)) continue;
    if (known == nullptr && steps_.size() < limits::kLookupRequests) {
      checks_.push_back({contact, claim->hop + 1, State::kAsked});
      steps_.push_back({contact.endpoint, contact.id, claim->hop + 1, StepOutcome::kWaiting, true, {}});
      requests.push_back({contact, true});
    }
    return;
  }
}

void Lookup::on_step(const Contact& from, const wire::FindSuccessorReply& reply, Duration round_trip) {
  Candidate* candidate = find_candidate(from.endpoint);
  if (candidate == nullptr) return;
  candidate->state = State::kAnswered;
  candidate->who.id = from.id;
  const unsigned hop = candidate->hop;
  if (LookupStep* step = find_step(from.endpoint, false)) {
    step->outcome = StepOutcome::kAnswered;
    step->id = from.id;
    step->round_trip = round_trip;
  }
  if (reply.covers) {
    add_claim(from, hop, reply);
    return;
  }
  // Only what brings us nearer: a contact behind the answerer can't be part of an honest answer.
  for (const Contact& contact : reply.contacts)
    if (between(from.id, contact.id, target_)) add_candidate(contact, hop + 1);
}

void Lookup::on_check(const Contact& from, bool read_only, Duration round_trip) {
  Check* check = find_check(from.endpoint);
  if (check == nullptr) return;
  check->state = read_only ? State::kFailed : State::kAnswered;
  if (LookupStep* step = find_step(from.endpoint, true)) {
    step->outcome = read_only ? StepOutcome::kRefused : StepOutcome::kAnswered;
    step->round_trip = round_trip;
  }
}

void Lookup::on_slow(const Endpoint& endpoint, bool check) {
  ++timeouts_;
  if (check) {
    if (Check* known = find_check(endpoint); known != nullptr && known->state == State::kAsked)
      known->state = State::kSlow;
  } else if (Candidate* candidate = find_candidate(endpoint); candidate != nullptr && candidate->state == State::kAsked)
    candidate->state = State::kSlow;
}

void Lookup::on_failure(const Endpoint& endpoint, bool check, CallFailure failure) {
  if (LookupStep* step = find_step(endpoint, check))
    step->outcome = failure == CallFailure::kTimedOut ? StepOutcome::kUnanswered : StepOutcome::kRefused;
  if (check) {
    if (Check* known = find_check(endpoint)) known->state = State::kFailed;
  } else if (Candidate* candidate = find_candidate(endpoint)) {
    candidate->state = State::kFailed;
  }
}

const Lookup::Claim* Lookup::best_claim() const {
  const Claim* best = nullptr;
  for (const Claim& claim : claims_) {
    if (kind_ == LookupKind::kOwner && all_checks_failed(claim)) continue;
    if (best == nullptr || distance(claim.holder.id, target_) < distance(best->holder.id, target_)) best = &claim;
  }
  return best;
}

bool Lookup::settled(const Claim& claim) const {
  return std::none_of(candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
    const bool waits = candidate.state == State::kNew || candidate.state == State::kAsked;
    return waits && nearer(candidate, claim.holder.id);
  });
}

bool Lookup::routing_over() const {
  return std::none_of(candidates_.begin(), candidates_.end(), [](const Candidate& candidate) {
    return candidate.state == State::kNew || candidate.state == State::kAsked || candidate.state == State::kSlow;
  });
}

std::optional<Contact> Lookup::live_owner(const Claim& claim) const {
  for (const Contact& contact : claim.contacts) {
    if (contact == self_) return contact;
    const auto at =
        std::find_if(checks_.begin(), checks_.end(), [&](const Check& check) { return check.who == contact; });
    if (at == checks_.end() || at->state == State::kAsked || at->state == State::kSlow) return std::nullopt;
    if (at->state == State::kAnswered) return contact;
  }
  return std::nullopt;
}

bool Lookup::all_checks_failed(const Claim& claim) const {
  return std::all_of(claim.contacts.begin(), claim.contacts.end(), [&](const Contact& contact) {
    return std::any_of(checks_.begin(), checks_.end(), [&](const Check& check) {
      return check.who.endpoint == contact.endpoint && check.state == State::kFailed;
    });
  });
}

bool Lookup::finished() const {
  const Claim* claim = best_claim();
  if (claim == nullptr) return routing_over() && reserve_.empty();
  if (kind_ == LookupKind::kRead) return true;
  return settled(*claim) && live_owner(*claim);
}

LookupResult Lookup::result(Instant now) const {
  LookupResult result;
  result.target = target_;
  result.kind = kind_;
  result.timeouts = timeouts_;
  result.steps = steps_;
  result.elapsed = now - started_;
  const Claim* claim = best_claim();
  if (!finished()) {
    result.failure = LookupFailure::kTimedOut;
  } else if (claim == nullptr) {
    result.failure = !claims_.empty()      ? LookupFailure::kNoOwner
                     : candidates_.empty() ? LookupFailure::kNoContacts
                                           : LookupFailure::kNoAnswer;
  } else {
    result.hops = claim->hop;
    result.owner = kind_ == LookupKind::kRead ? std::optional(claim->contacts.front()) : live_owner(*claim);
    if (claim->first_hand) result.predecessor = claim->holder;
  }
  if (!result.owner || claim == nullptr) return result;
  const auto from = std::find(claim->contacts.begin(), claim->contacts.end(), *result.owner);
  for (auto at = from; at != claim->contacts.end() && result.replicas.size() < limits::kReplicas; ++at) {
    const bool seen = std::any_of(result.replicas.begin(), result.replicas.end(),
                                  [&](const Contact& replica) { return replica.endpoint == at->endpoint; });
    if (!seen) result.replicas.push_back(*at);
  }
  for (const Check& check : checks_)
    if (check.who == *result.owner) result.hops = std::max(result.hops, check.hop);
  return result;
}

}  // namespace rondo::dht
