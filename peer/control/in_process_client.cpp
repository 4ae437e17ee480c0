#include "peer/control/in_process_client.hpp"

#include <utility>

#include "peer/control/translate.hpp"
#include "peer/node/limits.hpp"

namespace rondo::control {
namespace {

/// Confirmations and cancellations are answered by the events of other requests.
bool is_answered(const Request& request) {
  return !std::holds_alternative<ConfirmRequest>(request) && !std::holds_alternative<CancelRequest>(request);
}

std::optional<Duration> join_after(Membership membership) {
  switch (membership) {
    case Membership::kNever: break;
    case Membership::kAtOnce: return Duration::zero();
    case Membership::kLater: return peer::limits::kLaterMembership;
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Client>, ApiError> InProcessClient::host(const HostConfig& config) {
  auto state = open_state(config.state_dir, config.membership);
  if (!state) return Failure{state.error()};
  std::unique_ptr<InProcessClient> client(new InProcessClient(config, std::move(*state)));
  auto node = peer::NodeHost::start(client->node_config(config));
  if (!node) return Failure{to_error(node.error())};
  client->node_ = std::move(*node);
  return std::unique_ptr<Client>(std::move(client));
}

InProcessClient::InProcessClient(const HostConfig& config, NodeState state)
    : config_(config), state_(std::move(state)), contacts_(config.state_dir, config.network, config.listen.family) {}

InProcessClient::~InProcessClient() = default;

peer::NodeHostConfig InProcessClient::node_config(const HostConfig& config) {
  peer::NodeHostConfig node;
  node.network = config.network;
  node.listen = config.listen;
  node.ring_id = state_.ring_id;
  node.remembered = contacts_.load();
  node.join = config.join;
  node.join_after = join_after(config.membership);
  node.bootstrap = config.bootstrap;
  node.only_ring = config.only_ring;
  node.lan = config.lan;
  node.transfers = config.transfers;
  node.state_dir = config.state_dir;
  node.on_event = [this](peer::NodeEvent&& event) { queue_.push(to_event(std::move(event), config_.network)); };
  node.on_contacts = [this](const std::vector<Endpoint>& contacts) { (void)contacts_.save(contacts); };
  return node;
}

RequestId InProcessClient::submit(Request request) {
  const RequestId id = ++last_;
  if (is_answered(request) && open_++ >= kOpenRequests) {
    queue_.push({id, Failed{{Code::kFailed, "too many requests are open: take the events of the others first"}}});
    return id;
  }
  std::visit([this, id](auto& what) { begin(id, what); }, request);
  return id;
}

std::optional<Event> InProcessClient::next(std::chrono::milliseconds timeout) {
  auto event = queue_.next(timeout);
  if (event && is_final(event->body)) --open_;
  return event;
}

void InProcessClient::begin(RequestId id, ShareRequest& request) {
  node_->share(id, std::move(request.content), request.until_complete);
}

void InProcessClient::begin(RequestId id, GetRequest& request) {
  peer::FetchSpec spec;
  spec.what = {std::move(request.source), std::move(request.into), request.when_exists};
  spec.peers = std::move(request.peers);
  spec.patience = request.patience;
  spec.only_ring = config_.only_ring;
  spec.lan = config_.lan;
  node_->fetch(id, std::move(spec));
}

void InProcessClient::begin(RequestId id, LookupRequest& request) {
  node_->look_up(id, request.key, request.kind, request.peers);
}

void InProcessClient::begin(RequestId id, StatusRequest&) { node_->status(id); }

void InProcessClient::begin(RequestId, ConfirmRequest& request) { node_->confirm(request.get); }

void InProcessClient::begin(RequestId, CancelRequest& request) { node_->cancel(request.request); }

Result<std::unique_ptr<Client>, ApiError> host_node(const HostConfig& config) { return InProcessClient::host(config); }

}  // namespace rondo::control
