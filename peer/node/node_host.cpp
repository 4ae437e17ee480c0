#include "peer/node/node_host.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "dht/base/crypto.hpp"
#include "dht/net/asio.hpp"
#include "dht/net/udp_driver.hpp"
#include "peer/node/limits.hpp"
#include "peer/node/peer_node.hpp"
#include "peer/node/status.hpp"

namespace rondo::peer {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Threads inherit the mask of the one that starts them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

/// Lets the transfer's threads wake ours, until it is shut. Calls between two drains become one.
class Gate {
 public:
  explicit Gate(asio::io_context& io) : io_(&io) {}

  template <class Handler>
  void pass(Handler handler) {
    if (waiting_.exchange(true)) return;
    const std::lock_guard lock(mutex_);
    if (io_ != nullptr) asio::post(*io_, std::move(handler));
  }
  void passed() { waiting_ = false; }
  void shut() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  std::atomic<bool> waiting_ = false;
  asio::io_context* io_;
};

class DriverPort : public RingPort {
 public:
  explicit DriverPort(dht::UdpDriver& driver) : driver_(driver) {}

  dht::OperationId look_up(const RingId& target, dht::LookupKind kind) override {
    return driver_.look_up(target, kind);
  }
  dht::OperationId get_peers(const RingId& key) override { return driver_.get_peers(key); }
  dht::OperationId announce(const RingId& key, std::uint16_t port, bool withdraw) override {
    return driver_.announce(key, port, withdraw);
  }
  void add_contact(const Endpoint& endpoint) override { driver_.add_contact(endpoint); }
  [[nodiscard]] std::vector<Endpoint> contacts() const override {
    const auto& oldest_first = driver_.node().remembered();
    return {oldest_first.rbegin(), oldest_first.rend()};
  }
  [[nodiscard]] bool heard() const override {
    const auto& known = driver_.node().remembered();
    return std::any_of(known.begin(), known.end(), [this](const Endpoint& contact) {
      return driver_.node().endpoints().round_trip(contact).has_value();
    });
  }
  [[nodiscard]] std::vector<Endpoint> own_addresses() const override { return driver_.local_endpoints(); }

 private:
  dht::UdpDriver& driver_;
};

HostError host_error(const dht::BindError& error) {
  switch (error.code) {
    case dht::BindErrc::kPortInUse: return {HostErrc::kPortInUse, error.sentence};
    case dht::BindErrc::kAddressNotHere: return {HostErrc::kAddressNotHere, error.sentence};
    case dht::BindErrc::kDenied: return {HostErrc::kDenied, error.sentence};
    case dht::BindErrc::kOther: break;
  }
  return {HostErrc::kOther, error.sentence};
}

Rng::Seed random_seed() {
  Rng::Seed seed;
  random_bytes(seed);
  return seed;
}

}  // namespace

class NodeHost::Impl {
 public:
  explicit Impl(NodeHostConfig config)
      : config_(std::move(config)),
        rng_(random_seed()),
        gate_(std::make_shared<Gate>(io_)),
        jobs_timer_(io_),
        join_timer_(io_),
        contacts_timer_(io_),
        closing_timer_(io_) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::optional<HostError> open();
  void start();

  /// Runs `call(node, now)` on the node's thread.
  template <class Call>
  void post(Call call) {
    asio::post(io_, [this, call = std::move(call)]() mutable {
      if (closing_) return;
      call(*node_, driver_->now());
      after();
    });
  }
  NodeStatus status() const;
  void tell(NodeEvent event) { config_.on_event(std::move(event)); }

 private:
  std::optional<HostError> open_transfer();
  void add_contacts();
  void become_member();
  void after();
  void keep_contacts();
  void arm_contacts_timer();

  void close();
  void say_farewell();

