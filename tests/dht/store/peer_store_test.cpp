// The store of announcements against a model that is a plain list, under random use; then each bound by itself.
#include "dht/store/peer_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;

RingId key_of(std::uint32_t number) {
  RingId id;
  id.bytes[0] = static_cast<std::uint8_t>(number >> 8);
  id.bytes[19] = static_cast<std::uint8_t>(number);
  return id;
}

Endpoint peer_of(std::uint32_t address, std::uint16_t port) {
  return Endpoint::v4(198, 51, static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address), port);
}

Endpoint v6(std::uint8_t network, std::uint8_t host, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.family = Family::kV6;
  endpoint.address[0] = 0x20;
  endpoint.address[7] = network;
  endpoint.address[15] = host;
  endpoint.port = port;
  return endpoint;
}

/// What the header promises, without any structure.
class Model {
 public:
  explicit Model(PeerStoreLimits bounds) : bounds_(bounds) {}

  bool announce(Instant now, const RingId& key, const Endpoint& peer) {
    for (Row& row : rows_)
      if (row.key == key && row.peer == peer) {
        row.expires = now + bounds_.ttl;
        return true;
      }
    if (!is_loopback(peer) &&
        count([&](const Row& row) { return same_address(row.peer, peer); }) >= bounds_.per_address)
      return false;
    if (under(key) == 0 && keys().size() >= bounds_.keys) drop_key();
    if (under(key) >= bounds_.peers_per_key) drop_under(key, peer);
    rows_.push_back({key, peer, now + bounds_.ttl});
    return true;
  }
  void withdraw(const RingId& key, const Endpoint& peer) {
    std::erase_if(rows_, [&](const Row& row) { return row.key == key && row.peer == peer; });
  }
  void expire(Instant now) {
    std::erase_if(rows_, [&](const Row& row) { return row.expires <= now; });
  }
  [[nodiscard]] std::vector<Endpoint> peers(const RingId& key) const {
    std::vector<Endpoint> found;
    for (const Row& row : rows_)
      if (row.key == key) found.push_back(row.peer);
    std::sort(found.begin(), found.end());
    return found;
  }
  [[nodiscard]] std::map<RingId, Instant> keys() const {
    std::map<RingId, Instant> last;
    for (const Row& row : rows_) last[row.key] = std::max(last[row.key], row.expires);
    return last;
  }
  [[nodiscard]] Instant next() const {
    Instant next = kNever;
    for (const Row& row : rows_) next = std::min(next, row.expires);
    return next;
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    RingId key;
    Endpoint peer;
    Instant expires;
  };
  static bool same_address(const Endpoint& a, const Endpoint& b) {
    const std::size_t prefix = a.family == Family::kV4 ? 4 : 8;
    return a.family == b.family &&
           std::equal(a.address.begin(), a.address.begin() + static_cast<int>(prefix), b.address.begin());
  }
  template <class Condition>
  [[nodiscard]] std::size_t count(Condition condition) const {
    return static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), condition));
  }
  [[nodiscard]] std::size_t under(const RingId& key) const {
    return count([&](const Row& row) { return row.key == key; });
  }
  void drop_key() {
    const auto last = keys();
    const auto victim =
        std::min_element(last.begin(), last.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    std::erase_if(rows_, [&](const Row& row) { return row.key == victim->first; });
  }
  void drop_under(const RingId& key, const Endpoint& newcomer) {
    const auto places = [&](const Endpoint& peer) {
      return count([&](const Row& row) { return row.key == key && same_address(row.peer, peer); }) +
             (same_address(peer, newcomer) ? 1 : 0);
    };
    std::size_t most = 0;
    for (const Row& row : rows_)
      if (row.key == key) most = std::max(most, places(row.peer));
    auto victim = rows_.end();
    for (auto row = rows_.begin(); row != rows_.end(); ++row)
      if (row->key == key && places(row->peer) == most && (victim == rows_.end() || row->expires < victim->expires))
        victim = row;
    rows_.erase(victim);
  }

  PeerStoreLimits bounds_;
  std::vector<Row> rows_;
};

Endpoint random_peer(Rng& rng) {
  const auto port = static_cast<std::uint16_t>(1 + rng.below(4));
  switch (rng.below(4)) {
    case 0: return Endpoint::v4(127, 0, 0, 1, port);
    case 1: return v6(static_cast<std::uint8_t>(rng.below(2)), static_cast<std::uint8_t>(rng.below(3)), port);
    default: return peer_of(static_cast<std::uint32_t>(rng.below(4)), port);
  }
}

void compare(const PeerStore& store, const Model& model, Instant now, Rng& rng) {
  store.check_invariants();
  ASSERT_EQ(store.announcements(), model.size());
  ASSERT_EQ(store.keys(), model.keys().size());
  ASSERT_EQ(store.next_deadline(), model.next());
  for (std::uint32_t i = 0; i < 8; ++i) {
    auto found = store.peers(now, key_of(i), 1000, rng);
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found, model.peers(key_of(i))) << "key " << i;
  }
}

