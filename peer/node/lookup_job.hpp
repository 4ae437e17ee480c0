// A question to the ring: who owns a key, and, if asked, which peers its replicas know.
#pragma once

#include <optional>

#include "peer/node/job.hpp"

namespace rondo::peer {

class LookupJob : public Job {
 public:
  LookupJob(JobId id, const RingId& key, dht::LookupKind kind, bool peers)
      : Job(id), key_(key), kind_(kind), peers_(peers) {}

  void begin(JobTurn& turn) override;
  void on_ring(JobTurn& turn, dht::RingEvent& event) override;
  void cancel(JobTurn& turn) override { finish(turn, JobCancelled{}); }

 private:
  RingId key_;
  dht::LookupKind kind_;
  bool peers_;
  std::optional<dht::OperationId> lookup_;
  std::optional<dht::OperationId> read_;
  LookupAnswer answer_;
};

}  // namespace rondo::peer
