#include "dht/chord/ring_node.hpp"

#include <algorithm>
#include <utility>

#include "dht/chord/member_id.hpp"

namespace rondo::dht {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

RingNode::RingNode(const ChordConfig& config, const Contact& self, Rng& rng, Instant now)
    : core_(config, self, rng),
      tokens_(rng, now),
      lookups_(core_),
      stabilizer_(core_),
      fingers_(core_, lookups_),
      joiner_(core_, lookups_),
      operations_(core_, lookups_, store_),
      private_id_(self.id) {}

void RingNode::on_message(Instant now, const Endpoint& from, const wire::Message& message, std::size_t wire_size,
                          RingOutbox& out) {
  if (wire::header_of(message).network != core_.config.network) return;
  std::vector<CallEvent> events;
  Turn turn{now, out, events};
  std::visit(Overloaded{[&](const wire::Query& query) { on_query(turn, from, query, wire_size); },
                        [&](const wire::Reply& reply) { core_.rpc.on_reply(now, from, reply, out, events); },
                        [&](const wire::Error& error) { core_.rpc.on_error(now, from, error, out, events); }},
             message);
  settle(turn);
}

void RingNode::on_deadline(Instant now, RingOutbox& out) {
  std::vector<CallEvent> events;
  Turn turn{now, out, events};
  if (core_.rpc.next_deadline() <= now) core_.rpc.on_deadline(now, out, events);
  settle(turn);
  if (alone_at_ <= now && core_.role != Role::kMember) {
    if (joiner_.take_ring_seen())  // a ring of our own would split it; look again when the joiner has surely retried
      alone_at_ = now + std::max<Duration>(*join_options_.alone_after, 2 * core_.config.join_retry_max);
    else
      serve_alone(turn, "serving alone: no other node of the ring answered");
  }
  if (joiner_.next_deadline() <= now) joiner_.on_deadline(turn);
  if (stabilizer_.next_deadline() <= now) stabilizer_.on_deadline(turn);
  if (fingers_.next_deadline() <= now) fingers_.on_deadline(turn);
  if (lookups_.next_deadline() <= now) lookups_.on_deadline(turn);
  if (store_.next_deadline() <= now) store_.on_deadline(now);
  settle(turn);
}

Instant RingNode::next_deadline() const {
  return std::min({core_.rpc.next_deadline(), stabilizer_.next_deadline(), fingers_.next_deadline(),
                   joiner_.next_deadline(), lookups_.next_deadline(), store_.next_deadline(), alone_at_});
}

/// Lets the machines react to what the others did, until nobody has anything left.
void RingNode::settle(Turn& turn) {
  for (;;) {
    const std::vector<CallEvent> events = std::exchange(turn.events, {});
    for (const CallEvent& event : events) dispatch(turn, event);
    std::vector<LookupDone> done = lookups_.take_done();
    for (LookupDone& lookup : done) on_lookup_done(turn, lookup);
    if (joiner_.take_joined()) become_member(turn, "joined the ring");
    if (events.empty() && done.empty() && turn.events.empty()) break;
  }
  if (stabilizer_.isolated()) {
    stabilizer_.stop();
    fingers_.stop();
    begin_join(turn);
    // A bootstrap node may be the last one, with newcomers waiting for it. But others who are only out of sight must
    // not find a second ring: first the joiner asks everybody whom we remember.
    if (join_options_.alone_after)
      alone_at_ = turn.now + std::max<Duration>(*join_options_.alone_after, 2 * core_.config.join_retry_max);
  }
}

void RingNode::dispatch(Turn& turn, const CallEvent& event) {
  std::visit(Overloaded{[&](const CallAnswered& answer) { on_answered(turn, answer); },
                        [&](const CallFailed& failure) { on_failed(turn, failure); },
                        [&](const TryUnanswered& unanswered) { stabilizer_.on_unanswered(turn, unanswered.to); },
                        [&](const CallSlow& slow) {
                          const auto purpose = static_cast<Purpose>(slow.tag.purpose);
                          if (purpose == Purpose::kLookupStep || purpose == Purpose::kLookupCheck)
                            lookups_.on_slow(turn, slow);
                          if (purpose == Purpose::kGetPeers || purpose == Purpose::kAnnounce)
                            operations_.on_slow(turn, slow);
                        }},
             event);
}

void RingNode::on_answered(Turn& turn, const CallAnswered& answer) {
  const bool member = !answer.read_only;
  if (!member) core_.doubt(answer.from.endpoint);
  if (member && answer.from.endpoint != core_.ring.self().endpoint) core_.remember(answer.from.endpoint);
  stabilizer_.on_answer(turn, answer);
  switch (static_cast<Purpose>(answer.tag.purpose)) {
    case Purpose::kLookupStep:
    case Purpose::kLookupCheck: lookups_.on_answer(turn, answer); break;
    case Purpose::kGreet:
    case Purpose::kCopyList: joiner_.on_answer(turn, answer); break;
    case Purpose::kProximity: fingers_.on_ping(turn, answer.from.endpoint, member); break;
    case Purpose::kGetPeers:
    case Purpose::kAnnounce: operations_.on_answer(turn, answer); break;
    case Purpose::kStabilize:
    case Purpose::kCandidate:
    case Purpose::kNotify:
    case Purpose::kVerdict:
    case Purpose::kNudge:
    case Purpose::kProbe:
    case Purpose::kTwin:
    case Purpose::kFarewell: break;
  }
  const Contact& self = core_.ring.self();
  const bool twin = answer.from.id == self.id && credible(self, answer.from);
  if (member && twin && core_.role == Role::kMember && answer.from.endpoint < self.endpoint) yield_id(turn);
}

void RingNode::on_failed(Turn& turn, const CallFailed& failure) {
  if (failure.failure == CallFailure::kTimedOut || failure.failure == CallFailure::kNotAMember) core_.doubt(failure.to);
  stabilizer_.on_failure(turn, failure);
  fingers_.on_failure(turn, failure);
  switch (static_cast<Purpose>(failure.tag.purpose)) {
    case Purpose::kLookupStep:
    case Purpose::kLookupCheck: lookups_.on_failure(turn, failure); break;
    case Purpose::kGreet:
    case Purpose::kCopyList: joiner_.on_failure(turn, failure); break;
    case Purpose::kProximity: fingers_.on_ping(turn, failure.to, false); break;
    case Purpose::kGetPeers:
    case Purpose::kAnnounce: operations_.on_failure(turn, failure); break;
    case Purpose::kStabilize:
    case Purpose::kCandidate:
    case Purpose::kNotify:
    case Purpose::kVerdict:
    case Purpose::kNudge:
    case Purpose::kProbe:
    case Purpose::kTwin:
    case Purpose::kFarewell: break;
  }
}

void RingNode::on_lookup_done(Turn& turn, LookupDone& done) {
  switch (done.whom) {
    case LookupFor::kUser: turn.out.events.push_back(LookupFinished{done.reference, std::move(done.result)}); break;
    case LookupFor::kJoin: joiner_.on_lookup(turn, done.result); break;
    case LookupFor::kFinger: fingers_.on_lookup(turn, done.reference, done.result); break;
    case LookupFor::kGetPeers:
    case LookupFor::kAnnounce: operations_.on_lookup(turn, done.reference, done.result); break;
  }
}

void RingNode::join(Instant now, JoinOptions options, RingOutbox& out) {
  std::vector<CallEvent> events;
  Turn turn{now, out, events};
  join_options_ = std::move(options);
  wants_membership_ = true;
  if (core_.role == Role::kMember) return;
  if (join_options_.alone_after) alone_at_ = now + *join_options_.alone_after;
  if (join_options_.alone_after && core_.remembered.empty()) {
    serve_alone(turn, "serving alone: no other node of the ring is known");
  } else {
    begin_join(turn);
  }
  settle(turn);
}

RingId RingNode::id_for(const Endpoint& endpoint) {
  if (is_private(endpoint)) return private_id_;
  return ids_of_address(endpoint)[core_.rng.below(kIdsPerAddress)];
}

void RingNode::begin_join(Turn& turn) {
  if (wants_membership_) joiner_.start(turn, private_id_, join_options_.local);
}

void RingNode::serve_alone(Turn& turn, std::string reason) {
  joiner_.stop();
  const Endpoint endpoint = core_.ring.self().endpoint;
  core_.become({id_for(endpoint), endpoint}, Role::kMember);
  become_member(turn, std::move(reason));
}

void RingNode::become_member(Turn& turn, std::string reason) {
  alone_at_ = kNever;
  core_.set_role(turn, Role::kMember, std::move(reason));
  stabilizer_.start(turn);
  fingers_.start(turn);
}

/// Two nodes with one id: the smaller endpoint keeps it (DESIGN 2), we look for another place.
void RingNode::yield_id(Turn& turn) {
  stabilizer_.stop();
  fingers_.stop();
  private_id_ = RingId{core_.rng.bytes<RingId::kSize>()};
  begin_join(turn);
}

void RingNode::leave(Instant now, RingOutbox& out) {
  std::vector<CallEvent> events;
  Turn turn{now, out, events};
  const bool was_member = core_.role == Role::kMember;
  wants_membership_ = false;
  alone_at_ = kNever;
  joiner_.stop();
  stabilizer_.stop();
  fingers_.stop();
  core_.set_role(turn, Role::kLeaving, "leaving");
  // A proven query marked `ro` makes a neighbour ask, and our answer is its finished verdict.
  if (was_member) {
    const SuccessorList& list = core_.ring.successors();
    if (core_.ring.predecessor()) core_.call(turn, *core_.ring.predecessor(), wire::Ping{}, Purpose::kFarewell);
    if (!list.empty() && list.head() != core_.ring.predecessor())
      core_.call(turn, list.head(), wire::Ping{}, Purpose::kFarewell);
  }
  settle(turn);
}

OperationId RingNode::look_up(Instant now, const RingId& target, LookupKind kind, RingOutbox& out) {
  std::vector<CallEvent> events;
  Turn turn{now, out, events};
  const OperationId operation = next_operation_++;
  lookups_.start(turn, target, kind, LookupFor::kUser, operation);
  settle(turn);
  return operation;
}

OperationId RingNode::get_peers(Instant now, const RingId& key, RingOutbox& out) {
  std::vector<CallEvent> events;
  Turn turn{now, out, events};
  const OperationId operation = next_operation_++;
  operations_.get_peers(turn, operation, key);
  settle(turn);
  return operation;
}

OperationId RingNode::announce(Instant now, const RingId& key, std::uint16_t port, bool withdraw, RingOutbox& out) {
  std::vector<CallEvent> events;
  Turn turn{now, out, events};
  const OperationId operation = next_operation_++;
  operations_.announce(turn, operation, key, port, withdraw);
  settle(turn);
  return operation;
}

void RingNode::check_invariants() const {
  core_.ring.check_invariants();
  store_.check_invariants();
}

}  // namespace rondo::dht
