#include "dht/chord/joiner.hpp"

#include <algorithm>
#include <utility>

#include "dht/chord/member_id.hpp"

namespace rondo::dht {
namespace {

constexpr std::size_t kGreetings = 8;
/// Lookups in a row when newcomers keep taking the place before us; then we wait.
constexpr unsigned kLooks = 8;
/// How often a node behind a NAT asks whether that has changed (DESIGN 2).
constexpr Duration kNatRetry = std::chrono::minutes(5);

}  // namespace

void Joiner::start(Turn& turn, const RingId& private_id, std::vector<Endpoint> local) {
  private_id_ = private_id;
  local_ = std::move(local);
  pause_ = core_.config.join_retry_min;
  ids_.clear();
  ring_seen_ = false;
  joined_ = false;
  said_.clear();
  core_.set_role(turn, Role::kJoining, "looking for the ring");
  greet(turn);
}

void Joiner::stop() {
  phase_ = Phase::kIdle;
  next_try_ = kNever;
}

bool Joiner::take_joined() { return std::exchange(joined_, false); }

void Joiner::greet(Turn& turn) {
  phase_ = Phase::kGreeting;
  next_try_ = kNever;
  looks_ = 0;
  ++attempt_;
  const auto& known = core_.remembered;
  greeted_ = std::min(kGreetings, known.size());
  if (greeted_ == 0) {
    retry(turn, "no node of the ring is known");
    return;
  }
  for (std::size_t i = 0; i < greeted_; ++i)
    core_.call(turn, Callee(known[known.size() - 1 - i]), wire::Ping{}, Purpose::kGreet, attempt_);
}

void Joiner::on_answer(Turn& turn, const CallAnswered& answer) {
  const auto purpose = static_cast<Purpose>(answer.tag.purpose);
  if (answer.tag.id != attempt_) return;
  if (purpose == Purpose::kCopyList && phase_ == Phase::kCopying) {
    copied(turn, answer);
  } else if (purpose == Purpose::kGreet && phase_ == Phase::kGreeting) {
    if (answer.read_only) {
      if (--greeted_ == 0) retry(turn, "the known nodes are not members of the ring (yet)");
      return;
    }
    ring_seen_ = true;
    choose_place(turn, answer.observed);
  }
}

void Joiner::on_failure(Turn& turn, const CallFailed& failure) {
  const auto purpose = static_cast<Purpose>(failure.tag.purpose);
  if (failure.tag.id != attempt_) return;
  if (purpose == Purpose::kGreet && phase_ == Phase::kGreeting && --greeted_ == 0)
    retry(turn, "none of the known nodes answers");
  if (purpose == Purpose::kCopyList && phase_ == Phase::kCopying) retry(turn, "the node before our place went away");
}

void Joiner::choose_place(Turn& turn, const Endpoint& observed) {
  const bool interface = std::find(local_.begin(), local_.end(), observed) != local_.end();
  if (!is_private(observed) && !interface) {
    wait(turn, kNatRetry, "behind a NAT: seen from outside as " + observed.text() + ", which is not ours",
         Role::kClient);
    return;
  }
  if (ids_.empty()) {
    if (is_private(observed)) {
      ids_ = {private_id_};
    } else {
      const auto allowed = ids_of_address(observed);
      ids_.assign(allowed.begin(), allowed.end());
      core_.rng.shuffle(ids_);
    }
  }
  core_.become({ids_.back(), observed}, Role::kJoining);
  look(turn);
}

void Joiner::look(Turn& turn) {
  phase_ = Phase::kLooking;
  ++looks_;
  lookups_.start(turn, core_.ring.self().id, LookupKind::kOwner, LookupFor::kJoin, attempt_);
}

void Joiner::next_id(Turn& turn) {
  const Endpoint endpoint = core_.ring.self().endpoint;
  ids_.pop_back();
  if (ids_.empty() && is_private(endpoint)) ids_ = {RingId{core_.rng.bytes<RingId::kSize>()}};
  if (ids_.empty()) {
    wait(turn, kNatRetry, "all places of our address are taken by other nodes", Role::kClient);
    return;
  }
  core_.become({ids_.back(), endpoint}, Role::kJoining);
  look(turn);
}

void Joiner::on_lookup(Turn& turn, const LookupResult& result) {
  if (phase_ != Phase::kLooking) return;
  if (!result.found()) {
    retry(turn, std::string(describe(result.failure)));
  } else if (result.owner->id == core_.ring.self().id && result.owner->endpoint != core_.ring.self().endpoint) {
    next_id(turn);
  } else if (!result.predecessor) {
    retry(turn, "the node before our place does not answer");
  } else {
    phase_ = Phase::kCopying;
    asked_ = result.predecessor;
    core_.call(turn, *asked_, wire::Neighbors{}, Purpose::kCopyList, attempt_);
  }
}

void Joiner::copied(Turn& turn, const CallAnswered& answer) {
  const auto& reply = std::get<wire::NeighborsReply>(answer.body);
  const ToldList told{core_.accept(reply.successors, answer.from), reply.complete};
  if (core_.ring.join(answer.from, told)) {
    phase_ = Phase::kIdle;
    joined_ = true;
    ids_.clear();
    ids_.shrink_to_fit();
  } else if (looks_ < kLooks) {
    look(turn);
  } else {
    retry(turn, "the place before us keeps changing");
  }
}

void Joiner::wait(Turn& turn, Duration pause, std::string reason, Role as) {
  phase_ = Phase::kWaiting;
  next_try_ = turn.now + core_.rng.jitter(pause, 0.2);
  if (reason == said_) return;
  said_ = reason;
  core_.set_role(turn, as, std::move(reason));
}

void Joiner::retry(Turn& turn, std::string reason) {
  wait(turn, pause_, std::move(reason), Role::kJoining);
  pause_ = std::min<Duration>(pause_ * 2, core_.config.join_retry_max);
}

void Joiner::on_deadline(Turn& turn) {
  if (next_try_ <= turn.now) greet(turn);
}

}  // namespace rondo::dht
