// Peer announcements held for the ring: key -> endpoints, soft state (BEP 5; DESIGN 2 "Records").
//
// An announcement lives limits::kAnnouncementTtl and is refreshed by its publisher. Its address was proven by a token
// before it gets here. Bounds: keys, peers per key, announcements per address (v6: /64; loopback exempt).
// - One key too many: the key that would be the first to be empty makes room.
// - One peer too many under a key: of the addresses that hold the most places there, the newcomer's among them, the
//   announcement that expires first makes room. One host with many ports therefore displaces itself and nobody else.
// - One announcement of an address too many: it is refused. An attacker with one address fills at most
//   kAnnouncementsPerAddress places; with kStoredKeys / kAnnouncementsPerAddress addresses he can displace all keys.
// Cost: O(log keys + peers per key) per operation; next_deadline() is O(1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/limits.hpp"
#include "dht/base/ring_id.hpp"
#include "dht/base/rng.hpp"
#include "dht/base/time.hpp"

namespace rondo::dht {

struct PeerStoreLimits {
  std::size_t keys = limits::kStoredKeys;
  std::size_t peers_per_key = limits::kPeersPerKey;
  std::size_t per_address = limits::kAnnouncementsPerAddress;
  Duration ttl = limits::kAnnouncementTtl;
};

class PeerStore {
 public:
  explicit PeerStore(PeerStoreLimits bounds = {}) : bounds_(bounds) {}

  /// Adds or refreshes. False: the address has too many announcements here.
  bool announce(Instant now, const RingId& key, const Endpoint& peer);
  void withdraw(const RingId& key, const Endpoint& peer);
  /// At most `limit` living peers; when there are more, a random choice in random order.
  [[nodiscard]] std::vector<Endpoint> peers(Instant now, const RingId& key, std::size_t limit, Rng& rng) const;

  void on_deadline(Instant now);
  /// When the next announcement expires.
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

}  // namespace rondo::dht