TEST(PeerStoreModel, random_use_behaves_like_a_plain_list) {
  constexpr PeerStoreLimits kBounds{5, 4, 6, 100s};
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    PeerStore store(kBounds);
    Model model(kBounds);
    Instant now = Instant{} + 1h;
    for (int i = 0; i < 400; ++i) {
      now += Duration(static_cast<std::int64_t>(1 + rng.below(rng.below(20) == 0 ? 120'000'000 : 3'000'000)));
      store.on_deadline(now);
      model.expire(now);
      const RingId key = key_of(static_cast<std::uint32_t>(rng.below(8)));
      const Endpoint peer = random_peer(rng);
      if (rng.below(4) == 0) {
        store.withdraw(key, peer);
        model.withdraw(key, peer);
      } else {
        ASSERT_EQ(store.announce(now, key, peer), model.announce(now, key, peer)) << "operation " << i;
      }
      compare(store, model, now, rng);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

// --- life -----------------------------------------------------------------------------------------------------------

TEST(PeerStoreLife, an_announcement_ends_with_its_ttl_though_nobody_swept) {
  PeerStore store;
  Rng rng(1);
  const Instant start = Instant{} + 1h;
  ASSERT_TRUE(store.announce(start, key_of(1), peer_of(1, 1)));
  EXPECT_EQ(store.next_deadline(), start + limits::kAnnouncementTtl);
  EXPECT_EQ(store.peers(start + limits::kAnnouncementTtl - 1us, key_of(1), 9, rng).size(), 1u);
  EXPECT_TRUE(store.peers(start + limits::kAnnouncementTtl, key_of(1), 9, rng).empty());
  store.on_deadline(start + limits::kAnnouncementTtl);
  EXPECT_EQ(store.announcements(), 0u);
  EXPECT_EQ(store.next_deadline(), kNever);
}

TEST(PeerStoreLife, refreshing_extends_it_and_counts_once) {
  PeerStore store;
  Rng rng(1);
  const Instant start = Instant{} + 1h;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store.announce(start + 10min * i, key_of(1), peer_of(1, 1)));
  EXPECT_EQ(store.announcements(), 1u);
  EXPECT_EQ(store.next_deadline(), start + 10min * 99 + limits::kAnnouncementTtl);
}

TEST(PeerStoreLife, withdrawing_what_is_not_there_changes_nothing) {
  PeerStore store;
  ASSERT_TRUE(store.announce(Instant{}, key_of(1), peer_of(1, 1)));
  store.withdraw(key_of(2), peer_of(1, 1));
  store.withdraw(key_of(1), peer_of(1, 2));
  store.withdraw(key_of(1), peer_of(2, 1));
  EXPECT_EQ(store.announcements(), 1u);
  store.withdraw(key_of(1), peer_of(1, 1));
  store.withdraw(key_of(1), peer_of(1, 1));
  EXPECT_EQ(store.announcements(), 0u);
  EXPECT_EQ(store.keys(), 0u);
  store.check_invariants();
}

TEST(PeerStoreLife, early_deadline_is_harmless) {
  PeerStore store;
  ASSERT_TRUE(store.announce(Instant{} + 1h, key_of(1), peer_of(1, 1)));
  store.on_deadline(Instant{} + 1h);
  store.on_deadline(Instant{});
  EXPECT_EQ(store.announcements(), 1u);
}

// --- reading --------------------------------------------------------------------------------------------------------

TEST(PeerStoreRead, surplus_is_left_out_at_random_so_that_every_peer_is_handed_out) {
  PeerStore store;
  Rng rng(1);
  for (std::uint16_t i = 0; i < 60; ++i) ASSERT_TRUE(store.announce(Instant{}, key_of(1), peer_of(i, 1)));
  std::map<Endpoint, int> seen;
  for (int i = 0; i < 200; ++i) {
    const auto found = store.peers(Instant{}, key_of(1), 8, rng);
    ASSERT_EQ(found.size(), 8u);
    for (const Endpoint& peer : found) ++seen[peer];
  }
  EXPECT_EQ(seen.size(), 60u);
  for (const auto& [peer, times] : seen) EXPECT_LT(times, 80) << peer.text() << " is preferred";
}

TEST(PeerStoreRead, limit_of_none_gives_none) {
  PeerStore store;
  Rng rng(1);
  ASSERT_TRUE(store.announce(Instant{}, key_of(1), peer_of(1, 1)));
  EXPECT_TRUE(store.peers(Instant{}, key_of(1), 0, rng).empty());
}

// --- bounds ---------------------------------------------------------------------------------------------------------

TEST(PeerStoreQuota, address_beyond_its_share_is_refused_but_may_refresh) {
  PeerStore store({100, 100, 3, 30min});
  for (std::uint16_t i = 1; i <= 3; ++i) ASSERT_TRUE(store.announce(Instant{}, key_of(i), peer_of(1, i)));
  EXPECT_FALSE(store.announce(Instant{}, key_of(9), peer_of(1, 9))) << "other ports are the same address";
  EXPECT_TRUE(store.announce(Instant{}, key_of(1), peer_of(1, 1)));
  EXPECT_TRUE(store.announce(Instant{}, key_of(9), peer_of(2, 9)));
  store.withdraw(key_of(1), peer_of(1, 1));
  EXPECT_TRUE(store.announce(Instant{}, key_of(9), peer_of(1, 9)));
  EXPECT_EQ(store.keys(), 3u) << "a refusal makes no empty key";
}

TEST(PeerStoreQuota, expired_announcements_do_not_count) {
  PeerStore store({100, 100, 1, 30min});
  ASSERT_TRUE(store.announce(Instant{}, key_of(1), peer_of(1, 1)));
  store.on_deadline(Instant{} + 30min);
  EXPECT_TRUE(store.announce(Instant{} + 30min, key_of(2), peer_of(1, 1)));
}

TEST(PeerStoreQuota, v6_hosts_of_one_64_share_it) {
  PeerStore store({100, 100, 2, 30min});
  EXPECT_TRUE(store.announce(Instant{}, key_of(1), v6(1, 1, 1)));
  EXPECT_TRUE(store.announce(Instant{}, key_of(1), v6(1, 2, 1)));
  EXPECT_FALSE(store.announce(Instant{}, key_of(1), v6(1, 3, 1)));
  EXPECT_TRUE(store.announce(Instant{}, key_of(1), v6(2, 3, 1)));
}

TEST(PeerStoreQuota, loopback_is_exempt) {
  PeerStore store({100, 100, 2, 30min});
  for (std::uint16_t i = 1; i <= 50; ++i)
    ASSERT_TRUE(store.announce(Instant{}, key_of(1), Endpoint::v4(127, 0, 0, 1, i)));
  EXPECT_EQ(store.announcements(), 50u);
}

TEST(PeerStoreBound, one_host_with_many_ports_does_not_push_others_out_of_a_key) {
  PeerStore store;
  Rng rng(1);
  for (std::uint32_t i = 1; i <= 5; ++i) ASSERT_TRUE(store.announce(Instant{}, key_of(1), peer_of(i, 6881)));
  for (std::uint16_t port = 1; port <= 1000; ++port)
    ASSERT_TRUE(store.announce(Instant{} + 1s * port, key_of(1), peer_of(99, port)));
  const auto found = store.peers(Instant{} + 1001s, key_of(1), 1000, rng);
  EXPECT_EQ(found.size(), limits::kPeersPerKey);
  for (std::uint32_t i = 1; i <= 5; ++i)
    EXPECT_EQ(std::count(found.begin(), found.end(), peer_of(i, 6881)), 1) << "the attacker displaced host " << i;
}

TEST(PeerStoreBound, among_equals_the_one_that_expires_first_makes_room) {
  PeerStore store({10, 3, 100, 30min});
  Rng rng(1);
  for (std::uint32_t i = 1; i <= 3; ++i) ASSERT_TRUE(store.announce(Instant{} + 1s * i, key_of(1), peer_of(i, 1)));
  ASSERT_TRUE(store.announce(Instant{} + 9s, key_of(1), peer_of(1, 1)));  // refreshed: no longer the first
  ASSERT_TRUE(store.announce(Instant{} + 10s, key_of(1), peer_of(4, 1)));
  auto found = store.peers(Instant{} + 10s, key_of(1), 9, rng);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<Endpoint>{peer_of(1, 1), peer_of(3, 1), peer_of(4, 1)}));
}

