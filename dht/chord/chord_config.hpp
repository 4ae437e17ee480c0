// Every parameter of the ring. Defaults are what ships; the laboratory changes them for experiments.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "dht/base/endpoint.hpp"
#include "dht/base/limits.hpp"
#include "dht/base/time.hpp"
#include "dht/wire/messages/header.hpp"

namespace rondo::dht {

struct ChordConfig {
  /// See network_tag().
  wire::NetworkTag network{};
  Family family = Family::kV4;

  /// Length of the successor list, 1..limits::kSuccessors (ToN'03 theorem IV.5; reference figures at kSuccessors).
  std::size_t successors = limits::kSuccessors;
  /// Fingers at j * 2^(base_bits * i), j in 1..2^base_bits - 1. 1 gives Chord's binary fingers, 4 gives base 16
  /// (186 ms median against 226 ms at 40 B/node/s in INFOCOM'05). 1, 2 or 4: a divisor of 160.
  unsigned base_bits = 1;
  /// Requests of one lookup in flight.
  std::size_t alpha = 3;
  /// Candidates of which a finger takes the nearest by round trip. 1 switches proximity off. At most kStepContacts.
  std::size_t proximity_sample = limits::kStepContacts;

  /// Period of stabilize while the neighbourhood changes, and when it has been quiet for long; jittered by 20 %.
  Duration stabilize_min = std::chrono::seconds(5);
  Duration stabilize_max = std::chrono::seconds(30);
  /// The pause between two steps that follow each other because the first one changed list[0].
  Duration stabilize_again = std::chrono::milliseconds(100);
  /// The least pause between two rounds that nudges bring forward.
  Duration stabilize_nudged = std::chrono::seconds(1);
  /// Period of finger repair, one finger a time, after a change and when quiet.
  Duration finger_min = std::chrono::seconds(15);
  Duration finger_max = std::chrono::minutes(5);
  /// Pause between the fingers of the first round after a join.
  Duration finger_first = std::chrono::milliseconds(250);
  /// Pause between the pings of a dead verdict: kDeadTries of them span more than kDeadSpan.
  Duration verdict_pause = std::chrono::milliseconds(750);
  /// A joiner that fails tries again after this, doubling up to the maximum.
  Duration join_retry_min = std::chrono::seconds(1);
  Duration join_retry_max = std::chrono::seconds(60);
};

/// First 4 bytes of SHA-256(network name). DESIGN 2: "a ring is named".
wire::NetworkTag network_tag(std::string_view network_name);

}  // namespace rondo::dht
