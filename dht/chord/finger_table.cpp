#include "dht/chord/finger_table.hpp"

#include <algorithm>

#include "dht/base/assert.hpp"
#include "dht/chord/interval.hpp"

namespace rondo::dht {

FingerTable::FingerTable(const RingId& owner, unsigned base_bits)
    : owner_(owner), bits_(base_bits), steps_((1u << base_bits) - 1), levels_(RingId::kBits / base_bits) {
  RONDO_ASSERT(base_bits >= 1 && base_bits <= 4 && RingId::kBits % base_bits == 0);
}

RingId FingerTable::start(unsigned index) const {
  RONDO_ASSERT(index < count());
  const RingId unit = power_of_two(index / steps_ * bits_);
  RingId at = owner_;
  for (unsigned j = 0; j <= index % steps_; ++j) at = add(at, unit);
  return at;
}

RingId FingerTable::end(unsigned index) const { return index + 1 == count() ? owner_ : start(index + 1); }

unsigned FingerTable::first_beyond(const RingId& last) const {
  const RingId reach = distance(owner_, last);
  unsigned low = 0;
  unsigned high = count();
  while (low < high) {  // the first index whose end is farther than `last`
    const unsigned middle = (low + high) / 2;
    const bool beyond = middle + 1 == count() || distance(owner_, end(middle)) > reach;
    if (beyond) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

bool FingerTable::set(unsigned index, const Contact& contact) {
  const auto at = std::lower_bound(fingers_.begin(), fingers_.end(), index,
                                   [](const Finger& finger, unsigned i) { return finger.index < i; });
  if (at != fingers_.end() && at->index == index) {
    if (at->contact == contact) return false;
    at->contact = contact;
    return true;
  }
  fingers_.insert(at, {static_cast<std::uint16_t>(index), contact});
  return true;
}

bool FingerTable::clear(unsigned index) {
  return std::erase_if(fingers_, [&](const Finger& finger) { return finger.index == index; }) > 0;
}

bool FingerTable::remove(const Endpoint& endpoint) {
  return std::erase_if(fingers_, [&](const Finger& finger) { return finger.contact.endpoint == endpoint; }) > 0;
}

bool FingerTable::remove(const Contact& contact) {
  return std::erase_if(fingers_, [&](const Finger& finger) { return finger.contact == contact; }) > 0;
}

void FingerTable::clear_below(unsigned index) {
  std::erase_if(fingers_, [&](const Finger& finger) { return finger.index < index; });
}

std::optional<Contact> FingerTable::get(unsigned index) const {
  for (const Finger& finger : fingers_)
    if (finger.index == index) return finger.contact;
  return std::nullopt;
}

}  // namespace rondo::dht