  NodeHostConfig config_;
  asio::io_context io_;
  Rng rng_;
  std::shared_ptr<Gate> gate_;
  std::unique_ptr<dht::UdpDriver> driver_;
  std::unique_ptr<DriverPort> ring_;
  std::unique_ptr<Transfer> transfer_;
  std::unique_ptr<PeerNode> node_;
  asio::steady_timer jobs_timer_;
  asio::steady_timer join_timer_;
  asio::steady_timer contacts_timer_;
  asio::steady_timer closing_timer_;
  Instant jobs_timer_at_ = kNever;
  bool closing_ = false;
  bool leaving_ = false;
  std::thread thread_;
};

// --- beginning ------------------------------------------------------------------------------------------------------

std::optional<HostError> NodeHost::Impl::open() {
  dht::UdpDriverConfig driver;
  driver.chord.network = dht::network_tag(config_.network);
  driver.chord.family = config_.listen.family;
  driver.listen = config_.listen;
  driver.id = config_.ring_id;
  driver.may_serve_alone = config_.bootstrap;
  auto opened = dht::UdpDriver::open(io_, driver, [this](dht::RingEvent&& event) {
    node_->on_ring_event(driver_->now(), std::move(event));
    after();
  });
  if (!opened) return host_error(opened.error());
  driver_ = std::move(*opened);
  ring_ = std::make_unique<DriverPort>(*driver_);
  if (config_.transfers)
    if (auto error = open_transfer()) return error;
  node_ = std::make_unique<PeerNode>(*ring_, transfer_.get(), rng_, config_.join);
  add_contacts();
  return std::nullopt;
}

/// TCP on the ring's address: its port number if that is free, else any.
std::optional<HostError> NodeHost::Impl::open_transfer() {
  const auto wake = [this, gate = gate_] {
    gate->pass([this, gate] {
      gate->passed();
      if (closing_) return;
      node_->on_transfer(driver_->now());
      after();
    });
  };
  TransferConfig transfer;
  transfer.only_ring = config_.only_ring;
  transfer.lan = config_.lan;
  transfer.state_dir = config_.state_dir;
  transfer.listen = {driver_->local_endpoint()};
  auto made = make_transfer(transfer, wake);
  if (!made && made.error().code == TransferErrc::kListen) {
    transfer.listen.front().port = 0;
    made = make_transfer(transfer, wake);
  }
  if (!made) return HostError{HostErrc::kOther, made.error().sentence};
  transfer_ = std::move(*made);
  return std::nullopt;
}

/// The ring tries the latest first.
void NodeHost::Impl::add_contacts() {
  const auto& join = config_.join;
  for (auto contact = config_.remembered.rbegin(); contact != config_.remembered.rend(); ++contact)
    if (std::find(join.begin(), join.end(), *contact) == join.end()) driver_->add_contact(*contact);
  for (auto contact = join.rbegin(); contact != join.rend(); ++contact) driver_->add_contact(*contact);
}

void NodeHost::Impl::start() {
  if (config_.join_after && *config_.join_after == Duration::zero()) {
    become_member();
  } else if (config_.join_after) {
    join_timer_.expires_after(*config_.join_after);
    join_timer_.async_wait([this](const error_code& error) {
      if (!error && !closing_) become_member();
    });
  }
  arm_contacts_timer();
  thread_ = std::thread([this] {
    const auto work = asio::make_work_guard(io_);
    io_.run();
  });
}

void NodeHost::Impl::become_member() {
  dht::JoinOptions options;
  options.local = driver_->local_endpoints();
  if (config_.bootstrap) options.alone_after = limits::kAloneAfter;
  driver_->join(std::move(options));
}

// --- running --------------------------------------------------------------------------------------------------------

/// What follows every call into the node: its events go out, its deadline is set.
void NodeHost::Impl::after() {
  if (closing_) {
    if (node_->idle()) say_farewell();
  } else {
    for (NodeEvent& event : node_->take_events()) tell(std::move(event));
  }
  const Instant deadline = node_->next_deadline();
  if (deadline >= jobs_timer_at_) return;
  jobs_timer_at_ = deadline;
  jobs_timer_.expires_after(std::max(deadline - driver_->now(), Duration::zero()));
  jobs_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    jobs_timer_at_ = kNever;
    node_->on_deadline(driver_->now());
    after();
  });
}

