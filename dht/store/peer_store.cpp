#include "dht/store/peer_store.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "dht/base/assert.hpp"

namespace rondo::dht {
namespace {

constexpr auto kByExpiry = [](const auto& a, const auto& b) { return a.expires < b.expires; };

}  // namespace

class PeerStore::Shelves {
 public:
  explicit Shelves(const PeerStoreLimits& bounds) : bounds_(bounds) {}

  bool announce(Instant now, const RingId& key, const Endpoint& peer);
  void withdraw(const RingId& key, const Endpoint& peer);
  [[nodiscard]] std::vector<Endpoint> living(Instant now, const RingId& key) const;
  void on_deadline(Instant now);
  [[nodiscard]] Instant next_deadline() const { return by_first_.empty() ? kNever : by_first_.begin()->first; }
  [[nodiscard]] std::size_t keys() const { return keys_.size(); }
  [[nodiscard]] std::size_t announcements() const { return count_; }
  void check_invariants() const;

 private:
  struct Announcement {
    Endpoint peer;
    Instant expires{};
  };
  /// What stands under one key, and when the first and the last of it expire.
  struct Held {
    std::vector<Announcement> announcements;
    Instant first{};
    Instant last{};
  };
  using Bytes16 = std::array<std::uint8_t, 16>;
  using ByTime = std::set<std::pair<Instant, RingId>>;

  static Bytes16 quota_key(const Endpoint& peer);
  void make_room(Held& held, const Endpoint& newcomer);
  void evict_first_expiring_key();
  /// After any change of what a key holds; an empty key goes.
  void reindex(RingId key);
  void count_up(const Endpoint& peer);
  void count_down(const Endpoint& peer);

