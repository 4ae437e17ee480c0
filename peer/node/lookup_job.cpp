#include "peer/node/lookup_job.hpp"

#include <utility>

namespace rondo::peer {

void LookupJob::begin(JobTurn& turn) {
  // A read carries its own lookup, of the kind that reads use.
  if (!peers_ || kind_ != dht::LookupKind::kRead) lookup_ = turn.ring.look_up(key_, kind_);
  if (peers_) read_ = turn.ring.get_peers(key_);
}

void LookupJob::on_ring(JobTurn& turn, dht::RingEvent& event) {
  if (auto* found = std::get_if<dht::LookupFinished>(&event); found != nullptr && lookup_ == found->operation) {
    lookup_.reset();
    answer_.lookup = std::move(found->result);
  } else if (auto* read = std::get_if<dht::PeersRead>(&event); read != nullptr && read_ == read->operation) {
    read_.reset();
    if (kind_ == dht::LookupKind::kRead) answer_.lookup = std::move(read->lookup);
    answer_.replicas = std::move(read->replicas);
    answer_.peers = std::move(read->peers);
  } else {
    return;
  }
  if (!lookup_ && !read_) finish(turn, std::move(answer_));
}

}  // namespace rondo::peer
