#include "dht/rpc/rpc_client.hpp"

#include <algorithm>
#include <utility>

#include "dht/base/limits.hpp"

namespace rondo::dht {
namespace {

/// Silent endpoints that make us suspect ourselves.
constexpr std::size_t kOutageSuspects = 3;

/// The id on the wire of try `number` (0 for the first).
wire::TransactionId of_try(wire::TransactionId base, std::size_t number) {
  base.back() = static_cast<std::uint8_t>(base.back() ^ number);
  return base;
}

}  // namespace

RpcClient::RpcClient(wire::NetworkTag network, Family family, Rng& rng)
    : network_(network), family_(family), rng_(&rng) {}

void RpcClient::set_sender(const RingId& id, bool read_only) {
  sender_ = id;
  read_only_ = read_only;
}

void RpcClient::call(Instant now, const Callee& to, wire::QueryBody body, CallTag tag, Outbox& out,
                     std::vector<CallEvent>& events, int tries, bool prove) {
  if (calls_.size() >= limits::kTransactions || to.endpoint.family != family_) {
    events.push_back(CallFailed{tag, to.endpoint, CallFailure::kOverloaded, to.id});
    return;
  }
  Call call;
  call.to = to.endpoint;
  call.id = to.id;
  call.body = std::move(body);
  call.tag = tag;
  call.tries_left = static_cast<std::uint8_t>(tries);
  call.prove = prove || wire::needs_token(wire::method_of(call.body));
  const bool token_missing = call.prove && !endpoints_.token(to.endpoint, now);
  calls_.push_back(std::move(call));
  restart(now, calls_.back(), token_missing, out);
}

void RpcClient::restart(Instant now, Call& call, bool fetching_token, Outbox& out) {
  call.transaction = rng_->bytes<8>();
  call.earlier.clear();
  call.tries_left = static_cast<std::uint8_t>(call.tries_left + call.tries_made);
  call.tries_made = 0;
  call.fetching_token = fetching_token;
  transmit(now, call, out);
}

void RpcClient::transmit(Instant now, Call& call, Outbox& out) {
  wire::Query query;
  query.header = {of_try(call.transaction, call.tries_made), network_, read_only_};
  query.sender = sender_;
  query.body = call.fetching_token ? wire::QueryBody(wire::Ping{}) : call.body;
  query.token = endpoints_.token(call.to, now);
  if (!query.token) wire::pad_to(query, wire::largest_reply(wire::method_of(query.body), family_), family_);
  if (call.tries_made > 0) call.earlier.push_back(call.sent_at);
  call.sent_at = now;
  call.deadline = now + endpoints_.timeout(call.to, call.tries_made);
  ++call.tries_made;
  --call.tries_left;
  endpoints_.on_sent(call.to, now);
  out.sends.push_back({call.to, std::move(query)});
}

void RpcClient::drop(CallTag tag) {
  std::erase_if(calls_, [&](const Call& call) { return call.tag == tag; });
  rest();
}

/// An idle node is a small node: most of the time nothing is in flight.
void RpcClient::rest() {
  if (calls_.empty()) calls_.shrink_to_fit();
}

void RpcClient::finish(std::vector<Call>::iterator call) {
  calls_.erase(call);
  rest();
}

std::vector<RpcClient::Call>::iterator RpcClient::match(const Endpoint& from, const wire::TransactionId& id,
                                                        Instant& sent_at) {
  return std::find_if(calls_.begin(), calls_.end(), [&](const Call& call) {
    if (call.to != from) return false;
    for (std::size_t number = 0; number < call.tries_made; ++number) {
      if (of_try(call.transaction, number) != id) continue;
      sent_at = number < call.earlier.size() ? call.earlier[number] : call.sent_at;
      return true;
    }
    return false;
  });
}

void RpcClient::on_reply(Instant now, const Endpoint& from, const wire::Reply& reply, Outbox& out,
                         std::vector<CallEvent>& events) {
  Instant sent_at;
  const auto at = match(from, reply.header.transaction, sent_at);
  if (at == calls_.end()) return;
  const wire::Method expected = at->fetching_token ? wire::Method::kPing : wire::method_of(at->body);
  if (wire::method_of(reply.body) != expected) return;
  heard(now, from);
  endpoints_.on_heard(from, now, now - sent_at, reply.token);
  if (at->id && *at->id != reply.sender) {
    events.push_back(CallFailed{at->tag, from, CallFailure::kOtherNode, at->id});
    finish(at);
    return;
  }
  if (at->fetching_token) {
    restart(now, *at, false, out);
    return;
  }
  events.push_back(CallAnswered{at->tag, Contact{reply.sender, from}, reply.header.read_only, reply.observed,
                                reply.body, now - sent_at});
  finish(at);
}

void RpcClient::on_error(Instant now, const Endpoint& from, const wire::Error& error, Outbox& out,
                         std::vector<CallEvent>& events) {
  Instant sent_at;
  const auto at = match(from, error.header.transaction, sent_at);
  if (at == calls_.end()) return;
  heard(now, from);
  endpoints_.on_sign_of_life(from);
  const auto code = static_cast<wire::ErrorCode>(error.code);
  if (code == wire::ErrorCode::kBadToken && !at->token_refused) {
    endpoints_.forget_token(from);
    at->token_refused = true;
    restart(now, *at, at->prove, out);
    return;
  }
  const bool not_a_member = code == wire::ErrorCode::kNotAMember;
  events.push_back(CallFailed{at->tag, from, not_a_member ? CallFailure::kNotAMember : CallFailure::kRefused, at->id});
  finish(at);
}

void RpcClient::expire(Instant now, Call& call, Outbox& out, std::vector<CallEvent>& events) {
  endpoints_.on_unanswered(call.to, call.sent_at);
  events.push_back(TryUnanswered{call.to});
  if (!call.told_slow) {
    call.told_slow = true;
    events.push_back(CallSlow{call.tag, call.to});
  }
  if (call.tries_left > 0) {
    transmit(now, call, out);
    return;
  }
  events.push_back(CallFailed{call.tag, call.to, CallFailure::kTimedOut, call.id});
  call.deadline = kNever;
}

void RpcClient::on_deadline(Instant now, Outbox& out, std::vector<CallEvent>& events) {
  for (Call& call : calls_)
    if (call.deadline <= now) expire(now, call, out, events);
  std::erase_if(calls_, [](const Call& call) { return call.deadline == kNever; });
  rest();
}

Instant RpcClient::next_deadline() const {
  Instant next = kNever;
  for (const Call& call : calls_) next = std::min(next, call.deadline);
  return next;
}

void RpcClient::heard(Instant now, const Endpoint& from) {
  last_heard_ = now;
  last_heard_from_ = from;
}

void RpcClient::on_proven_query(Instant now, const Endpoint& from) {
  heard(now, from);
  endpoints_.on_sign_of_life(from);
}

bool RpcClient::own_outage_suspected() const { return endpoints_.silent_since(last_heard_) >= kOutageSuspects; }

}  // namespace rondo::dht
