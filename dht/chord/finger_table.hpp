// Fingers: shortcuts across the ring (ToN'03 section IV.D). They are hints: a wrong finger costs hops, never ownership.
//
// Finger k of a node n is a node in [start(k), start(k+1)), the first one there or, with proximity, the one among the
// first few that answers fastest (ToN'03 section VI.D). Starts are n + j * 2^(base_bits * i). Only fingers beyond the
// successor list are stored, so a table has about log2(N / r) entries.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dht/base/contact.hpp"

namespace rondo::dht {

class FingerTable {
 public:
  FingerTable(const RingId& owner, unsigned base_bits);

  [[nodiscard]] unsigned count() const { return levels_ * steps_; }
  /// REQUIRES: index < count(). start(count()) would be the owner again.
  [[nodiscard]] RingId start(unsigned index) const;
  [[nodiscard]] RingId end(unsigned index) const;
  /// The first finger whose interval ends beyond `last`, the last entry of the successor list.
  [[nodiscard]] unsigned first_beyond(const RingId& last) const;

  /// True when something changed.
  bool set(unsigned index, const Contact& contact);
  bool clear(unsigned index);
  bool remove(const Endpoint& endpoint);
  bool remove(const Contact& contact);
  /// Forgets the fingers below `index`: the successor list has grown over them.
  void clear_below(unsigned index);
  [[nodiscard]] std::optional<Contact> get(unsigned index) const;

  struct Finger {
    std::uint16_t index = 0;
    Contact contact;
  };
  /// In the order of their starts.
  [[nodiscard]] const std::vector<Finger>& entries() const { return fingers_; }

 private:
  RingId owner_;
  unsigned bits_;
  unsigned steps_;
  unsigned levels_;
  std::vector<Finger> fingers_;  // sorted by index
};

}  // namespace rondo::dht