NodeStatus NodeHost::Impl::status() const {
  NodeStatus status = status_of(driver_->node());
  status.reason = node_->role_reason();
  if (status.reason.empty())
    status.reason = config_.join_after ? "becomes a member soon" : "looks up and announces only";
  status.transfer_port = transfer_ ? transfer_->listen_port() : 0;
  return status;
}

/// Entry points that never answered are the user's to name again; what an earlier run knew may come back.
void NodeHost::Impl::keep_contacts() {
  std::vector<Endpoint> worth;
  for (const Endpoint& contact : ring_->contacts()) {
    const bool answered = driver_->node().endpoints().round_trip(contact).has_value();
    const auto& old = config_.remembered;
    if (answered || std::find(old.begin(), old.end(), contact) != old.end()) worth.push_back(contact);
  }
  if (!worth.empty() && config_.on_contacts) config_.on_contacts(worth);
}

void NodeHost::Impl::arm_contacts_timer() {
  contacts_timer_.expires_after(limits::kKeepContacts);
  contacts_timer_.async_wait([this](const error_code& error) {
    if (error || closing_) return;
    keep_contacts();
    arm_contacts_timer();
  });
}

// --- the end --------------------------------------------------------------------------------------------------------

/// Announcements are withdrawn while we are still what we were, then we leave the ring and answer for a moment.
void NodeHost::Impl::close() {
  closing_ = true;
  gate_->shut();
  closing_timer_.expires_after(limits::kClosingTime);
  closing_timer_.async_wait([this](const error_code& error) {
    if (!error) io_.stop();
  });
  keep_contacts();
  node_->close(driver_->now());
  after();
}

void NodeHost::Impl::say_farewell() {
  if (std::exchange(leaving_, true)) return;
  const bool member = driver_->node().role() == dht::Role::kMember;
  const bool alone = member && driver_->node().ring().successors().empty();
  if (!member || alone) return io_.stop();
  driver_->leave();
  closing_timer_.expires_after(limits::kFarewell);
  closing_timer_.async_wait([this](const error_code& error) {
    if (!error) io_.stop();
  });
}

NodeHost::Impl::~Impl() {
  if (!thread_.joinable()) {
    gate_->shut();
    return;
  }
  std::promise<void> closed;
  asio::post(io_, [&] {
    close();
    closed.set_value();
  });
  closed.get_future().wait();
  // From here on the node leaves the transfer alone, so both ends go on at once.
  if (transfer_) transfer_->shutdown();
  thread_.join();
}

// ---------------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<NodeHost>, HostError> NodeHost::start(NodeHostConfig config) {
  const SignalsBlocked blocked;
  auto impl = std::make_unique<Impl>(std::move(config));
  if (auto error = impl->open()) return Failure{std::move(*error)};
  impl->start();
  return std::unique_ptr<NodeHost>(new NodeHost(std::move(impl)));
}

NodeHost::NodeHost(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NodeHost::~NodeHost() = default;

void NodeHost::share(JobId id, CreateRequest request, std::uint32_t until_complete) {
  impl_->post([id, request = std::move(request), until_complete](PeerNode& node, Instant now) mutable {
    node.share(now, id, std::move(request), until_complete);
  });
}
void NodeHost::fetch(JobId id, FetchSpec spec) {
  impl_->post(
      [id, spec = std::move(spec)](PeerNode& node, Instant now) mutable { node.fetch(now, id, std::move(spec)); });
}
void NodeHost::confirm(JobId id) {
  impl_->post([id](PeerNode& node, Instant now) { node.confirm(now, id); });
}
void NodeHost::look_up(JobId id, const RingId& key, dht::LookupKind kind, bool peers) {
  impl_->post([=](PeerNode& node, Instant now) { node.look_up(now, id, key, kind, peers); });
}
void NodeHost::status(JobId id) {
  impl_->post([this, id](PeerNode&, Instant) { impl_->tell({id, impl_->status()}); });
}
void NodeHost::cancel(JobId id) {
  impl_->post([id](PeerNode& node, Instant now) { node.cancel(now, id); });
}

}  // namespace rondo::peer
