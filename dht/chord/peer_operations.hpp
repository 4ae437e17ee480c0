// get_peers and announce: a lookup, then the key's replicas (DESIGN 2 "Records").
//
// Reading: kRead lookup, then R = 3 replicas at once; one that is slow or fails is replaced by the next. Done when 3
// have answered and somebody was found; with no peer among them all are asked, for a newcomer among the replicas may
// hold nothing yet; then the replicas are looked up once more, as kOwner: the first answer may have been stale or
// short. Writing: kOwner lookup, then all 8 replicas; a publisher refreshes at half of limits::kAnnouncementTtl.
// When the node itself is a replica it reads and writes its own store.
#pragma once

#include <vector>

#include "dht/chord/lookup_table.hpp"
#include "dht/chord/ring_core.hpp"
#include "dht/store/peer_store.hpp"

namespace rondo::dht {

class PeerOperations {
 public:
  PeerOperations(RingCore& core, LookupTable& lookups, PeerStore& store)
      : core_(core), lookups_(lookups), store_(store) {}

  void get_peers(Turn& turn, OperationId operation, const RingId& key);
  /// `port`: the TCP port to announce; the address is ours as the replicas see it.
  void announce(Turn& turn, OperationId operation, const RingId& key, std::uint16_t port, bool withdraw);

  void on_lookup(Turn& turn, OperationId operation, const LookupResult& result);
  void on_answer(Turn& turn, const CallAnswered& answer);
  void on_slow(Turn& turn, const CallSlow& slow);
  void on_failure(Turn& turn, const CallFailed& failure);

 private:
  enum class State : std::uint8_t { kNew, kAsked, kSlow, kAnswered, kFailed };
  struct Operation {
    OperationId number = 0;
    RingId key;
    bool writing = false;
    std::uint16_t port = 0;
    bool withdraw = false;
    LookupResult lookup;
    std::vector<ReplicaAnswer> replicas;
    std::vector<State> states;
    std::vector<Endpoint> peers;
  };

  Operation* find(OperationId number);
  void begin(Turn& turn, Operation operation);
  void ask_more(Turn& turn, Operation& operation);
  void ask(Turn& turn, Operation& operation, std::size_t index);
  void ask_self(Turn& turn, Operation& operation, std::size_t index);
  void finish_if_done(Turn& turn, OperationId number);
  [[nodiscard]] std::size_t wanted(const Operation& operation) const;

  RingCore& core_;
  LookupTable& lookups_;
  PeerStore& store_;
  std::vector<Operation> operations_;
};

}  // namespace rondo::dht
