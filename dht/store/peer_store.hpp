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

#include <cstddef>
#include <memory>
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
  explicit PeerStore(PeerStoreLimits bounds = {});
  ~PeerStore();
  PeerStore(PeerStore&&) noexcept;
  PeerStore& operator=(PeerStore&&) noexcept;

  /// Adds or refreshes. False: the address has too many announcements here.
  bool announce(Instant now, const RingId& key, const Endpoint& peer);
  void withdraw(const RingId& key, const Endpoint& peer);
  /// At most `limit` living peers; when there are more, a random choice in random order.
  [[nodiscard]] std::vector<Endpoint> peers(Instant now, const RingId& key, std::size_t limit, Rng& rng) const;

  void on_deadline(Instant now);
  /// When the next announcement expires.
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] std::size_t keys() const;
  [[nodiscard]] std::size_t announcements() const;
  void check_invariants() const;

 private:
  /// All that is stored. An idle member stores nothing, so it is made for the first announcement and goes with the
  /// last.
  class Shelves;

  PeerStoreLimits bounds_;
  std::unique_ptr<Shelves> shelves_;
};

}  // namespace rondo::dht
