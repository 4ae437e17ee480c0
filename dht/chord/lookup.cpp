#include "dht/chord/lookup.hpp"

#include <algorithm>
#include <utility>

#include "dht/base/limits.hpp"
#include "dht/chord/interval.hpp"

namespace rondo::dht {

bool Lookup::in_flight(State state) { return state == State::kAsked || state == State::kSlow; }

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

Lookup::Candidate* Lookup::candidate_in_flight(const Endpoint& endpoint) {
  const auto at = std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
    return candidate.who.endpoint == endpoint && in_flight(candidate.state);
  });
  return at == candidates_.end() ? nullptr : &*at;
}

Lookup::Check* Lookup::check_in_flight(const Endpoint& endpoint) {
  const auto at = std::find_if(checks_.begin(), checks_.end(), [&](const Check& check) {
    return check.who.endpoint == endpoint && in_flight(check.state);
  });
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

bool Lookup::busy(const Endpoint& endpoint) const {
  return std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
    return candidate.who.endpoint == endpoint && in_flight(candidate.state);
  });
}

bool Lookup::requests_left() const { return steps_.size() < limits::kLookupRequests; }

bool Lookup::open(const Candidate& candidate) const {
  return candidate.state == State::kNew && requests_left() && !busy(candidate.who.endpoint);
}

void Lookup::add_candidate(const Callee& who, unsigned hop) {
  if (who.endpoint == self_.endpoint || (who.id && *who.id == self_.id)) return;
  const bool known = std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
    const Callee& other = candidate.who;
    // An entry point that waits for its turn and is named now, with its place in the ring, is news.
    const bool news = !other.id && candidate.state == State::kNew;
    return other.endpoint == who.endpoint && (!who.id || (other.id ? *other.id == *who.id : !news));
  });
  if (known) return;
  if (candidates_.size() >= limits::kLookupCandidates) {
    const auto farthest = farthest_new();
    if (farthest == candidates_.end() || !who.id) return;
    if (farthest->who.id && !nearer({who, hop}, *farthest->who.id)) return;
    candidates_.erase(farthest);
  }
  candidates_.push_back({who, hop});
}

/// Of those not asked yet, the farthest from the target; one of unknown id counts as farther than any.
std::vector<Lookup::Candidate>::iterator Lookup::farthest_new() {
  auto farthest = candidates_.end();
  for (auto at = candidates_.begin(); at != candidates_.end(); ++at) {
    if (at->state != State::kNew) continue;
    if (farthest == candidates_.end() || !at->who.id || (farthest->who.id && nearer(*farthest, *at->who.id)))
      farthest = at;
  }
  return farthest;
}

void Lookup::add_claim(const Contact& holder, unsigned hop, const wire::FindSuccessorReply& reply) {
  if (reply.contacts.empty()) return;
  Claim claim{holder, hop, !reply.previous, reply.contacts, false};
  claims_.push_back(std::move(claim));
  if (reply.previous) add_candidate(*reply.previous, hop + 1);
}

std::vector<Lookup::Request> Lookup::next_requests() {
  std::vector<Request> requests;
  if (finished()) return requests;
  auto asked =
      static_cast<std::size_t>(std::count_if(candidates_.begin(), candidates_.end(), [](const Candidate& candidate) {
        return candidate.state == State::kAsked;
      }));
  const Claim* claim = best_claim();
  const bool stuck = claim == nullptr && asked == 0 &&
                     std::none_of(candidates_.begin(), candidates_.end(),
                                  [](const Candidate& candidate) { return candidate.state == State::kNew; });
  if (stuck)
    for (const Contact& contact : std::exchange(reserve_, {})) add_candidate(contact, 1);
  while (asked < alpha_) {
    Candidate* next = nullptr;
    for (Candidate& candidate : candidates_) {
      if (!open(candidate)) continue;
      if (claim != nullptr && !nearer(candidate, claim->holder.id)) continue;
      if (next == nullptr || (candidate.who.id && (!next->who.id || nearer(candidate, *next->who.id))))
        next = &candidate;
    }
    if (next == nullptr) break;
    ask(requests, *next, target_);
    ++asked;
  }
  if (kind_ == LookupKind::kOwner) {
    request_checks(requests);
    continue_claims(requests);
  }
  return requests;
}

void Lookup::ask(std::vector<Request>& requests, Candidate& candidate, const RingId& target) {
  candidate.state = State::kAsked;
  steps_.push_back({candidate.who.endpoint, candidate.who.id, candidate.hop, StepOutcome::kWaiting, false, {}});
  requests.push_back({candidate.who, false, target});
}

bool Lookup::continuable(const Claim& claim) const {
  return kind_ == LookupKind::kOwner && !claim.continued && claim.contacts.size() == limits::kStepContacts &&
         claim.holder != self_ && requests_left() && all_checks_failed(claim);
}

void Lookup::continue_claims(std::vector<Request>& requests) {
  for (Claim& claim : claims_) {
    if (!continuable(claim) || busy(claim.holder.endpoint)) continue;
    claim.continued = true;
    const auto holder = std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
      return candidate.who.endpoint == claim.holder.endpoint && candidate.who.id == claim.holder.id;
    });
    if (holder == candidates_.end()) continue;
    holder->continues = true;
    holder->hop = claim.hop + 1;
    ask(requests, *holder, add(claim.contacts.back().id, power_of_two(0)));
  }
}

