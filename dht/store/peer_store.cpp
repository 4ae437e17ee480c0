#include "dht/store/peer_store.hpp"

#include <algorithm>

#include "dht/base/assert.hpp"

namespace rondo::dht {
namespace {

constexpr auto kByExpiry = [](const auto& a, const auto& b) { return a.expires < b.expires; };

}  // namespace

PeerStore::Bytes16 PeerStore::quota_key(const Endpoint& peer) {
  Bytes16 key{};
  const std::size_t prefix = peer.family == Family::kV4 ? 4 : 8;
  std::copy_n(peer.address.begin(), prefix, key.begin());
  key.back() = static_cast<std::uint8_t>(peer.family);
  return key;
}

void PeerStore::count_up(const Endpoint& peer) {
  ++count_;
  ++per_address_[quota_key(peer)];
}

void PeerStore::count_down(const Endpoint& peer) {
  --count_;
  const auto at = per_address_.find(quota_key(peer));
  RONDO_ASSERT(at != per_address_.end() && at->second > 0);
  if (--at->second == 0) per_address_.erase(at);
}

bool PeerStore::announce(Instant now, const RingId& key, const Endpoint& peer) {
  const Instant expires = now + bounds_.ttl;
  const auto known = keys_.find(key);
  if (known != keys_.end()) {
    const auto at = std::find_if(known->second.begin(), known->second.end(),
                                 [&](const Announcement& announcement) { return announcement.peer == peer; });
    if (at != known->second.end()) {
      at->expires = expires;
      return true;
    }
  }
  const auto used = per_address_.find(quota_key(peer));
  if (!is_loopback(peer) && used != per_address_.end() && used->second >= bounds_.per_address) return false;
  if (known == keys_.end() && keys_.size() >= bounds_.keys) evict_first_expiring_key();
  auto& announcements = keys_[key];
  if (announcements.size() >= bounds_.peers_per_key) {
    const auto oldest = std::min_element(announcements.begin(), announcements.end(), kByExpiry);
    count_down(oldest->peer);
    announcements.erase(oldest);
  }
  announcements.push_back({peer, expires});
  count_up(peer);
  return true;
}

void PeerStore::evict_first_expiring_key() {
  const auto last_breath = [](const auto& entry) {
    return std::max_element(entry.second.begin(), entry.second.end(), kByExpiry)->expires;
  };
  const auto victim = std::min_element(keys_.begin(), keys_.end(),
                                       [&](const auto& a, const auto& b) { return last_breath(a) < last_breath(b); });
  if (victim == keys_.end()) return;
  for (const Announcement& announcement : victim->second) count_down(announcement.peer);
  keys_.erase(victim);
}

void PeerStore::withdraw(const RingId& key, const Endpoint& peer) { erase(key, peer); }

void PeerStore::erase(const RingId& key, const Endpoint& peer) {
  const auto known = keys_.find(key);
  if (known == keys_.end()) return;
  const auto erased =
      std::erase_if(known->second, [&](const Announcement& announcement) { return announcement.peer == peer; });
  if (erased > 0) count_down(peer);
  if (known->second.empty()) keys_.erase(known);
}

std::vector<Endpoint> PeerStore::peers(Instant now, const RingId& key, std::size_t limit, Rng& rng) const {
  std::vector<Endpoint> found;
  const auto known = keys_.find(key);
  if (known == keys_.end()) return found;
  for (const Announcement& announcement : known->second)
    if (announcement.expires > now) found.push_back(announcement.peer);
  rng.shuffle(found);
  if (found.size() > limit) found.resize(limit);
  return found;
}

void PeerStore::on_deadline(Instant now) {
  for (auto entry = keys_.begin(); entry != keys_.end();) {
    std::erase_if(entry->second, [&](const Announcement& announcement) {
      if (announcement.expires > now) return false;
      count_down(announcement.peer);
      return true;
    });
    entry = entry->second.empty() ? keys_.erase(entry) : std::next(entry);
  }
}

Instant PeerStore::next_deadline() const {
  Instant next = kNever;
  for (const auto& [key, announcements] : keys_)
    next = std::min(next, std::min_element(announcements.begin(), announcements.end(), kByExpiry)->expires);
  return next;
}

void PeerStore::check_invariants() const {
  std::size_t total = 0;
  for (const auto& [key, announcements] : keys_) {
    RONDO_ASSERT(!announcements.empty() && announcements.size() <= bounds_.peers_per_key);
    total += announcements.size();
  }
  RONDO_ASSERT(total == count_ && keys_.size() <= bounds_.keys);
}

}  // namespace rondo::dht