TEST(PeerStoreBound, one_key_too_many_takes_the_place_of_the_one_that_is_empty_first) {
  PeerStore store({3, 10, 100, 30min});
  Rng rng(1);
  for (std::uint32_t i = 1; i <= 3; ++i) ASSERT_TRUE(store.announce(Instant{} + 1s * i, key_of(i), peer_of(i, 1)));
  ASSERT_TRUE(store.announce(Instant{} + 5s, key_of(1), peer_of(7, 1)));  // a second peer keeps key 1 alive for longer
  ASSERT_TRUE(store.announce(Instant{} + 6s, key_of(4), peer_of(4, 1)));
  EXPECT_EQ(store.keys(), 3u);
  EXPECT_TRUE(store.peers(Instant{} + 6s, key_of(2), 9, rng).empty());
  EXPECT_EQ(store.peers(Instant{} + 6s, key_of(1), 9, rng).size(), 2u);
  store.check_invariants();
}

TEST(PeerStoreBound, full_store_of_shipping_size_stays_quick) {
  PeerStore store;
  Instant now{};
  for (std::uint32_t i = 0; i < 3 * limits::kStoredKeys; ++i) {
    now += 1ms;
    RingId key = key_of(i);
    key.bytes[5] = static_cast<std::uint8_t>(i >> 16);
    ASSERT_TRUE(store.announce(now, key, peer_of(i % 20'000, 1)));
    ASSERT_NE(store.next_deadline(), kNever);  // asked after every event: no scan, please
  }
  EXPECT_EQ(store.keys(), limits::kStoredKeys);
  store.check_invariants();
}

}  // namespace
}  // namespace rondo::dht
