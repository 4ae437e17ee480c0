#include "dht/chord/peer_operations.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rondo::dht {
namespace {

constexpr std::size_t kReadReplicas = 3;

std::string problem_of(CallFailure failure) {
  switch (failure) {
    case CallFailure::kTimedOut: return "no answer";
    case CallFailure::kNotAMember: return "not a member any more";
    case CallFailure::kOtherNode: return "another node is there now";
    case CallFailure::kRefused: return "refused";
    case CallFailure::kOverloaded: return "too many requests of ours are open";
  }
  return "unknown";
}

}  // namespace

void PeerOperations::get_peers(Turn& turn, OperationId operation, const RingId& key) {
  Operation fresh;
  fresh.number = operation;
  fresh.key = key;
  begin(turn, std::move(fresh));
}

void PeerOperations::announce(Turn& turn, OperationId operation, const RingId& key, std::uint16_t port, bool withdraw) {
  Operation fresh;
  fresh.number = operation;
  fresh.key = key;
  fresh.writing = true;
  fresh.port = port;
  fresh.withdraw = withdraw;
  begin(turn, std::move(fresh));
}

void PeerOperations::begin(Turn& turn, Operation operation) {
  const auto kind = operation.writing ? LookupKind::kOwner : LookupKind::kRead;
  const auto whom = operation.writing ? LookupFor::kAnnounce : LookupFor::kGetPeers;
  const RingId key = operation.key;
  const OperationId number = operation.number;
  operations_.push_back(std::move(operation));
  lookups_.start(turn, key, kind, whom, number);
}

PeerOperations::Operation* PeerOperations::find(OperationId number) {
  const auto at = std::find_if(operations_.begin(), operations_.end(),
                               [&](const Operation& operation) { return operation.number == number; });
  return at == operations_.end() ? nullptr : &*at;
}

void PeerOperations::on_lookup(Turn& turn, OperationId number, const LookupResult& result) {
  Operation* operation = find(number);
  if (operation == nullptr) return;
  operation->lookup = result;
  operation->replicas.clear();
  for (const Contact& replica : result.replicas) operation->replicas.push_back({replica, false, {}, 0});
  operation->states.assign(operation->replicas.size(), State::kNew);
  ask_more(turn, *operation);
  finish_if_done(turn, number);
}

/// How many replicas should have answered or be about to.
std::size_t PeerOperations::wanted(const Operation& operation) const {
  const auto answered =
      static_cast<std::size_t>(std::count(operation.states.begin(), operation.states.end(), State::kAnswered));
  const bool found = !operation.peers.empty();
  if (operation.writing || (answered >= kReadReplicas && !found)) return operation.replicas.size();
  return std::min(kReadReplicas, operation.replicas.size());
}

void PeerOperations::ask_more(Turn& turn, Operation& operation) {
  for (std::size_t i = 0; i < operation.states.size(); ++i) {
    const auto busy =
        static_cast<std::size_t>(std::count_if(operation.states.begin(), operation.states.end(), [](State state) {
          return state == State::kAsked || state == State::kAnswered;
        }));
    if (busy >= wanted(operation)) return;
    if (operation.states[i] == State::kNew) ask(turn, operation, i);
  }
}

void PeerOperations::ask(Turn& turn, Operation& operation, std::size_t index) {
  const Contact replica = operation.replicas[index].replica;
  if (replica == core_.ring.self()) {
    ask_self(turn, operation, index);
    return;
  }
  operation.states[index] = State::kAsked;
  if (operation.writing)
    core_.call(turn, replica, wire::AnnouncePeer{operation.key, operation.port, operation.withdraw}, Purpose::kAnnounce,
               operation.number);
  else
    core_.call(turn, replica, wire::GetPeers{operation.key}, Purpose::kGetPeers, operation.number);
}

