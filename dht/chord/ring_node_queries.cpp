// The answering side of RingNode.
#include <algorithm>
#include <utility>

#include "dht/chord/interval.hpp"
#include "dht/chord/member_id.hpp"
#include "dht/chord/ring_node.hpp"
#include "dht/chord/routing.hpp"

namespace rondo::dht {
namespace {

/// Takes something optional out of an answer that is too long. False when there is nothing left to take.
bool shorten(wire::ReplyBody& body) {
  if (auto* found = std::get_if<wire::FindSuccessorReply>(&body); found != nullptr && found->contacts.size() > 1) {
    found->contacts.pop_back();
    return true;
  }
  if (auto* read = std::get_if<wire::GetPeersReply>(&body); read != nullptr && !read->peers.empty()) {
    read->peers.pop_back();  // they stand in random order
    return true;
  }
  if (auto* told = std::get_if<wire::NeighborsReply>(&body); told != nullptr && !told->successors.empty()) {
    told->successors.pop_back();
    told->complete = false;
    return true;
  }
  return false;
}

}  // namespace

void RingNode::on_query(Turn& turn, const Endpoint& from, const wire::Query& query, std::size_t wire_size) {
  const bool proven = query.token && tokens_.valid(from, *query.token, turn.now);
  const std::size_t budget = proven ? limits::kDatagram : std::min(wire_size, limits::kDatagram);
  if (proven) core_.rpc.on_proven_query(turn.now, from);
  // Only on proof: a forged address must not make us ping its owner (the answer and the ping exceed the query).
  if (proven && query.header.read_only && core_.role == Role::kMember) stabilizer_.on_client_at(turn, from);
  const Contact asker{query.sender, from};
  const Contact& self = core_.ring.self();
  const bool twin = proven && core_.role == Role::kMember && !query.header.read_only && asker.id == self.id;
  if (twin && from < self.endpoint && credible(self, asker))  // if it answers under our id, the id is its own
    core_.call(turn, asker, wire::Ping{}, Purpose::kTwin, 0, 1);
  const wire::Method method = wire::method_of(query.body);
  if (query.token && !proven) {  // it was not padded for an answer; and after our restart all tokens are stale
    refuse(turn, from, query, wire::ErrorCode::kBadToken, budget);
    return;
  }
  if (core_.role != Role::kMember && method != wire::Method::kPing) {
    refuse(turn, from, query, wire::ErrorCode::kNotAMember, budget);
    return;
  }
  if (wire::needs_token(method) && !proven) {
    refuse(turn, from, query, wire::ErrorCode::kBadToken, budget);
    return;
  }
  auto body = handle(turn, asker, query, proven);
  if (!body) {
    refuse(turn, from, query, wire::ErrorCode::kRefused, budget);
    return;
  }
  wire::Reply reply;
  reply.header = {query.header.transaction, core_.config.network, core_.role != Role::kMember};
  reply.sender = core_.ring.self().id;
  reply.token = tokens_.issue(from, turn.now);
  reply.observed = from;
  reply.body = std::move(*body);
  while (wire::encoded_size(reply, core_.config.family) > budget)
    if (!shorten(reply.body)) return;
  turn.out.sends.push_back({from, std::move(reply)});
}

void RingNode::refuse(Turn& turn, const Endpoint& to, const wire::Query& query, wire::ErrorCode code,
                      std::size_t budget) {
  wire::Error error;
  error.header = {query.header.transaction, core_.config.network, core_.role != Role::kMember};
  error.code = static_cast<std::uint16_t>(code);
  if (code == wire::ErrorCode::kNotAMember) error.text = "not a member";
  if (code == wire::ErrorCode::kBadToken) error.text = "bad token";
  if (code == wire::ErrorCode::kRefused) error.text = "full";
  if (wire::encoded_size(error, core_.config.family) <= budget) turn.out.sends.push_back({to, std::move(error)});
}

std::optional<wire::ReplyBody> RingNode::handle(Turn& turn, const Contact& asker, const wire::Query& query,
                                                bool proven) {
  switch (wire::method_of(query.body)) {
    case wire::Method::kPing:
      if (proven) stabilizer_.on_ping(turn, asker.endpoint);
      return wire::PingReply{};
    case wire::Method::kFindSuccessor: return on_find_successor(std::get<wire::FindSuccessor>(query.body));
    case wire::Method::kNeighbors: return on_neighbors(std::get<wire::Neighbors>(query.body));
    case wire::Method::kNotify:
      if (!query.header.read_only) stabilizer_.on_notify(turn, asker);
      return wire::NotifyReply{};
    case wire::Method::kGetPeers: {
      const RingId& key = std::get<wire::GetPeers>(query.body).key;
      return wire::GetPeersReply{store_.peers(turn.now, key, limits::kAnswerPeers, core_.rng)};
    }
    case wire::Method::kAnnouncePeer: return on_announce(turn, asker, std::get<wire::AnnouncePeer>(query.body));
  }
  return std::nullopt;
}

wire::ReplyBody RingNode::on_find_successor(const wire::FindSuccessor& body) {
  return route(core_.ring, core_.fingers, core_.rpc.endpoints(), body.target, limits::kStepContacts);
}

wire::ReplyBody RingNode::on_neighbors(const wire::Neighbors& body) {
  const SuccessorList& list = core_.ring.successors();
  wire::NeighborsReply reply;
  reply.predecessor = stabilizer_.living_predecessor();
  reply.unchanged = body.known_list != 0 && body.known_list == wire::list_hash(list.entries(), list.complete());
  if (!reply.unchanged) {
    reply.complete = list.complete();
    reply.successors = list.entries();
  }
  return reply;
}

std::optional<wire::ReplyBody> RingNode::on_announce(Turn& turn, const Contact& asker, const wire::AnnouncePeer& body) {
  Endpoint peer = asker.endpoint;
  peer.port = body.port;
  if (body.withdraw) {
    store_.withdraw(body.key, peer);
  } else if (!store_.announce(turn.now, body.key, peer)) {
    return std::nullopt;
  }
  return wire::AnnouncePeerReply{};
}

}  // namespace rondo::dht
