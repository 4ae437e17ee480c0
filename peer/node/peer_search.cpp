#include "peer/node/peer_search.hpp"

#include <algorithm>

#include "peer/node/limits.hpp"

namespace rondo::peer {
namespace {

constexpr double kJitter = 0.1;

}  // namespace

PeerSearch::PeerSearch(Instant now, const SearchConfig& config, Rng& rng)
    : config_(config), rng_(rng), pause_(limits::kAskFirst, limits::kAskLast) {
  facts_.bare_link = config.bare_link;
  be_patient(now);
}

void PeerSearch::be_patient(Instant now) {
  give_up_at_ = config_.patience > Duration::zero() ? now + config_.patience : kNever;
}

void PeerSearch::set_key(Instant now, const RingId& key) {
  if (facts_.key) return;
  facts_.key = key;
  ask_at_ = now;
}

void PeerSearch::add_peer(const Endpoint& peer) {
  auto& peers = facts_.peers;
  const bool known = std::find(peers.begin(), peers.end(), peer) != peers.end();
  if (!known && peers.size() < limits::kSearchPeers) peers.push_back(peer);
}

void PeerSearch::on_read(Instant now, const dht::PeersRead& read) {
  asking_ = false;
  for (const Endpoint& peer : read.peers) add_peer(peer);
  if (!read.peers.empty() && !found_by_) found_by_ = read.lookup;
  facts_.lookup = read.lookup;
  facts_.replicas_answered = static_cast<std::size_t>(
      std::count_if(read.replicas.begin(), read.replicas.end(), [](const auto& replica) { return replica.answered; }));
  ask_at_ = now + (without_peers() ? rng_.jitter(pause_.next(), kJitter) : limits::kAskMore);
  const bool hopeless = read.lookup.failure == dht::LookupFailure::kNoContacts && !config_.other_ways;
  if (hopeless && facts_.peers.empty() && phase_ == Phase::kSeeking) give_up_at_ = now;
}

void PeerSearch::on_metadata(Instant now) {
  phase_ = Phase::kWaiting;
  give_up_at_ = kNever;
  // Somebody is connected, or this is a .torrent file and nobody was asked yet.
  if (facts_.lookup) ask_at_ = now + limits::kAskMore;
}

void PeerSearch::on_accepted(Instant now) {
  phase_ = Phase::kFetching;
  pause_.reset();
  be_patient(now);
  if (facts_.peers.empty()) ask_at_ = now;
}

void PeerSearch::on_progress(Instant now, const TransferProgress& progress) {
  const TransferProgress before = progress_.value_or(TransferProgress{});
  const bool complete = progress.done >= progress.total;
  if (progress.peers > before.peers || progress.done > before.done || complete) be_patient(now);
  facts_.connected = progress.peers;
  if (progress.peers > 0) facts_.was_connected = true;
  // Whoever else has it is wanted now. Who sent the metadata may be gone before the first progress.
  if (progress.peers == 0 && (before.peers > 0 || !progress_) && !complete) {
    pause_.reset();
    ask_at_ = now;
  }
  if (progress.peers >= limits::kFewPeers) ask_at_ = now + limits::kAskMore;
  progress_ = progress;
}

bool PeerSearch::without_peers() const {
  if (phase_ == Phase::kSeeking) return true;
  // Until the first progress we go by the metadata, which came from somewhere.
  return phase_ == Phase::kFetching && progress_ && progress_->peers == 0 && progress_->done < progress_->total;
}

}  // namespace rondo::peer
