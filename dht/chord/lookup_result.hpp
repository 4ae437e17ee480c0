// What a lookup answers, and what it did: the values that travel from the ring to its users.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dht/base/contact.hpp"
#include "dht/base/time.hpp"

namespace rondo::dht {

enum class LookupKind : std::uint8_t {
  /// Ends at the first answer whose successor list covers the key: low latency, replicas good enough to read from.
  kRead,
  /// Goes on until the owner's predecessor has named the owner first-hand and the owner has answered: for writes,
  /// joins.
  kOwner,
};

enum class LookupFailure : std::uint8_t {
  kNone,
  kNoContacts,  // we know nobody to ask
  kNoAnswer,    // nobody whom we know answered as a member
  kNoOwner,     // the ring answered, but no claimed owner did
  kTimedOut,    // limits::kLookupTime passed
  kOverloaded,  // limits::kLookups are running
};

/// A sentence's tail for people: "nobody that we know answered".
std::string_view describe(LookupFailure failure);

enum class StepOutcome : std::uint8_t { kWaiting, kAnswered, kUnanswered, kRefused };

/// One request of a lookup.
struct LookupStep {
  Endpoint endpoint;
  std::optional<RingId> id;
  /// Length of the chain of requests that led here, this one included.
  unsigned hop = 0;
  StepOutcome outcome = StepOutcome::kWaiting;
  /// True for the liveness check of a claimed owner, false for a routing step.
  bool check = false;
  /// When kAnswered.
  Duration round_trip{};
};

struct LookupResult {
  RingId target;
  LookupKind kind = LookupKind::kRead;
  LookupFailure failure = LookupFailure::kNone;
  /// The first live successor of the target (kOwner), or the claimed one (kRead).
  std::optional<Contact> owner;
  /// The contacts from the target on, at most limits::kReplicas, the owner first, endpoints distinct.
  std::vector<Contact> replicas;
  /// kOwner: the member that named the owner as its list[0]; none when only others would speak.
  std::optional<Contact> predecessor;
  /// Longest chain of sequential requests; 0 when our own list covers the key (and, for kOwner, when it is us alone).
  unsigned hops = 0;
  /// Requests whose first try had no answer in time.
  unsigned timeouts = 0;
  std::vector<LookupStep> steps;
  Duration elapsed{};

  [[nodiscard]] bool found() const { return failure == LookupFailure::kNone; }
};

}  // namespace rondo::dht