void PeerOperations::ask_self(Turn& turn, Operation& operation, std::size_t index) {
  ReplicaAnswer& answer = operation.replicas[index];
  operation.states[index] = State::kAnswered;
  answer.answered = true;
  if (operation.writing) {
    Endpoint peer = core_.ring.self().endpoint;
    peer.port = operation.port;
    if (operation.withdraw) {
      store_.withdraw(operation.key, peer);
    } else if (!store_.announce(turn.now, operation.key, peer)) {
      operation.states[index] = State::kFailed;
      answer.answered = false;
      answer.problem = problem_of(CallFailure::kRefused);
    }
    return;
  }
  const auto peers = store_.peers(turn.now, operation.key, limits::kAnswerPeers, core_.rng);
  answer.peers = static_cast<std::uint32_t>(peers.size());
  operation.peers.insert(operation.peers.end(), peers.begin(), peers.end());
}

void PeerOperations::on_answer(Turn& turn, const CallAnswered& answer) {
  Operation* operation = find(answer.tag.id);
  if (operation == nullptr) return;
  for (std::size_t i = 0; i < operation->replicas.size(); ++i) {
    ReplicaAnswer& replica = operation->replicas[i];
    if (replica.replica.endpoint != answer.from.endpoint) continue;
    operation->states[i] = State::kAnswered;
    replica.answered = true;
    if (const auto* reply = std::get_if<wire::GetPeersReply>(&answer.body)) {
      replica.peers = static_cast<std::uint32_t>(reply->peers.size());
      std::copy_if(reply->peers.begin(), reply->peers.end(), std::back_inserter(operation->peers), is_usable);
    }
  }
  ask_more(turn, *operation);
  finish_if_done(turn, answer.tag.id);
}

void PeerOperations::on_slow(Turn& turn, const CallSlow& slow) {
  Operation* operation = find(slow.tag.id);
  if (operation == nullptr || operation->writing) return;
  for (std::size_t i = 0; i < operation->replicas.size(); ++i)
    if (operation->replicas[i].replica.endpoint == slow.to && operation->states[i] == State::kAsked)
      operation->states[i] = State::kSlow;
  ask_more(turn, *operation);
  finish_if_done(turn, slow.tag.id);
}

void PeerOperations::on_failure(Turn& turn, const CallFailed& failure) {
  Operation* operation = find(failure.tag.id);
  if (operation == nullptr) return;
  for (std::size_t i = 0; i < operation->replicas.size(); ++i) {
    if (operation->replicas[i].replica.endpoint != failure.to) continue;
    operation->states[i] = State::kFailed;
    operation->replicas[i].problem = problem_of(failure.failure);
  }
  ask_more(turn, *operation);
  finish_if_done(turn, failure.tag.id);
}

void PeerOperations::finish_if_done(Turn& turn, OperationId number) {
  Operation* operation = find(number);
  if (operation == nullptr) return;
  const auto count = [&](State state) {
    return static_cast<std::size_t>(std::count(operation->states.begin(), operation->states.end(), state));
  };
  const bool enough = !operation->writing && count(State::kAnswered) >= kReadReplicas && !operation->peers.empty();
  const bool open = count(State::kAsked) + count(State::kSlow) + count(State::kNew) > 0;
  if (open && !enough) return;
  // A lookup that failed would only fail again.
  const bool once_more = !operation->writing && operation->peers.empty() &&
                         operation->lookup.kind == LookupKind::kRead && operation->lookup.found();
  if (once_more) {
    core_.rpc.drop({static_cast<std::uint8_t>(Purpose::kGetPeers), number});
    lookups_.start(turn, operation->key, LookupKind::kOwner, LookupFor::kGetPeers, number);
    return;
  }
  std::sort(operation->peers.begin(), operation->peers.end());
  operation->peers.erase(std::unique(operation->peers.begin(), operation->peers.end()), operation->peers.end());
  if (operation->writing)
    turn.out.events.push_back(
        Announced{number, std::move(operation->lookup), std::move(operation->replicas), count(State::kAnswered)});
  else
    turn.out.events.push_back(
        PeersRead{number, std::move(operation->lookup), std::move(operation->replicas), std::move(operation->peers)});
  std::erase_if(operations_, [&](const Operation& other) { return other.number == number; });
}

}  // namespace rondo::dht
