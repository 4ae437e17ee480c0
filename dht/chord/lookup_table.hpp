// The lookups that are running: sends what each asks for, hands it its answers, collects what is done.
#pragma once

#include <vector>

#include "dht/chord/lookup.hpp"
#include "dht/chord/ring_core.hpp"

namespace rondo::dht {

/// Who wanted a lookup.
enum class LookupFor : std::uint8_t { kUser, kJoin, kFinger, kGetPeers, kAnnounce };

struct LookupDone {
  LookupFor whom = LookupFor::kUser;
  /// The asker's own number.
  std::uint32_t reference = 0;
  LookupResult result;
};

class LookupTable {
 public:
  explicit LookupTable(RingCore& core) : core_(core) {}

  /// A member starts from its tables, others from remembered endpoints. One LookupDone follows, maybe at once.
  /// Fingers are in no hurry: their lookups have one request in flight.
  void start(Turn& turn, const RingId& target, LookupKind kind, LookupFor whom, std::uint32_t reference);

  void on_answer(Turn& turn, const CallAnswered& answer);
  void on_slow(Turn& turn, const CallSlow& slow);
  void on_failure(Turn& turn, const CallFailed& failure);
  void on_deadline(Turn& turn);
  [[nodiscard]] Instant next_deadline() const;

  /// What ended since the last call.
  std::vector<LookupDone> take_done();

 private:
  struct Running {
    std::uint32_t number = 0;
    LookupFor whom = LookupFor::kUser;
    std::uint32_t reference = 0;
    Lookup lookup;
  };

  void advance(Turn& turn, Running& running);
  Running* find(std::uint32_t number);

  RingCore& core_;
  std::uint32_t next_number_ = 1;
  std::vector<Running> running_;
  std::vector<LookupDone> done_;
};

}  // namespace rondo::dht
