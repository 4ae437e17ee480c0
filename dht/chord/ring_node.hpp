// A node of the ring: the whole protocol behind one door. Two drivers run it, dht/net on sockets and the in-memory one
// of the tests; neither knows what is inside.
//
// Driver's contract. One thread. After every call: send out.sends, publish out.events, then arm a timer for
// next_deadline() and call on_deadline() when it is reached (late is allowed, early is harmless). Time never goes back.
// Input is untrusted: on_message may be given any decoded message.
//
// Dispatch: queries of another network are dropped silently. A node that is no member answers `ping`, marked `ro`, and
// refuses all else as "not a member". An asker whose token is good may get up to limits::kDatagram bytes; any other at
// most as many as it sent (amplification <= 1.0): contacts are cut to fit, or nothing is sent.
#pragma once

#include <optional>
#include <vector>

#include "dht/chord/finger_fixer.hpp"
#include "dht/chord/joiner.hpp"
#include "dht/chord/lookup_table.hpp"
#include "dht/chord/peer_operations.hpp"
#include "dht/chord/ring_core.hpp"
#include "dht/chord/stabilizer.hpp"
#include "dht/rpc/token_issuer.hpp"
#include "dht/store/peer_store.hpp"

namespace rondo::dht {

struct JoinOptions {
  /// Addresses of our interfaces with the bound port: an observed public endpoint must be one of them.
  std::vector<Endpoint> local;
  /// A bootstrap node serves alone when the known nodes have not answered for this long (at once when none is known).
  std::optional<Duration> alone_after;
};

class RingNode {
 public:
  /// Starts as a client. `self.id` is the id that it will have on private addresses; `self.endpoint` the bound
  /// endpoint, with a best guess for the address when bound to all. `rng` must outlive the node.
  RingNode(const ChordConfig& config, const Contact& self, Rng& rng, Instant now);

  RingNode(const RingNode&) = delete;
  RingNode& operator=(const RingNode&) = delete;

  /// `wire_size`: bytes of the datagram (in a simulator: encoded_size()).
  void on_message(Instant now, const Endpoint& from, const wire::Message& message, std::size_t wire_size,
                  RingOutbox& out);
  void on_deadline(Instant now, RingOutbox& out);
  [[nodiscard]] Instant next_deadline() const;

  /// Entry points and contacts of an earlier run. At most limits::kRememberedContacts are kept, the latest.
  void add_contact(const Endpoint& endpoint) { core_.remember(endpoint); }
  /// Becomes a member as soon as it can, for ever. Events: RoleChanged.
  void join(Instant now, JoinOptions options, RingOutbox& out);
  /// Leaves the ring; neighbours are told. The driver goes on for a moment so that they can ask. The node answers
  /// `ping` from then on.
  void leave(Instant now, RingOutbox& out);

  /// Each is answered by one event that carries the returned number.
  OperationId look_up(Instant now, const RingId& target, LookupKind kind, RingOutbox& out);
  OperationId get_peers(Instant now, const RingId& key, RingOutbox& out);
  OperationId announce(Instant now, const RingId& key, std::uint16_t port, bool withdraw, RingOutbox& out);

  [[nodiscard]] Role role() const { return core_.role; }
  [[nodiscard]] const Contact& self() const { return core_.ring.self(); }
  [[nodiscard]] const ZaveRing& ring() const { return core_.ring; }
  [[nodiscard]] const FingerTable& fingers() const { return core_.fingers; }
  [[nodiscard]] const EndpointTable& endpoints() const { return core_.rpc.endpoints(); }
  [[nodiscard]] const std::vector<Endpoint>& remembered() const { return core_.remembered; }
  [[nodiscard]] const PeerStore& store() const { return store_; }
  void check_invariants() const;

 private:
  void on_query(Turn& turn, const Endpoint& from, const wire::Query& query, std::size_t wire_size);
  std::optional<wire::ReplyBody> handle(Turn& turn, const Contact& asker, const wire::Query& query, bool proven);
  wire::ReplyBody on_find_successor(const wire::FindSuccessor& body);
  wire::ReplyBody on_neighbors(const wire::Neighbors& body);
  std::optional<wire::ReplyBody> on_announce(Turn& turn, const Contact& asker, const wire::AnnouncePeer& body);
  void refuse(Turn& turn, const Endpoint& to, const wire::Query& query, wire::ErrorCode code, std::size_t budget);

  void settle(Turn& turn);
  void dispatch(Turn& turn, const CallEvent& event);
  void on_answered(Turn& turn, const CallAnswered& answer);
  void on_failed(Turn& turn, const CallFailed& failure);
  void on_lookup_done(Turn& turn, LookupDone& done);
  void serve_alone(Turn& turn, std::string reason);
  void become_member(Turn& turn, std::string reason);
  void begin_join(Turn& turn);
  RingId id_for(const Endpoint& endpoint);
  void yield_id(Turn& turn);

  RingCore core_;
  TokenIssuer tokens_;
  PeerStore store_;
  LookupTable lookups_;
  Stabilizer stabilizer_;
  FingerFixer fingers_;
  Joiner joiner_;
  PeerOperations operations_;
  RingId private_id_;
  JoinOptions join_options_;
  bool wants_membership_ = false;
  Instant alone_at_ = kNever;
  OperationId next_operation_ = 1;
};

}  // namespace rondo::dht
