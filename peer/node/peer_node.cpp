#include "peer/node/peer_node.hpp"

#include <algorithm>
#include <utility>

#include "peer/node/lookup_job.hpp"
#include "peer/node/share_job.hpp"

namespace rondo::peer {

PeerNode::PeerNode(RingPort& ring, Transfer* transfer, Rng& rng, std::vector<Endpoint> entry_points)
    : ring_(ring), transfer_(transfer), rng_(rng), entry_points_(std::move(entry_points)) {}

PeerNode::~PeerNode() = default;

Job* PeerNode::find(JobId id) {
  const auto at = std::find_if(jobs_.begin(), jobs_.end(), [id](const auto& job) { return job->id() == id; });
  return at == jobs_.end() ? nullptr : at->get();
}

void PeerNode::bury() {
  std::erase_if(jobs_, [](const auto& job) { return job->over(); });
}

void PeerNode::begin(Instant now, std::unique_ptr<Job> job) {
  jobs_.push_back(std::move(job));
  JobTurn turn = this->turn(now);
  jobs_.back()->begin(turn);
  bury();
}

bool PeerNode::refuse_without_transfer(JobId id) {
  if (transfer_ != nullptr) return false;
  events_.push_back({id, NodeFailure{TransferErrc::kInternal, "this node was started without transfers"}});
  return true;
}

void PeerNode::share(Instant now, JobId id, CreateRequest request, std::uint32_t until_complete) {
  if (refuse_without_transfer(id)) return;
  begin(now, std::make_unique<ShareJob>(id, std::move(request), until_complete, entry_points_, rng_));
}

void PeerNode::fetch(Instant now, JobId id, FetchSpec spec) {
  if (!refuse_without_transfer(id)) begin(now, std::make_unique<FetchJob>(id, std::move(spec), now, rng_));
}

void PeerNode::look_up(Instant now, JobId id, const RingId& key, dht::LookupKind kind, bool peers) {
  begin(now, std::make_unique<LookupJob>(id, key, kind, peers));
}

void PeerNode::confirm(Instant now, JobId id) {
  JobTurn turn = this->turn(now);
  if (Job* job = find(id)) job->confirm(turn);
}

void PeerNode::cancel(Instant now, JobId id) {
  JobTurn turn = this->turn(now);
  if (Job* job = find(id)) job->cancel(turn);
  bury();
}

void PeerNode::on_ring_event(Instant now, dht::RingEvent event) {
  if (auto* changed = std::get_if<dht::RoleChanged>(&event)) {
    role_reason_ = changed->reason;
    if (changed->role == dht::Role::kMember)
      for (const auto& job : jobs_) job->on_ring_changed(now);
    events_.push_back({0, std::move(*changed)});
    return;
  }
  JobTurn turn = this->turn(now);
  for (const auto& job : jobs_) job->on_ring(turn, event);
  bury();
}

void PeerNode::on_transfer(Instant now) {
  if (transfer_ == nullptr) return;
  JobTurn turn = this->turn(now);
  for (TransferEvent& event : transfer_->drain())
    if (Job* job = find(event.job); job != nullptr && !job->over()) job->on_transfer(turn, event);
  bury();
}

void PeerNode::on_deadline(Instant now) {
  JobTurn turn = this->turn(now);
  for (const auto& job : jobs_)
    if (job->next_deadline() <= now) job->on_deadline(turn);
  bury();
}

Instant PeerNode::next_deadline() const {
  Instant next = kNever;
  for (const auto& job : jobs_) next = std::min(next, job->next_deadline());
  return next;
}

std::vector<NodeEvent> PeerNode::take_events() { return std::exchange(events_, {}); }

void PeerNode::close(Instant now) {
  JobTurn turn = this->turn(now);
  for (const auto& job : jobs_) job->cancel(turn);
  bury();
}

}  // namespace rondo::peer
