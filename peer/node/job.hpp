// One thing that a node does for somebody: a share, a fetch, a lookup. Jobs are state machines without I/O of their
// own: they are told what happened and use the two ports (ring, transfers) of their turn.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "dht/base/rng.hpp"
#include "dht/base/time.hpp"
#include "peer/node/node_event.hpp"
#include "peer/node/ring_port.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

/// What a job may use during one input. Lives for one call.
struct JobTurn {
  Instant now;
  RingPort& ring;
  /// Null in a node without transfers; jobs that need them are not begun there.
  Transfer* transfer = nullptr;
  std::vector<NodeEvent>& out;
};

class Job {
 public:
  explicit Job(JobId id) : id_(id) {}
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  virtual void begin(JobTurn& turn) = 0;
  /// An event of the transfer with our number.
  virtual void on_transfer(JobTurn&, TransferEvent&) {}
  /// The end of an operation of the ring, perhaps not ours.
  virtual void on_ring(JobTurn&, dht::RingEvent&) {}
  /// Our place in the ring changed.
  virtual void on_ring_changed(Instant) {}
  virtual void on_deadline(JobTurn&) {}
  [[nodiscard]] virtual Instant next_deadline() const { return kNever; }
  virtual void confirm(JobTurn&) {}
  /// Ends the job; JobCancelled follows, now or after a bounded time.
  virtual void cancel(JobTurn& turn) = 0;

  [[nodiscard]] JobId id() const { return id_; }
  /// The last event was told; the job can go.
  [[nodiscard]] bool over() const { return over_; }

 protected:
  void tell(JobTurn& turn, NodeEventBody body) const { turn.out.push_back({id_, std::move(body)}); }
  void finish(JobTurn& turn, NodeEventBody last) {
    tell(turn, std::move(last));
    over_ = true;
  }

 private:
  JobId id_;
  bool over_ = false;
};

}  // namespace rondo::peer
