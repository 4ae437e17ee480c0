// A ring and transfers that do what the test says.
#pragma once

#include <utility>
#include <vector>

#include "peer/node/ring_port.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer::test {

struct FakeRing : RingPort {
  struct Asked {
    dht::OperationId number;
    RingId key;
    std::uint16_t port = 0;
    bool withdraw = false;
  };

  dht::OperationId look_up(const RingId& target, dht::LookupKind) override {
    lookups.push_back({++last, target});
    return last;
  }
  dht::OperationId get_peers(const RingId& key) override {
    reads.push_back({++last, key});
    return last;
  }
  dht::OperationId announce(const RingId& key, std::uint16_t port, bool withdraw) override {
    writes.push_back({++last, key, port, withdraw});
    return last;
  }
  void add_contact(const Endpoint& endpoint) override { known.insert(known.begin(), endpoint); }
  std::vector<Endpoint> contacts() const override { return known; }
  bool heard() const override { return has_answered; }
  std::vector<Endpoint> own_addresses() const override { return {Endpoint::v4(127, 0, 0, 1, 7000)}; }

  dht::OperationId last = 0;
  std::vector<Asked> lookups;
  std::vector<Asked> reads;
  std::vector<Asked> writes;
  std::vector<Endpoint> known;
  bool has_answered = false;
};

struct FakeTransfer : Transfer {
  void share(JobId job, CreateRequest) override { shared.push_back(job); }
  void fetch(JobId job, FetchRequest) override { fetched.push_back(job); }
  void accept(JobId job) override { accepted.push_back(job); }
  void connect_peer(JobId, const Endpoint& peer) override { offered.push_back(peer); }
  void cancel(JobId job) override { cancelled.push_back(job); }
  std::uint16_t listen_port() const override { return port; }
  std::vector<TransferEvent> drain() override { return std::exchange(events, {}); }
  void shutdown() override {}

  std::uint16_t port = 4711;
  std::vector<JobId> shared;
  std::vector<JobId> fetched;
  std::vector<JobId> accepted;
  std::vector<JobId> cancelled;
  std::vector<Endpoint> offered;
  std::vector<TransferEvent> events;
};

}  // namespace rondo::peer::test