  PeerStoreLimits bounds_;
  std::map<RingId, Held> keys_;
  ByTime by_first_;
  ByTime by_last_;
  std::map<Bytes16, std::size_t> per_address_;
  std::size_t count_ = 0;
};

PeerStore::Shelves::Bytes16 PeerStore::Shelves::quota_key(const Endpoint& peer) {
  Bytes16 key{};
  const std::size_t prefix = peer.family == Family::kV4 ? 4 : 8;
  std::copy_n(peer.address.begin(), prefix, key.begin());
  key.back() = static_cast<std::uint8_t>(peer.family);
  return key;
}

void PeerStore::Shelves::count_up(const Endpoint& peer) {
  ++count_;
  ++per_address_[quota_key(peer)];
}

void PeerStore::Shelves::count_down(const Endpoint& peer) {
  --count_;
  const auto at = per_address_.find(quota_key(peer));
  RONDO_ASSERT(at != per_address_.end() && at->second > 0);
  if (--at->second == 0) per_address_.erase(at);
}

void PeerStore::Shelves::reindex(RingId key) {
  const auto at = keys_.find(key);
  Held& held = at->second;
  by_first_.erase({held.first, key});
  by_last_.erase({held.last, key});
  if (held.announcements.empty()) {
    keys_.erase(at);
    return;
  }
  const auto [first, last] = std::minmax_element(held.announcements.begin(), held.announcements.end(), kByExpiry);
  held.first = first->expires;
  held.last = last->expires;
  by_first_.emplace(held.first, key);
  by_last_.emplace(held.last, key);
}

bool PeerStore::Shelves::announce(Instant now, const RingId& key, const Endpoint& peer) {
  const Instant expires = now + bounds_.ttl;
  const auto known = keys_.find(key);
  if (known != keys_.end()) {
    auto& announcements = known->second.announcements;
    const auto at = std::find_if(announcements.begin(), announcements.end(),
                                 [&](const Announcement& announcement) { return announcement.peer == peer; });
    if (at != announcements.end()) {
      at->expires = expires;
      reindex(key);
      return true;
    }
  }
  const auto used = per_address_.find(quota_key(peer));
  if (!is_loopback(peer) && used != per_address_.end() && used->second >= bounds_.per_address) return false;
  if (known == keys_.end() && keys_.size() >= bounds_.keys) evict_first_expiring_key();
  Held& held = keys_[key];
  if (held.announcements.size() >= bounds_.peers_per_key) make_room(held, peer);
  held.announcements.push_back({peer, expires});
  count_up(peer);
  reindex(key);
  return true;
}

void PeerStore::Shelves::make_room(Held& held, const Endpoint& newcomer) {
  std::map<Bytes16, std::size_t> places;
  ++places[quota_key(newcomer)];
  for (const Announcement& announcement : held.announcements) ++places[quota_key(announcement.peer)];
  const auto greedy = [](const auto& a, const auto& b) { return a.second < b.second; };
  const std::size_t most = std::max_element(places.begin(), places.end(), greedy)->second;
  auto victim = held.announcements.end();
  for (auto at = held.announcements.begin(); at != held.announcements.end(); ++at) {
    if (places[quota_key(at->peer)] != most) continue;
    if (victim == held.announcements.end() || at->expires < victim->expires) victim = at;
  }
  RONDO_ASSERT(victim != held.announcements.end());
  count_down(victim->peer);
  held.announcements.erase(victim);
}

void PeerStore::Shelves::evict_first_expiring_key() {
  if (by_last_.empty()) return;
  const RingId victim = by_last_.begin()->second;
  Held& held = keys_.at(victim);
  for (const Announcement& announcement : held.announcements) count_down(announcement.peer);
  held.announcements.clear();
  reindex(victim);
}

void PeerStore::Shelves::withdraw(const RingId& key, const Endpoint& peer) {
  const auto known = keys_.find(key);
  if (known == keys_.end()) return;
  const auto erased = std::erase_if(known->second.announcements,
                                    [&](const Announcement& announcement) { return announcement.peer == peer; });
  if (erased == 0) return;
  count_down(peer);
  reindex(key);
}

std::vector<Endpoint> PeerStore::Shelves::living(Instant now, const RingId& key) const {
  std::vector<Endpoint> found;
  const auto known = keys_.find(key);
  if (known == keys_.end()) return found;
  for (const Announcement& announcement : known->second.announcements)
    if (announcement.expires > now) found.push_back(announcement.peer);
  return found;
}

void PeerStore::Shelves::on_deadline(Instant now) {
  while (next_deadline() <= now) {
    const RingId key = by_first_.begin()->second;
    std::erase_if(keys_.at(key).announcements, [&](const Announcement& announcement) {
      if (announcement.expires > now) return false;
      count_down(announcement.peer);
      return true;
    });
    reindex(key);
  }
}

void PeerStore::Shelves::check_invariants() const {
  std::size_t total = 0;
  for (const auto& [key, held] : keys_) {
    RONDO_ASSERT(!held.announcements.empty() && held.announcements.size() <= bounds_.peers_per_key);
    RONDO_ASSERT(by_first_.contains({held.first, key}) && by_last_.contains({held.last, key}));
    total += held.announcements.size();
  }
  RONDO_ASSERT(total == count_ && keys_.size() <= bounds_.keys);
  RONDO_ASSERT(by_first_.size() == keys_.size() && by_last_.size() == keys_.size());
}

PeerStore::PeerStore(PeerStoreLimits bounds) : bounds_(bounds) {}
PeerStore::~PeerStore() = default;
PeerStore::PeerStore(PeerStore&&) noexcept = default;
PeerStore& PeerStore::operator=(PeerStore&&) noexcept = default;

bool PeerStore::announce(Instant now, const RingId& key, const Endpoint& peer) {
  if (!shelves_) shelves_ = std::make_unique<Shelves>(bounds_);
  return shelves_->announce(now, key, peer);
}

void PeerStore::withdraw(const RingId& key, const Endpoint& peer) {
  if (!shelves_) return;
  shelves_->withdraw(key, peer);
  if (shelves_->announcements() == 0) shelves_.reset();
}

std::vector<Endpoint> PeerStore::peers(Instant now, const RingId& key, std::size_t limit, Rng& rng) const {
  if (!shelves_) return {};
  std::vector<Endpoint> found = shelves_->living(now, key);
  rng.shuffle(found);
  if (found.size() > limit) found.resize(limit);
  return found;
}

void PeerStore::on_deadline(Instant now) {
  if (!shelves_) return;
  shelves_->on_deadline(now);
  if (shelves_->announcements() == 0) shelves_.reset();
}

Instant PeerStore::next_deadline() const { return shelves_ ? shelves_->next_deadline() : kNever; }
std::size_t PeerStore::keys() const { return shelves_ ? shelves_->keys() : 0; }
std::size_t PeerStore::announcements() const { return shelves_ ? shelves_->announcements() : 0; }

void PeerStore::check_invariants() const {
  if (shelves_) shelves_->check_invariants();
}

}  // namespace rondo::dht
