// The store of announcements against a naive model of its header: bytes drive announcements, withdrawals, reads and the
// clock. A few keys, hosts and ports, so that every bound is met.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "dht/base/assert.hpp"
#include "dht/base/rng.hpp"
#include "dht/store/peer_store.hpp"

namespace {

using namespace rondo;
using namespace rondo::dht;
using namespace std::chrono_literals;

constexpr PeerStoreLimits kBounds{.keys = 3, .peers_per_key = 4, .per_address = 5, .ttl = 1min};

struct Held {
  RingId key;
  Endpoint peer;
  Instant expires;
};

/// Searches a list for everything.
class Model {
 public:
  /// What the store may do is one of several where expiries are equal, so its answer is checked, then followed.
  [[nodiscard]] bool knows(const RingId& key, const Endpoint& peer) const { return find(key, peer) != held_.end(); }
  [[nodiscard]] std::size_t under(const RingId& key) const {
    return count([&](const Held& held) { return held.key == key; });
  }
  [[nodiscard]] std::size_t of_host(const Endpoint& peer) const {
    return count([&](const Held& held) { return held.peer.address == peer.address; });
  }
  [[nodiscard]] std::size_t keys() const {
    std::map<RingId, int> out;
    for (const Held& held : held_) ++out[held.key];
    return out.size();
  }
  [[nodiscard]] std::size_t size() const { return held_.size(); }
  [[nodiscard]] Instant first() const {
    Instant out = kNever;
    for (const Held& held : held_) out = std::min(out, held.expires);
    return out;
  }
  [[nodiscard]] std::vector<Endpoint> living(Instant now, const RingId& key) const {
    std::vector<Endpoint> out;
    for (const Held& held : held_)
      if (held.key == key && held.expires > now) out.push_back(held.peer);
    return out;
  }

  void put(const RingId& key, const Endpoint& peer, Instant expires) {
    erase([&](const Held& held) { return held.key == key && held.peer == peer; });
    held_.push_back({key, peer, expires});
  }
  void withdraw(const RingId& key, const Endpoint& peer) {
    erase([&](const Held& held) { return held.key == key && held.peer == peer; });
  }
  void expire(Instant now) {
    erase([&](const Held& held) { return held.expires <= now; });
  }
  /// Of the hosts with most places under the key, the newcomer's among them, what expires first.
  void make_room(const RingId& key, const Endpoint& newcomer) {
    std::map<std::array<std::uint8_t, 16>, std::size_t> places{{newcomer.address, 1}};
    std::size_t most = 0;
    for (const Held& held : held_)
      if (held.key == key) ++places[held.peer.address];
    for (const auto& [address, count] : places) most = std::max(most, count);
    auto victim = held_.end();
    for (auto at = held_.begin(); at != held_.end(); ++at)
      if (at->key == key && places[at->peer.address] == most &&
          (victim == held_.end() || at->expires < victim->expires))
        victim = at;
    RONDO_ASSERT(victim != held_.end());
    held_.erase(victim);
  }
  /// The key that would be the first to be empty.
  void drop_key() {
    std::map<RingId, Instant> last;
    for (const Held& held : held_) last[held.key] = std::max(last[held.key], held.expires);
    const auto victim = std::min_element(last.begin(), last.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second, a.first) < std::pair(b.second, b.first);
    });
    erase([&, key = victim->first](const Held& held) { return held.key == key; });
  }

 private:
  [[nodiscard]] std::vector<Held>::const_iterator find(const RingId& key, const Endpoint& peer) const {
    return std::find_if(held_.begin(), held_.end(),
                        [&](const Held& held) { return held.key == key && held.peer == peer; });
  }
  template <class Which>
  [[nodiscard]] std::size_t count(Which which) const {
    return static_cast<std::size_t>(std::count_if(held_.begin(), held_.end(), which));
  }
  template <class Which>
  void erase(Which which) {
    std::erase_if(held_, which);
  }

  std::vector<Held> held_;
};

class Run {
 public:
  void step(std::uint8_t what, std::uint8_t which) {
    RingId key;
    key.bytes[0] = which & 7;
    const Endpoint peer = Endpoint::v4(198, 51, 100, static_cast<std::uint8_t>(which >> 3 & 7),
                                       static_cast<std::uint16_t>(1 + (which >> 6)));
    // Every step a moment later, so that no two expire together.
    now_ += 1ms;
    switch (what & 3) {
      case 0:
      case 1: announce(key, peer); break;
      case 2:
        store_.withdraw(key, peer);
        model_.withdraw(key, peer);
        break;
      default:
        now_ += std::chrono::milliseconds(static_cast<int>(what) * 200);
        if ((which & 1) != 0) on_deadline();
        break;
    }
    compare(key);
  }

 private:
  void announce(const RingId& key, const Endpoint& peer) {
    const bool known = model_.knows(key, peer);
    const bool allowed = known || model_.of_host(peer) < kBounds.per_address;
    RONDO_ASSERT(store_.announce(now_, key, peer) == allowed);
    if (!allowed) return;
    if (!known) {
      if (model_.under(key) == 0 && model_.keys() >= kBounds.keys) model_.drop_key();
      if (model_.under(key) >= kBounds.peers_per_key) model_.make_room(key, peer);
    }
    model_.put(key, peer, now_ + kBounds.ttl);
  }

  void on_deadline() {
    store_.on_deadline(now_);
    model_.expire(now_);
  }

  void compare(const RingId& key) {
    store_.check_invariants();
    RONDO_ASSERT(store_.keys() == model_.keys() && store_.announcements() == model_.size());
    RONDO_ASSERT(store_.next_deadline() == model_.first());
    auto got = store_.peers(now_, key, 100, rng_);
    auto wanted = model_.living(now_, key);
    RONDO_ASSERT(got.size() == wanted.size() && std::is_permutation(got.begin(), got.end(), wanted.begin()));
    RONDO_ASSERT(store_.peers(now_, key, 2, rng_).size() == std::min<std::size_t>(2, wanted.size()));
  }

  PeerStore store_{kBounds};
  Model model_;
  Rng rng_{1};
  Instant now_{1h};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Run run;
  for (std::size_t i = 0; i + 1 < std::min<std::size_t>(size, 2'000); i += 2) run.step(data[i], data[i + 1]);
  return 0;
}
