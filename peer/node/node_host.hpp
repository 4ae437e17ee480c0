// A whole node with its thread: UDP driver, transfers and PeerNode on one io_context. No Asio in this header.
//
// Threading: commands may be called from any thread and return at once; callbacks come on the node's own thread, in
// order. Signals are blocked in every thread that is started here, so that the program's own thread gets them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/result.hpp"
#include "dht/base/ring_id.hpp"
#include "dht/base/time.hpp"
#include "peer/node/fetch_job.hpp"
#include "peer/node/node_event.hpp"

namespace rondo::peer {

struct NodeHostConfig {
  std::string network;
  /// UDP endpoint of the ring; port 0 lets the system choose. Transfers listen on the same address, and on the same
  /// port number when it is free.
  Endpoint listen;
  /// Our id on private addresses.
  RingId ring_id;
  /// Contacts of an earlier run, those to be tried first in front.
  std::vector<Endpoint> remembered;
  /// Entry points that the user named: tried before the remembered ones.
  std::vector<Endpoint> join;
  /// When to become a member; none: stays a client.
  std::optional<Duration> join_after;
  /// Serve alone when nobody answers.
  bool bootstrap = false;
  bool only_ring = false;
  bool lan = true;
  bool transfers = true;
  /// Where transfers keep what saves work the next time; empty: nowhere.
  std::filesystem::path state_dir{};

  std::function<void(NodeEvent&&)> on_event;
  /// Now and then, and at the end: contacts worth keeping for the next run, those to be tried first in front.
  std::function<void(const std::vector<Endpoint>&)> on_contacts;
};

enum class HostErrc : std::uint8_t { kPortInUse, kAddressNotHere, kDenied, kOther };
struct HostError {
  HostErrc code = HostErrc::kOther;
  std::string sentence;
};

class NodeHost {
 public:
  static Result<std::unique_ptr<NodeHost>, HostError> start(NodeHostConfig config);
  /// Withdraws announcements, leaves the ring, ends transfers and the thread; within 5 s. Callbacks end with it.
  ~NodeHost();
  NodeHost(const NodeHost&) = delete;
  NodeHost& operator=(const NodeHost&) = delete;

  void share(JobId id, CreateRequest request, std::uint32_t until_complete);
  void fetch(JobId id, FetchSpec spec);
  void confirm(JobId id);
  void look_up(JobId id, const RingId& key, dht::LookupKind kind, bool peers);
  void status(JobId id);
  void cancel(JobId id);

 private:
  class Impl;
  explicit NodeHost(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace rondo::peer
