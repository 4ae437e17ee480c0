// A share: hash, seed, announce on the ring for as long as it lives, withdraw at its end.
//
// States: hashing -> seeding -> (cancelled, or enough receivers have everything) withdrawing -> over. A hybrid torrent
// is announced under both of its hashes, so that a link with either finds it.
#pragma once

#include <optional>
#include <vector>

#include "peer/node/announce_schedule.hpp"
#include "peer/node/job.hpp"

namespace rondo::peer {

class ShareJob : public Job {
 public:
  /// `entry_points` go into the link; those that the node was given. `rng` must outlive the job.
  /// It ends by itself when so many receivers have everything; 0: it doesn't.
  ShareJob(JobId id, CreateRequest request, std::uint32_t until_complete, std::vector<Endpoint> entry_points, Rng& rng)
      : Job(id),
        request_(std::move(request)),
        until_complete_(until_complete),
        entry_points_(std::move(entry_points)),
        rng_(rng) {}

  void begin(JobTurn& turn) override;
  void on_transfer(JobTurn& turn, TransferEvent& event) override;
  void on_ring(JobTurn& turn, dht::RingEvent& event) override;
  void on_ring_changed(Instant now) override;
  void on_deadline(JobTurn& turn) override;
  [[nodiscard]] Instant next_deadline() const override;
  void cancel(JobTurn& turn) override;

 private:
  struct Key {
    RingId key;
    AnnounceSchedule schedule;
    std::optional<dht::OperationId> on_its_way;
    /// A replica may hold it.
    bool announced = false;
  };

  void on_seeding(JobTurn& turn, Seeding& seeding);
  void on_announced(JobTurn& turn, Key& key, dht::Announced& announced);
  [[nodiscard]] std::string link_to(const Content& content, const RingPort& ring) const;
  void announce_what_is_due(JobTurn& turn);
  void withdraw(JobTurn& turn, Key& key);
  void end_when_withdrawn(JobTurn& turn);

  void on_receiver(JobTurn& turn, std::uint32_t complete);
  void end(JobTurn& turn, NodeEventBody last);

  CreateRequest request_;
  std::uint32_t until_complete_;
  std::vector<Endpoint> entry_points_;
  Rng& rng_;
  std::vector<Key> keys_;
  /// The transfer's, when we announced last.
  std::uint16_t port_ = 0;
  /// Enough have everything: the end begins then.
  std::optional<Instant> done_at_;
  /// The end of withdrawing; set when the end begins.
  std::optional<Instant> end_by_;
  NodeEventBody last_ = JobCancelled{};
};

}  // namespace rondo::peer
