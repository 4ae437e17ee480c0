// Becoming a member (Zave's Join; DESIGN 2 "Ids" and "Who is in the ring").
//
// 1. Greet: ping entry points until members answer; they report our endpoint as they see it. On a public address our
//    place must be one of its 8 ids, tried in random order; on a private one it is the id kept on disk.
//    An observed public endpoint that is not one of our interfaces means a NAT: we stay a client and try again later.
// 2. Look up the owner of our own id. A live owner with that very id elsewhere: the next id, or (8 taken) stay a
// client.
// 3. Ask the member m that precedes us for its list, in one exchange; if we still fall between m and its list[0], the
//    list is copied whole, predecessor := m, and we are a member; else look up again.
// Failures are retried for ever with back-off. Until step 3 we answer `ping` only: a ring that still lists us from an
// earlier life finds out that way.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "dht/chord/lookup_table.hpp"
#include "dht/chord/ring_core.hpp"

namespace rondo::dht {

class Joiner {
 public:
  Joiner(RingCore& core, LookupTable& lookups) : core_(core), lookups_(lookups) {}

  /// `private_id`: our id on private addresses. `local`: our interface addresses with the bound port.
  void start(Turn& turn, const RingId& private_id, std::vector<Endpoint> local);
  void stop();

  void on_answer(Turn& turn, const CallAnswered& answer);
  void on_failure(Turn& turn, const CallFailed& failure);
  void on_lookup(Turn& turn, const LookupResult& result);
  void on_deadline(Turn& turn);
  [[nodiscard]] Instant next_deadline() const { return next_try_; }

  [[nodiscard]] bool running() const { return phase_ != Phase::kIdle; }
  /// Has a member of the ring answered since the last call?
  bool take_ring_seen() { return std::exchange(ring_seen_, false); }
  /// True once, after step 3.
  bool take_joined();

 private:
  enum class Phase : std::uint8_t { kIdle, kGreeting, kLooking, kCopying, kWaiting };

  void greet(Turn& turn);
  void choose_place(Turn& turn, const Endpoint& observed);
  void look(Turn& turn);
  void copied(Turn& turn, const CallAnswered& answer);
  void next_id(Turn& turn);
  void wait(Turn& turn, Duration pause, std::string reason, Role as);
  void retry(Turn& turn, std::string reason);

  RingCore& core_;
  LookupTable& lookups_;
  Phase phase_ = Phase::kIdle;
  RingId private_id_;
  std::vector<Endpoint> local_;
  std::vector<RingId> ids_;  // left to try, the last one first
  std::size_t greeted_ = 0;  // pings out
  unsigned looks_ = 0;       // lookups since the last wait
  std::uint32_t attempt_ = 0;
  Duration pause_{};
  Instant next_try_ = kNever;
  std::optional<Contact> asked_;
  bool ring_seen_ = false;
  bool joined_ = false;
  std::string said_;  // the last reason, so that one is told once
};

}  // namespace rondo::dht
