// Keeps the fingers (ToN'03 fix_fingers): one at a time, seldom when nothing changes.
//
// Fingers are hints, so their upkeep is the slowest work of a node: after a join one round with short pauses, then one
// finger per period, which grows from finger_min to finger_max while nothing changes (INFOCOM'05: stabilising fingers
// often is wasteful). A finger found dead by any call is dropped at once, locally; its turn comes as before.
// Of the first few nodes in a finger's interval the nearest by round trip is taken (ToN'03 section VI.D).
#pragma once

#include <optional>
#include <vector>

#include "dht/chord/lookup_table.hpp"
#include "dht/chord/ring_core.hpp"

namespace rondo::dht {

class FingerFixer {
 public:
  FingerFixer(RingCore& core, LookupTable& lookups) : core_(core), lookups_(lookups) {}

  void start(Turn& turn);
  void stop() { next_ = kNever; }

  void on_lookup(Turn& turn, std::uint32_t finger, const LookupResult& result);
  void on_ping(Turn& turn, const Endpoint& endpoint, bool answered);
  /// A call to anybody failed for good: if it was to a finger, the finger goes.
  void on_failure(Turn& turn, const CallFailed& failure);
  void on_deadline(Turn& turn);
  [[nodiscard]] Instant next_deadline() const { return next_; }

 private:
  void choose(Turn& turn);
  void schedule(Turn& turn, bool changed);

  RingCore& core_;
  LookupTable& lookups_;
  Instant next_ = kNever;
  Duration period_{};
  unsigned cursor_ = 0;
  bool first_round_ = false;
  bool busy_ = false;
  // The finger being chosen: candidates in its interval, and pings out to those of unknown round trip.
  unsigned index_ = 0;
  std::vector<Contact> candidates_;
  std::vector<Endpoint> waiting_;
};

}  // namespace rondo::dht
