// The API over a node in this process: requests go to the node's thread, its events come back through a queue.
#pragma once

#include <memory>
#include <optional>

#include "peer/control/api.hpp"
#include "peer/control/event_queue.hpp"
#include "peer/control/node_state.hpp"
#include "peer/node/node_host.hpp"

namespace rondo::control {

class InProcessClient : public Client {
 public:
  /// Requests whose last event has not been taken yet. One more is not begun: it fails at once.
  static constexpr std::size_t kOpenRequests = 1024;

  static Result<std::unique_ptr<Client>, ApiError> host(const HostConfig& config);
  ~InProcessClient() override;

  RequestId submit(Request request) override;
  std::optional<Event> next(std::chrono::milliseconds timeout) override;
  void interrupt() override { queue_.interrupt(); }

 private:
  InProcessClient(const HostConfig& config, NodeState state);

  [[nodiscard]] peer::NodeHostConfig node_config(const HostConfig& config);
  void begin(RequestId id, ShareRequest& request);
  void begin(RequestId id, GetRequest& request);
  void begin(RequestId id, LookupRequest& request);
  void begin(RequestId id, StatusRequest& request);
  void begin(RequestId id, ConfirmRequest& request);
  void begin(RequestId id, CancelRequest& request);

  HostConfig config_;
  NodeState state_;
  ContactsFile contacts_;
  EventQueue queue_;
  RequestId last_ = 0;
  std::size_t open_ = 0;
  /// The last member: its thread uses all of the above until it is gone.
  std::unique_ptr<peer::NodeHost> node_;
};

}  // namespace rondo::control
