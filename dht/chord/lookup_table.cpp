#include "dht/chord/lookup_table.hpp"

#include <algorithm>
#include <utility>

#include "dht/chord/member_id.hpp"
#include "dht/chord/routing.hpp"

namespace rondo::dht {
namespace {

/// Remembered endpoints that a lookup from outside starts with; the freshest.
constexpr std::size_t kEntryPoints = 8;

bool is_check(const CallTag& tag) { return static_cast<Purpose>(tag.purpose) == Purpose::kLookupCheck; }

}  // namespace

void LookupTable::start(Turn& turn, const RingId& target, LookupKind kind, LookupFor whom, std::uint32_t reference) {
  if (running_.size() >= limits::kLookups) {
    LookupResult result;
    result.target = target;
    result.kind = kind;
    result.failure = LookupFailure::kOverloaded;
    done_.push_back({whom, reference, std::move(result)});
    return;
  }
  const std::size_t alpha = whom == LookupFor::kFinger ? 1 : core_.config.alpha;
  Lookup lookup(core_.ring.self(), target, kind, alpha, turn.now);
  if (core_.role == Role::kMember) {
    const auto& endpoints = core_.rpc.endpoints();
    auto known = route(core_.ring, core_.fingers, endpoints, target, limits::kStepContacts);
    if (known.covers) known = route(core_.ring, core_.fingers, endpoints, target, limits::kSuccessors);
    lookup.seed(known, preceding(core_.ring, core_.fingers, endpoints, target, limits::kLookupCandidates));
  } else {
    for (std::size_t i = 0; i < std::min(kEntryPoints, core_.remembered.size()); ++i)
      lookup.seed(core_.remembered[core_.remembered.size() - 1 - i]);
  }
  running_.push_back({next_number_++, whom, reference, std::move(lookup)});
  advance(turn, running_.back());
}

LookupTable::Running* LookupTable::find(std::uint32_t number) {
  const auto at =
      std::find_if(running_.begin(), running_.end(), [&](const Running& running) { return running.number == number; });
  return at == running_.end() ? nullptr : &*at;
}

void LookupTable::advance(Turn& turn, Running& running) {
  for (const Lookup::Request& request : running.lookup.next_requests()) {
    if (request.check)
      core_.call(turn, request.to, wire::Ping{}, Purpose::kLookupCheck, running.number);
    else
      core_.call(turn, request.to, wire::FindSuccessor{request.target}, Purpose::kLookupStep, running.number);
  }
  if (!running.lookup.finished()) return;
  const std::uint32_t number = running.number;
  done_.push_back({running.whom, running.reference, running.lookup.result(turn.now)});
  core_.rpc.drop({static_cast<std::uint8_t>(Purpose::kLookupStep), number});
  core_.rpc.drop({static_cast<std::uint8_t>(Purpose::kLookupCheck), number});
  std::erase_if(running_, [&](const Running& other) { return other.number == number; });
  if (running_.empty()) running_.shrink_to_fit();  // an idle node is a small node
}

void LookupTable::on_answer(Turn& turn, const CallAnswered& answer) {
  Running* running = find(answer.tag.id);
  if (running == nullptr) return;
  if (is_check(answer.tag)) {
    running->lookup.on_check(answer.from, answer.read_only, answer.round_trip);
  } else {
    wire::FindSuccessorReply reply = std::get<wire::FindSuccessorReply>(answer.body);
    // An entry point known by address may show any id; with a false one just before the target its claim would be best.
    if (reply.covers && !credible(core_.ring.self(), answer.from)) reply = {};
    reply.contacts = core_.accept(reply.contacts, answer.from);
    const bool named = reply.previous.has_value();
    reply.previous = core_.accept(reply.previous);
    // A previous contact that may not stand in our tables still means that the claim is second-hand.
    if (named && !reply.previous && !reply.contacts.empty()) reply.previous = answer.from;
    running->lookup.on_step(answer.from, reply, answer.round_trip);
  }
  advance(turn, *running);
}

void LookupTable::on_slow(Turn& turn, const CallSlow& slow) {
  Running* running = find(slow.tag.id);
  if (running == nullptr) return;
  running->lookup.on_slow(slow.to, is_check(slow.tag));
  advance(turn, *running);
}

void LookupTable::on_failure(Turn& turn, const CallFailed& failure) {
  Running* running = find(failure.tag.id);
  if (running == nullptr) return;
  running->lookup.on_failure(failure.to, is_check(failure.tag), failure.failure);
  advance(turn, *running);
}

void LookupTable::on_deadline(Turn& turn) {
  for (std::size_t i = running_.size(); i-- > 0;) {
    const Running& running = running_[i];
    if (running.lookup.deadline() > turn.now) continue;
    done_.push_back({running.whom, running.reference, running.lookup.result(turn.now)});
    core_.rpc.drop({static_cast<std::uint8_t>(Purpose::kLookupStep), running.number});
    core_.rpc.drop({static_cast<std::uint8_t>(Purpose::kLookupCheck), running.number});
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (running_.empty()) running_.shrink_to_fit();  // an idle node is a small node
}

Instant LookupTable::next_deadline() const {
  Instant next = kNever;
  for (const Running& running : running_) next = std::min(next, running.lookup.deadline());
  return next;
}

std::vector<LookupDone> LookupTable::take_done() { return std::exchange(done_, {}); }

}  // namespace rondo::dht
