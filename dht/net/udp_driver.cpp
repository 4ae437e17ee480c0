#include "dht/net/udp_driver.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "dht/base/assert.hpp"
#include "dht/base/crypto.hpp"
#include "dht/net/asio.hpp"
#include "dht/net/interfaces.hpp"
#include "dht/net/limits.hpp"
#include "dht/net/rate_limiter.hpp"
#include "dht/wire/codec/codec.hpp"

namespace rondo::dht {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

udp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.family == Family::kV6) {
    asio::ip::address_v6::bytes_type bytes;
    std::copy_n(endpoint.address.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v6(bytes), endpoint.port};
  }
  asio::ip::address_v4::bytes_type bytes;
  std::copy_n(endpoint.address.begin(), bytes.size(), bytes.begin());
  return {asio::ip::address_v4(bytes), endpoint.port};
}

Endpoint from_asio(const udp::endpoint& from) {
  Endpoint endpoint;
  endpoint.port = from.port();
  if (from.address().is_v6()) {
    const auto bytes = from.address().to_v6().to_bytes();
    std::copy(bytes.begin(), bytes.end(), endpoint.address.begin());
    endpoint.family = Family::kV6;
  } else {
    const auto bytes = from.address().to_v4().to_bytes();
    std::copy(bytes.begin(), bytes.end(), endpoint.address.begin());
  }
  return endpoint;
}

Rng::Seed random_seed() {
  Rng::Seed seed;
  random_bytes(seed);
  return seed;
}

std::uint64_t random_secret() {
  std::array<std::uint8_t, 8> bytes{};
  random_bytes(bytes);
  std::uint64_t secret = 0;
  for (const std::uint8_t byte : bytes) secret = secret << 8 | byte;
  return secret;
}

BindError describe(const Endpoint& listen, const error_code& error) {
  const std::string where = "UDP " + listen.text();
  if (error == asio::error::address_in_use) return {BindErrc::kPortInUse, where + " is in use by another program"};
  if (error == asio::error::access_denied)
    return {BindErrc::kDenied, where + " may not be opened: ports below 1024 are for root"};
  if (error.value() == EADDRNOTAVAIL)
    return {BindErrc::kAddressNotHere, where + " cannot be opened: no interface of this machine has that address"};
  return {BindErrc::kOther, where + " cannot be opened: " + error.message()};
}

/// Opens and binds. No SO_REUSEADDR: a second program on the port must notice.
error_code bind(udp::socket& socket, const Endpoint& listen) {
  error_code error;
  error_code ignored;
  const bool v6 = listen.family == Family::kV6;
  socket.open(v6 ? udp::v6() : udp::v4(), error);
  if (error) return error;
  if (v6) socket.set_option(asio::ip::v6_only(true), error);
  if (error) return error;
  socket.set_option(asio::socket_base::receive_buffer_size(limits::kReceiveBuffer), ignored);
  socket.bind(to_asio(listen), error);
  if (error) return error;
  socket.non_blocking(true, error);
  return error;
}

void count(const wire::Message& message, MessageCounters& counters) {
  std::visit(Overloaded{[&](const wire::Query& query) { ++counters.queries[query.body.index()]; },
                        [&](const wire::Reply& reply) { ++counters.replies[reply.body.index()]; },
                        [&](const wire::Error&) { ++counters.errors; }},
             message);
}

}  // namespace

/// Held by shared_ptr so that handlers of Asio, which may be queued already when the driver goes, can see that it went.
class UdpDriver::Impl : public std::enable_shared_from_this<UdpDriver::Impl> {
 public:
  Impl(asio::io_context& io, udp::socket socket, const Endpoint& local, const UdpDriverConfig& config, EventSink sink)
      : io_(io),
        socket_(std::move(socket)),
        timer_(io),
        pause_(io),
        config_(config.chord),
        local_(local),
        sink_(std::move(sink)),
        start_(std::chrono::steady_clock::now()),
        rng_(random_seed()),
        limiter_(random_secret()),
        node_(config.chord, {config.id, config.may_serve_alone ? guess_own_endpoint(local) : local}, rng_, now()) {}

