// Peer announcements held for the ring: key -> endpoints, soft state (BEP 5; DESIGN 2 "Records").
//
// An announcement lives limits::kAnnouncementTtl and is refreshed by its publisher. Its address was proven by a token
// before it gets here. Bounds: keys, peers per key, announcements per address (v6: /64; loopback exempt); at the first
// two the announcement that expires first makes room, at the third the new one is refused. An attacker with one address
// therefore fills at most kAnnouncementsPerAddress places.
// Cost: O(log keys + peers per key) per operation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
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
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] std::size_t keys() const { return keys_.size(); }
  [[nodiscard]] std::size_t announcements() const { return count_; }
  void check_invariants() const;

 private:
  struct Announcement {
    Endpoint peer;
    Instant expires{};
  };
  using Bytes16 = std::array<std::uint8_t, 16>;

  static Bytes16 quota_key(const Endpoint& peer);
  void erase(const RingId& key, const Endpoint& peer);
  void evict_first_expiring_key();
  void count_up(const Endpoint& peer);
  void count_down(const Endpoint& peer);

  PeerStoreLimits bounds_;
  std::map<RingId, std::vector<Announcement>> keys_;
  std::map<Bytes16, std::size_t> per_address_;
  std::size_t count_ = 0;
};

}  // namespace rondo::dht
