#include "peer/node/fetch_job.hpp"

#include <algorithm>
#include <utility>

namespace rondo::peer {

FetchJob::FetchJob(JobId id, FetchSpec spec, Instant now, Rng& rng)
    : Job(id), spec_(std::move(spec)), search_(now, search_config(spec_), rng) {}

SearchConfig FetchJob::search_config(const FetchSpec& spec) {
  SearchConfig config;
  config.patience = spec.patience;
  const auto* magnet = std::get_if<Magnet>(&spec.what.source);
  // What trackers a .torrent file names is not known yet.
  const bool trackers = magnet == nullptr || !magnet->trackers.empty();
  config.other_ways = !spec.only_ring && (spec.lan || trackers);
  config.bare_link = magnet != nullptr && is_bare(*magnet);
  return config;
}

void FetchJob::begin(JobTurn& turn) {
  for (const Endpoint& peer : spec_.peers) search_.add_peer(peer);
  if (const auto* magnet = std::get_if<Magnet>(&spec_.what.source)) {
    // Newest contacts are tried first: the link's first one is added last.
    for (auto entry = magnet->entry_points.rbegin(); entry != magnet->entry_points.rend(); ++entry)
      turn.ring.add_contact(*entry);
    if (!spec_.only_ring)
      for (const Endpoint& peer : magnet->peers) search_.add_peer(peer);
    search_.set_key(turn.now, magnet->info_hash);
  }
  staging_ = spec_.what.into;
  turn.transfer->fetch(id(), std::move(spec_.what));
  offer_peers(turn);
  if (search_.facts().key) tell_news(turn);
  ask_the_ring(turn);
}

void FetchJob::ask_the_ring(JobTurn& turn) {
  if (search_.ask_at() > turn.now || !search_.facts().key) return;
  search_.asking();
  read_ = turn.ring.get_peers(*search_.facts().key);
}

void FetchJob::offer_peers(JobTurn& turn) {
  for (const Endpoint& peer : search_.facts().peers) turn.transfer->connect_peer(id(), peer);
}

void FetchJob::on_ring(JobTurn& turn, dht::RingEvent& event) {
  auto* read = std::get_if<dht::PeersRead>(&event);
  if (read == nullptr || read_ != read->operation) return;
  read_.reset();
  const std::vector<Endpoint> own = turn.ring.own_addresses();
  std::erase_if(read->peers, [&](const Endpoint& peer) {
    const bool our_address = std::any_of(own.begin(), own.end(), [&](const Endpoint& address) {
      return address.family == peer.family && address.address == peer.address;
    });
    return our_address && peer.port == turn.transfer->listen_port();
  });
  search_.on_read(turn.now, *read);
  if (search_.give_up_at() <= turn.now) return give_up(turn);
  offer_peers(turn);
  if (search_.without_peers()) tell_news(turn);
}

void FetchJob::on_transfer(JobTurn& turn, TransferEvent& event) {
  std::visit(Overloaded{[&](MetadataReady& metadata) { on_metadata(turn, metadata); },
                        [&](HashProgress& progress) { on_checking(turn, progress); },
                        [&](Resumed& resumed) { on_resumed(turn, resumed); },
                        [&](TransferProgress& progress) { on_progress(turn, progress); },
                        [&](Fetched& fetched) {
                          turn.transfer->cancel(id());  // its seeding; the files are the user's now
                          finish(turn, FetchDone{std::move(fetched.content), std::move(fetched.path), fetched.skipped,
                                                 search_.found_by()});
                        },
                        [&](JobFailed& failed) {
                          finish(turn, NodeFailure{failed.error.code, std::move(failed.error.sentence)});
                        },
                        [](auto&) {}},
             event.what);
}

void FetchJob::on_metadata(JobTurn& turn, MetadataReady& metadata) {
  search_.set_key(turn.now, metadata.content.info_hash);
  search_.on_metadata(turn.now);
  waits_for_confirm_ = true;
  staging_ = staging_folder(staging_, metadata.content.info_hash);
  tell(turn, ContentFound{std::move(metadata.content), std::move(metadata.notes)});
  // Who has a .torrent file's content is asked while the user reads what is in it.
  ask_the_ring(turn);
}

void FetchJob::on_checking(JobTurn& turn, const HashProgress& progress) {
  // Nobody is waited for meanwhile.
  search_.on_accepted(turn.now);
  tell(turn, progress);
}

void FetchJob::on_resumed(JobTurn& turn, const Resumed& resumed) {
  kept_ = resumed.kept;
  tell(turn, resumed);
}

void FetchJob::on_progress(JobTurn& turn, const TransferProgress& progress) {
  kept_ = std::max(kept_, progress.done);
  const bool had_none = search_.without_peers();
  search_.on_progress(turn.now, progress);
  tell(turn, progress);
  if (search_.without_peers() && !had_none) tell_news(turn);
  ask_the_ring(turn);
}

void FetchJob::confirm(JobTurn& turn) {
  if (!std::exchange(waits_for_confirm_, false)) return;
  search_.on_accepted(turn.now);
  turn.transfer->accept(id());
  offer_peers(turn);
  ask_the_ring(turn);
}

SearchFacts FetchJob::facts(const JobTurn& turn) const {
  SearchFacts facts = search_.facts();
  facts.contacts = turn.ring.contacts();
  facts.ring_heard = turn.ring.heard();
  return facts;
}

void FetchJob::tell_news(JobTurn& turn) {
  const SearchFacts now = facts(turn);
  tell(turn, SearchNews{now.peers.size(), describe_search(now), now.lookup});
}

void FetchJob::give_up(JobTurn& turn) {
  turn.transfer->cancel(id());
  NodeFailure failure = describe_failure(facts(turn));
  if (kept_ > 0) failure.sentence += "; what was fetched is kept, and the same command goes on from there";
  finish(turn, std::move(failure));
}

void FetchJob::on_deadline(JobTurn& turn) {
  if (search_.give_up_at() <= turn.now)
    give_up(turn);
  else
    ask_the_ring(turn);
}

Instant FetchJob::next_deadline() const {
  const Instant ask = search_.facts().key ? search_.ask_at() : kNever;
  return std::min(ask, search_.give_up_at());
}

void FetchJob::cancel(JobTurn& turn) {
  turn.transfer->cancel(id());
  finish(turn, JobCancelled{kept_, kept_ > 0 ? staging_ : std::filesystem::path()});
}

}  // namespace rondo::peer