  [[nodiscard]] Instant now() const {
    return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start_));
  }

  /// One call into the node, and what must follow it.
  template <class Call>
  auto run(Call call) {
    RingOutbox out;
    const Instant at = now();
    if constexpr (std::is_void_v<decltype(call(at, out))>) {
      call(at, out);
      deliver(at, out);
    } else {
      const auto result = call(at, out);
      deliver(at, out);
      return result;
    }
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
    pause_.cancel();
    sink_ = nullptr;
  }

  void arm_receive();

  [[nodiscard]] const Endpoint& local() const { return local_; }
  [[nodiscard]] const NetCounters& counters() const { return counters_; }
  [[nodiscard]] RingNode& node() { return node_; }

 private:
  void on_received(error_code error, std::size_t size);
  void pause_receiving();
  void on_datagram(const udp::endpoint& from, ByteView datagram);
  void on_undecodable(const Endpoint& source, std::size_t size, const wire::DecodeFailure& failure);
  void drop(Drop reason) { ++counters_.dropped[static_cast<std::size_t>(reason)]; }

  void deliver(Instant at, RingOutbox& out);
  void transmit(const Send& send);
  void publish();
  void arm_timer();
  void on_timer();

  asio::io_context& io_;
  udp::socket socket_;
  asio::steady_timer timer_;
  asio::steady_timer pause_;
  ChordConfig config_;
  Endpoint local_;
  EventSink sink_;
  std::chrono::steady_clock::time_point start_;
  Rng rng_;
  RateLimiter limiter_;
  RingNode node_;
  NetCounters counters_;
  std::vector<RingEvent> events_;
  Instant armed_for_ = kNever;
  // What async_receive_from fills. One byte more than a datagram may have shows that one is longer.
  std::array<std::uint8_t, limits::kDatagram + 1> buffer_{};
  udp::endpoint from_;
  std::size_t errors_in_a_row_ = 0;
};

void UdpDriver::Impl::arm_receive() {
  socket_.async_receive_from(asio::buffer(buffer_), from_,
                             [weak = weak_from_this()](const error_code& error, std::size_t size) {
                               const auto self = weak.lock();
                               if (self && self->socket_.is_open()) self->on_received(error, size);
                             });
}

/// Handles what came and what else waits, at most a batch of it, and waits again, whatever happened.
void UdpDriver::Impl::on_received(error_code error, std::size_t size) {
  for (std::size_t i = 0; i < limits::kReceiveBatch; ++i) {
    if (i > 0) size = socket_.receive_from(asio::buffer(buffer_), from_, 0, error);
    if (error == asio::error::would_block || error == asio::error::try_again) break;
    if (!error) {
      errors_in_a_row_ = 0;
      on_datagram(from_, {buffer_.data(), size});
      continue;
    }
    // An ICMP error of an earlier send, no memory, ...: reading it took it off the socket.
    ++counters_.receive_errors;
    if (++errors_in_a_row_ >= limits::kReceiveBatch) return pause_receiving();
  }
  arm_receive();
}

void UdpDriver::Impl::pause_receiving() {
  errors_in_a_row_ = 0;
  pause_.expires_after(limits::kReceivePause);
  pause_.async_wait([weak = weak_from_this()](const error_code&) {
    const auto self = weak.lock();
    if (self && self->socket_.is_open()) self->arm_receive();
  });
}

void UdpDriver::Impl::on_datagram(const udp::endpoint& from, ByteView datagram) {
  ++counters_.datagrams_in;
  counters_.bytes_in += datagram.size();
  const Endpoint source = from_asio(from);
  if (datagram.size() > limits::kDatagram) return drop(Drop::kOversize);
  if (!is_usable(source)) return drop(Drop::kSource);
  if (!limiter_.admit(source, now())) return drop(Drop::kRate);
  auto message = wire::decode(datagram, config_.family);
  if (!message) return on_undecodable(source, datagram.size(), message.error());
  if (wire::header_of(*message).network != config_.network) return drop(Drop::kNetwork);
  count(*message, counters_.received);
  run([&](Instant at, RingOutbox& out) { node_.on_message(at, source, *message, datagram.size(), out); });
}

void UdpDriver::Impl::on_undecodable(const Endpoint& source, std::size_t size, const wire::DecodeFailure& failure) {
  if (failure.header && failure.header->network != config_.network) return drop(Drop::kNetwork);
  if (!failure.header || failure.error != wire::DecodeError::kUnknownMethod) return drop(Drop::kMalformed);
  drop(Drop::kUnknownMethod);
  wire::Error error;
  error.header = {failure.header->transaction, config_.network, node_.role() != Role::kMember};
  error.code = static_cast<std::uint16_t>(wire::ErrorCode::kUnknownMethod);
  error.text = "unknown method";
  if (wire::encoded_size(error, config_.family) <= size) transmit({source, std::move(error)});
}

