// The search for the peers of one fetch: when to ask the ring, when to stop waiting, and why it takes so long. Pure.
//
// Phases: kSeeking (no metadata: nobody has been connected), kWaiting (the user decides: nothing is hurried and nothing
// given up), kFetching. The ring is asked at once, then after 1 s, 2 s, ... 30 s while there are no peers, and every
// 30 s while a running transfer has fewer than limits::kFewPeers.
// Patience is the longest time in which neither a new peer nor a byte came; all bytes being there counts too. So peers
// that are connected and have nothing for us are waited for no longer than peers that aren't there. Without any way to
// find a peer (no contact of the ring, no other way) the search ends with the first answer.
#pragma once

#include <optional>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/rng.hpp"
#include "dht/base/time.hpp"
#include "dht/chord/ring_event.hpp"
#include "peer/node/backoff.hpp"
#include "peer/node/search_report.hpp"

namespace rondo::peer {

struct SearchConfig {
  /// Zero: never gives up.
  Duration patience{};
  /// Peers may turn up without the ring: local network, trackers.
  bool other_ways = false;
  bool bare_link = false;
};

class PeerSearch {
 public:
  /// `rng` must outlive the search.
  PeerSearch(Instant now, const SearchConfig& config, Rng& rng);

  /// The ring can be asked from now on.
  void set_key(Instant now, const RingId& key);
  /// A peer that the user or the link named.
  void add_peer(const Endpoint& peer);

  /// When the ring should be asked; kNever while it is being asked.
  [[nodiscard]] Instant ask_at() const { return asking_ ? kNever : ask_at_; }
  void asking() { asking_ = true; }
  /// The peers of `read` must not hold ourselves.
  void on_read(Instant now, const dht::PeersRead& read);

  void on_metadata(Instant now);
  void on_accepted(Instant now);
  void on_progress(Instant now, const TransferProgress& progress);

  /// There are no peers, and people should hear why.
  [[nodiscard]] bool without_peers() const;
  [[nodiscard]] Instant give_up_at() const { return give_up_at_; }

  /// What the ring knows (`contacts`, `ring_heard`) is left for the caller to fill.
  [[nodiscard]] const SearchFacts& facts() const { return facts_; }
  /// The lookup that found the first peer on the ring.
  [[nodiscard]] const std::optional<dht::LookupResult>& found_by() const { return found_by_; }

 private:
  enum class Phase : std::uint8_t { kSeeking, kWaiting, kFetching };

  void be_patient(Instant now);

  SearchConfig config_;
  Rng& rng_;
  Backoff pause_;
  Phase phase_ = Phase::kSeeking;
  SearchFacts facts_;
  std::optional<dht::LookupResult> found_by_;
  Instant ask_at_ = kNever;
  bool asking_ = false;
  Instant give_up_at_ = kNever;
  std::optional<TransferProgress> progress_;
};

}  // namespace rondo::peer
