// A ring in memory: the shipping RingNode machines under a virtual clock, with delay, loss, duplication, reordering and
// crashes. The third driver beside dht/net; tests of protocol rules stand on it. One seed replays one run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "dht/chord/ring_node.hpp"

namespace rondo::test {

/// How datagrams travel. Delays are uniform, so datagrams overtake each other.
struct LinkModel {
  Duration delay_min = std::chrono::milliseconds(5);
  Duration delay_max = std::chrono::milliseconds(40);
  double loss = 0;
  double duplication = 0;
};

class MemoryRing {
 public:
  explicit MemoryRing(std::uint64_t seed, LinkModel link = {}, dht::ChordConfig config = {});

  /// A new node, not started. Its id is random unless given; its endpoint is 10.x.y.z:6881.
  std::size_t add(std::optional<RingId> id = std::nullopt);
  /// Serves alone at once, as a bootstrap node does.
  void start_alone(std::size_t node);
  void join(std::size_t node, std::size_t via);
  /// Fail-stop, silently.
  void crash(std::size_t node);
  void leave(std::size_t node);
  /// A crashed node comes back empty, with the same endpoint and id, and joins.
  void restart(std::size_t node, std::size_t via);
  /// A ring of `count` members, one ordered ring. Asserts that it forms within `limit`.
  void grow(std::size_t count, Duration limit = std::chrono::minutes(10));

  void run_for(Duration duration);
  /// Runs until `condition` holds, checked every 100 ms of virtual time. False when `limit` passes first.
  bool run_until(const std::function<bool()>& condition, Duration limit);

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] dht::RingNode& node(std::size_t index) { return *nodes_[index].machine; }
  [[nodiscard]] bool alive(std::size_t index) const { return nodes_[index].machine != nullptr; }
  [[nodiscard]] Rng& rng() { return rng_; }
  /// Nodes that are alive and members.
  [[nodiscard]] std::vector<std::size_t> members() const;

  /// The truth: the first member at or after the key.
  [[nodiscard]] std::optional<Contact> owner(const RingId& key) const;
  /// Every member's list is what the truth says, and so is its predecessor. `why` names the first difference.
  [[nodiscard]] bool ideal(std::string* why = nullptr) const;
  /// Every member's list[0] and predecessor are right; the rest of the lists may still be on its way.
  [[nodiscard]] bool one_ordered_ring(std::string* why = nullptr) const;
  /// Zave's I1: every member's list holds a live member (or it is alone and complete).
  [[nodiscard]] bool every_list_lives() const;
  /// Zave's principals: members that nobody's list skips. I2 wants at least r + 1 of them.
  [[nodiscard]] std::size_t principals() const;
  /// Would this failure stay inside Zave's assumptions: every list keeps a live entry, r + 1 principals remain?
  [[nodiscard]] bool may_fail(std::size_t node);
  /// Called after every event of the run.
  std::function<void()> after_each;

  dht::LookupResult look_up(std::size_t from, const RingId& key, dht::LookupKind kind);
  dht::Announced announce(std::size_t from, const RingId& key, std::uint16_t port, bool withdraw = false);
  dht::PeersRead get_peers(std::size_t from, const RingId& key);

  /// Bytes of UDP payload + 28 per datagram sent by all nodes, and their number.
  std::uint64_t bytes_sent = 0;
  std::uint64_t datagrams_sent = 0;
  /// May drop or alter what is on its way: return false to drop.
  std::function<bool(const Endpoint& from, const Endpoint& to, const dht::wire::Message&)> filter;
  LinkModel link;

 private:
  struct Node {
    Contact self;
    std::unique_ptr<dht::RingNode> machine;
    Instant armed = kNever;
  };
  struct Arrival {
    Instant at;
    std::uint64_t order = 0;
    std::size_t to = 0;
    Endpoint from;
    std::shared_ptr<const dht::wire::Message> message;  // null: a timer
    friend bool operator>(const Arrival& a, const Arrival& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  };

  std::unique_ptr<dht::RingNode> make_machine(const Contact& self);
  void deliver(std::size_t from, dht::RingOutbox& out);
  void transmit(std::size_t from, const dht::Send& send);
  void arm(std::size_t node);
  void step();
  [[nodiscard]] bool matches_truth(std::size_t depth, std::string* why) const;
  template <class Wanted>
  Wanted wait_for(std::size_t node, dht::OperationId operation);

  dht::ChordConfig config_;
  Rng rng_;
  Rng link_rng_;
  Instant now_{};
  std::uint64_t order_ = 0;
  std::vector<Node> nodes_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  std::vector<std::pair<std::size_t, dht::RingEvent>> events_;
};

}  // namespace rondo::test