void UdpDriver::Impl::transmit(const Send& send) {
  const Bytes datagram = wire::encode(send.message, config_.family);
  error_code error;
  socket_.send_to(asio::buffer(datagram), to_asio(send.to), 0, error);
  if (error) return drop(Drop::kSendFailed);  // as good as lost on the way: who waits for an answer tries again
  ++counters_.datagrams_out;
  counters_.bytes_out += datagram.size();
  count(send.message, counters_.sent);
}

void UdpDriver::Impl::deliver(Instant at, RingOutbox& out) {
  // What is due already does not wait for the timer: a bootstrap node without contacts is a member when join() returns.
  if (node_.next_deadline() <= at) node_.on_deadline(at, out);
  for (const Send& send : out.sends) transmit(send);
  if (!out.events.empty()) {
    const bool posted = !events_.empty();
    std::move(out.events.begin(), out.events.end(), std::back_inserter(events_));
    if (!posted)
      asio::post(io_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->publish();
      });
  }
  arm_timer();
}

void UdpDriver::Impl::publish() {
  std::vector<RingEvent> events = std::exchange(events_, {});
  for (RingEvent& event : events)
    if (sink_) sink_(std::move(event));
}

/// The timer is set again only when it would come too late: one that comes early finds nothing due.
void UdpDriver::Impl::arm_timer() {
  const Instant at = now();
  const Instant deadline = std::clamp(node_.next_deadline(), at + limits::kTimerGrain, at + limits::kTimerHorizon);
  if (deadline >= armed_for_) return;
  armed_for_ = deadline;
  timer_.expires_at(start_ + deadline.time_since_epoch());
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (self && !error && self->socket_.is_open()) self->on_timer();
  });
}

void UdpDriver::Impl::on_timer() {
  armed_for_ = kNever;
  if (node_.next_deadline() > now()) return arm_timer();
  run([&](Instant at, RingOutbox& out) { node_.on_deadline(at, out); });
}

// ---------------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<UdpDriver>, BindError> UdpDriver::open(asio::io_context& io, const UdpDriverConfig& config,
                                                              EventSink sink) {
  RONDO_ASSERT(config.listen.family == config.chord.family);
  udp::socket socket(io);
  if (const error_code error = bind(socket, config.listen)) return Failure{describe(config.listen, error)};
  error_code error;
  const udp::endpoint bound = socket.local_endpoint(error);
  if (error) return Failure{describe(config.listen, error)};
  auto impl = std::make_shared<Impl>(io, std::move(socket), from_asio(bound), config, std::move(sink));
  impl->arm_receive();
  return std::unique_ptr<UdpDriver>(new UdpDriver(std::move(impl)));
}

UdpDriver::UdpDriver(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
UdpDriver::~UdpDriver() { impl_->close(); }

const Endpoint& UdpDriver::local_endpoint() const { return impl_->local(); }
std::vector<Endpoint> UdpDriver::local_endpoints() const {
  if (!is_unspecified(impl_->local())) return {impl_->local()};
  return interface_endpoints(impl_->local().port, impl_->local().family);
}
Instant UdpDriver::now() const { return impl_->now(); }
const RingNode& UdpDriver::node() const { return impl_->node(); }
const NetCounters& UdpDriver::counters() const { return impl_->counters(); }

void UdpDriver::add_contact(const Endpoint& endpoint) {
  if (endpoint.family == impl_->local().family && is_usable(endpoint)) impl_->node().add_contact(endpoint);
}
void UdpDriver::join(JoinOptions options) {
  impl_->run([&](Instant now, RingOutbox& out) { impl_->node().join(now, std::move(options), out); });
}
void UdpDriver::leave() {
  impl_->run([&](Instant now, RingOutbox& out) { impl_->node().leave(now, out); });
}
OperationId UdpDriver::look_up(const RingId& target, LookupKind kind) {
  return impl_->run([&](Instant now, RingOutbox& out) { return impl_->node().look_up(now, target, kind, out); });
}
OperationId UdpDriver::get_peers(const RingId& key) {
  return impl_->run([&](Instant now, RingOutbox& out) { return impl_->node().get_peers(now, key, out); });
}
OperationId UdpDriver::announce(const RingId& key, std::uint16_t port, bool withdraw) {
  RONDO_ASSERT(port != 0);
  return impl_->run(
      [&](Instant now, RingOutbox& out) { return impl_->node().announce(now, key, port, withdraw, out); });
}

}  // namespace rondo::dht
