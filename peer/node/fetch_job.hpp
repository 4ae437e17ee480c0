// A fetch: ask the ring who has it, connect, show what it is, download after confirm().
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <variant>
#include <vector>

#include "peer/node/job.hpp"
#include "peer/node/peer_search.hpp"

namespace rondo::peer {

struct FetchSpec {
  FetchRequest what;
  /// Peers given by the user, tried at once.
  std::vector<Endpoint> peers;
  /// See PeerSearch. Zero: never gives up.
  Duration patience{};
  bool only_ring = false;
  bool lan = true;
};

class FetchJob : public Job {
 public:
  /// `rng` must outlive the job.
  FetchJob(JobId id, FetchSpec spec, Instant now, Rng& rng);

  void begin(JobTurn& turn) override;
  void on_transfer(JobTurn& turn, TransferEvent& event) override;
  void on_ring(JobTurn& turn, dht::RingEvent& event) override;
  void on_deadline(JobTurn& turn) override;
  [[nodiscard]] Instant next_deadline() const override;
  void confirm(JobTurn& turn) override;
  void cancel(JobTurn& turn) override;

 private:
  static SearchConfig search_config(const FetchSpec& spec);
  void ask_the_ring(JobTurn& turn);
  void offer_peers(JobTurn& turn);
  void on_metadata(JobTurn& turn, MetadataReady& metadata);
  void on_checking(JobTurn& turn, const HashProgress& progress);
  void on_resumed(JobTurn& turn, const Resumed& resumed);
  void on_progress(JobTurn& turn, const TransferProgress& progress);
  void tell_news(JobTurn& turn);
  void give_up(JobTurn& turn);
  [[nodiscard]] SearchFacts facts(const JobTurn& turn) const;

  FetchSpec spec_;
  PeerSearch search_;
  std::optional<dht::OperationId> read_;
  bool waits_for_confirm_ = false;
  /// Where an unfinished fetch waits, and how much of it is there.
  std::filesystem::path staging_;
  std::uint64_t kept_ = 0;
};

}  // namespace rondo::peer