/// What stands behind a claim of dead contacts: one more claim of the same holder.
void Lookup::on_continued(Candidate& holder, const wire::FindSuccessorReply& reply) {
  holder.continues = false;
  if (!reply.covers || reply.contacts.empty()) return;
  bool first_hand = false;
  for (const Claim& claim : claims_)
    if (claim.continued && claim.holder.id == holder.who.id) first_hand = claim.first_hand;
  claims_.push_back({{*holder.who.id, holder.who.endpoint}, holder.hop, first_hand, reply.contacts, false});
}

/// The first claimed contact that is not known to be dead is asked whether it lives, while routing may still go on;
/// when it is slow, the next one is asked as well, so that a row of dead nodes costs one long wait and not many.
void Lookup::request_checks(std::vector<Request>& requests) {
  const Claim* claim = best_claim();
  if (claim == nullptr) return;
  for (const Contact& contact : claim->contacts) {
    if (contact == self_) return;
    if (known_dead(contact)) continue;
    const auto known =
        std::find_if(checks_.begin(), checks_.end(), [&](const Check& check) { return check.who == contact; });
    const Check* there = check_in_flight(contact.endpoint);
    if (there != nullptr && there->state == State::kSlow) continue;
    if (known == checks_.end() && there == nullptr && requests_left()) {
      checks_.push_back({contact, claim->hop + 1, State::kAsked, false});
      steps_.push_back({contact.endpoint, contact.id, claim->hop + 1, StepOutcome::kWaiting, true, {}});
      requests.push_back({contact, true, {}});
    }
    return;
  }
}

void Lookup::on_step(const Contact& from, const wire::FindSuccessorReply& reply, Duration round_trip) {
  Candidate* candidate = candidate_in_flight(from.endpoint);
  if (candidate == nullptr) return;
  candidate->state = State::kAnswered;
  candidate->who.id = from.id;
  const unsigned hop = candidate->hop;
  if (LookupStep* step = find_step(from.endpoint, false)) {
    step->outcome = StepOutcome::kAnswered;
    step->id = from.id;
    step->round_trip = round_trip;
  }
  for (Candidate& other : candidates_)
    if (other.who.endpoint == from.endpoint && !other.who.id) other.state = State::kAnswered;
  if (candidate->continues) {
    on_continued(*candidate, reply);
    return;
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
  Check* check = check_in_flight(from.endpoint);
  if (check == nullptr) return;
  check->state = read_only ? State::kFailed : State::kAnswered;
  check->deserted = read_only;
  if (LookupStep* step = find_step(from.endpoint, true)) {
    step->outcome = read_only ? StepOutcome::kRefused : StepOutcome::kAnswered;
    step->round_trip = round_trip;
  }
}

void Lookup::on_slow(const Endpoint& endpoint, bool check) {
  ++timeouts_;
  if (check) {
    if (Check* known = check_in_flight(endpoint)) known->state = State::kSlow;
  } else if (Candidate* candidate = candidate_in_flight(endpoint)) {
    candidate->state = State::kSlow;
  }
}

void Lookup::on_failure(const Endpoint& endpoint, bool check, CallFailure failure) {
  if (LookupStep* step = find_step(endpoint, check))
    step->outcome = failure == CallFailure::kTimedOut ? StepOutcome::kUnanswered : StepOutcome::kRefused;
  const bool deserted = failure == CallFailure::kTimedOut || failure == CallFailure::kNotAMember;
  if (check) {
    if (Check* known = check_in_flight(endpoint)) {
      known->state = State::kFailed;
      known->deserted = deserted;
    }
    return;
  }
  if (Candidate* candidate = candidate_in_flight(endpoint)) candidate->state = State::kFailed;
  for (Candidate& candidate : candidates_)
    if (deserted && candidate.who.endpoint == endpoint) candidate.state = State::kFailed;
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
    const bool waits = open(candidate) || candidate.state == State::kAsked;
    return waits && nearer(candidate, claim.holder.id);
  });
}

bool Lookup::routing_over() const {
  return std::none_of(candidates_.begin(), candidates_.end(),
                      [&](const Candidate& candidate) { return open(candidate) || in_flight(candidate.state); });
}

bool Lookup::known_dead(const Contact& contact) const {
  return std::any_of(checks_.begin(), checks_.end(), [&](const Check& check) {
    return check.state == State::kFailed &&
           (check.who == contact || (check.deserted && check.who.endpoint == contact.endpoint));
  });
}

std::optional<Contact> Lookup::live_owner(const Claim& claim) const {
  for (const Contact& contact : claim.contacts) {
    if (contact == self_) return contact;
    if (known_dead(contact)) continue;
    const bool alive = std::any_of(checks_.begin(), checks_.end(), [&](const Check& check) {
      return check.who == contact && check.state == State::kAnswered;
    });
    return alive ? std::optional(contact) : std::nullopt;
  }
  return std::nullopt;
}

bool Lookup::all_checks_failed(const Claim& claim) const {
  return std::all_of(claim.contacts.begin(), claim.contacts.end(),
                     [&](const Contact& contact) { return known_dead(contact); });
}

bool Lookup::checking() const {
  return std::any_of(checks_.begin(), checks_.end(), [](const Check& check) { return in_flight(check.state); });
}

bool Lookup::finished() const {
  const Claim* claim = best_claim();
  if (claim == nullptr) {
    const bool more = std::any_of(claims_.begin(), claims_.end(), [&](const Claim& dead) { return continuable(dead); });
    return routing_over() && !more && (reserve_.empty() || !requests_left());
  }
  if (kind_ == LookupKind::kRead) return true;
  if (!settled(*claim)) return false;
  return live_owner(*claim) || (!requests_left() && !checking());
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
    if (!result.owner) result.failure = LookupFailure::kNoOwner;  // no requests were left to find one
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
