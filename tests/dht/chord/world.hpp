// A ring in its ideal state as an oracle: who owns what, and any member's true tables.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dht/base/rng.hpp"
#include "dht/chord/finger_table.hpp"
#include "dht/chord/zave_ring.hpp"

namespace rondo::dht::test {

/// Members at random places, sorted by id.
class World {
 public:
  World(Rng& rng, std::size_t size, std::size_t r) : r_(r), ring_(size) {
    for (std::size_t i = 0; i < size; ++i)
      ring_[i] = {RingId{rng.bytes<20>()},
                  Endpoint::v4(10, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 6881)};
    std::sort(ring_.begin(), ring_.end());
  }

  [[nodiscard]] std::size_t size() const { return ring_.size(); }
  [[nodiscard]] const Contact& at(std::size_t index) const { return ring_[index % ring_.size()]; }
  /// The first member at or after the target.
  [[nodiscard]] std::size_t owner(const RingId& target) const {
    std::size_t best = 0;
    for (std::size_t i = 1; i < ring_.size(); ++i)
      if (distance(target, ring_[i].id) < distance(target, ring_[best].id)) best = i;
    return best;
  }

  [[nodiscard]] ZaveRing tables_of(std::size_t index) const {
    ZaveRing ring(at(index), r_);
    if (size() == 1) return ring;
    ToldList before;  // what the predecessor told when this member came as the last one
    for (std::size_t k = 1; k + 1 < size() && k <= r_; ++k) before.entries.push_back(at(index + k));
    before.complete = size() - 2 <= r_;
    EXPECT_TRUE(ring.join(at(index + size() - 1), before));
    return ring;
  }
  /// The true fingers beyond the list.
  [[nodiscard]] FingerTable fingers_of(std::size_t index, const ZaveRing& ring) const {
    FingerTable fingers(at(index).id, 1);
    if (ring.successors().complete()) return fingers;
    for (unsigned k = fingers.first_beyond(ring.successors().entries().back().id); k < fingers.count(); ++k) {
      const Contact& first = at(owner(fingers.start(k)));
      if (distance(fingers.start(k), first.id) < distance(fingers.start(k), fingers.end(k))) fingers.set(k, first);
    }
    return fingers;
  }

 private:
  std::size_t r_;
  std::vector<Contact> ring_;
};

}  // namespace rondo::dht::test
