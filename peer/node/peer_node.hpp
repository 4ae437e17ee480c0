// Ring and transfers together: the jobs of one node, driven by one thread.
//
// A state machine like those below it: commands and happenings come in with the time, events are taken out with
// take_events(), and on_deadline() is due at next_deadline(). The ring and the transfers are ports, so tests put fakes
// there; node_host.cpp puts the real ones. JobIds are chosen by the caller and unique for the life of the node.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dht/base/rng.hpp"
#include "dht/base/time.hpp"
#include "peer/node/fetch_job.hpp"
#include "peer/node/job.hpp"
#include "peer/node/node_event.hpp"
#include "peer/node/ring_port.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

class PeerNode {
 public:
  /// All must outlive the node. `transfer` may be null: shares and fetches then fail. `entry_points`: what the node was
  /// given to join by, which goes into links.
  PeerNode(RingPort& ring, Transfer* transfer, Rng& rng, std::vector<Endpoint> entry_points);
  ~PeerNode();

  /// `until_complete`: ends by itself when so many receivers have everything; 0: it doesn't.
  void share(Instant now, JobId id, CreateRequest request, std::uint32_t until_complete = 0);
  void fetch(Instant now, JobId id, FetchSpec spec);
  /// Lets a fetch that has told ContentFound go on.
  void confirm(Instant now, JobId id);
  void look_up(Instant now, JobId id, const RingId& key, dht::LookupKind kind, bool peers);
  void cancel(Instant now, JobId id);

  void on_ring_event(Instant now, dht::RingEvent event);
  /// The transfer has something.
  void on_transfer(Instant now);
  void on_deadline(Instant now);
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] std::vector<NodeEvent> take_events();
  /// Why the node has the role that it has.
  [[nodiscard]] const std::string& role_reason() const { return role_reason_; }

  /// Cancels every job; the node is idle when their announcements are withdrawn, or soon after.
  void close(Instant now);
  [[nodiscard]] bool idle() const { return jobs_.empty(); }

 private:
  JobTurn turn(Instant now) { return {now, ring_, transfer_, events_}; }
  void begin(Instant now, std::unique_ptr<Job> job);
  bool refuse_without_transfer(JobId id);
  Job* find(JobId id);
  void bury();

  RingPort& ring_;
  Transfer* transfer_;
  Rng& rng_;
  std::vector<Endpoint> entry_points_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<NodeEvent> events_;
  std::string role_reason_;
};

}  // namespace rondo::peer
