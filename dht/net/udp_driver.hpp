// Runs one RingNode on one UDP socket: bytes in, messages to the node, its sends out, its deadlines on a timer.
//
// Threading: everything, construction and destruction too, on the thread that runs `io` (or before it runs). The event
// sink is called on that thread, never from inside a command: an operation's number is known before its event comes.
// The only reader of a clock in the ring: Instant's epoch is the driver's start.
//
// What a stranger can do: make us read datagrams (bounded a source by RateLimiter; one batch at a time, so timers and
// commands are served however many come), none of which moves the node before it was decoded and found to be of our
// network. The receive loop goes on after every error; errors without an end are paced.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "dht/base/endpoint.hpp"
#include "dht/base/result.hpp"
#include "dht/base/ring_id.hpp"
#include "dht/base/time.hpp"
#include "dht/chord/chord_config.hpp"
#include "dht/chord/ring_event.hpp"
#include "dht/chord/ring_node.hpp"
#include "dht/net/counters.hpp"

namespace boost::asio {
class io_context;
}

namespace rondo::dht {

struct UdpDriverConfig {
  ChordConfig chord;
  /// Address and port of the socket; port 0 lets the system choose. REQUIRES: its family is that of `chord`.
  Endpoint listen;
  /// Our id on private addresses.
  RingId id;
  /// A bootstrap node: when bound to all addresses its own is guessed, because nobody is there to tell it. Others wait
  /// until they are told.
  bool may_serve_alone = false;
};

enum class BindErrc : std::uint8_t {
  kPortInUse,
  kAddressNotHere,  // no interface has this address
  kDenied,          // a port below 1024, mostly
  kOther,
};
struct BindError {
  BindErrc code = BindErrc::kOther;
  /// "UDP 127.0.0.1:7001 is in use by another program".
  std::string sentence;
};

class UdpDriver {
 public:
  using EventSink = std::function<void(RingEvent&&)>;

  /// `io` must outlive the driver.
  static Result<std::unique_ptr<UdpDriver>, BindError> open(boost::asio::io_context& io, const UdpDriverConfig& config,
                                                            EventSink sink);
  /// Closes the socket; events not delivered yet are dropped.
  ~UdpDriver();

  UdpDriver(const UdpDriver&) = delete;
  UdpDriver& operator=(const UdpDriver&) = delete;

  /// The bound endpoint; the port is never 0.
  [[nodiscard]] const Endpoint& local_endpoint() const;
  /// Addresses under which others may see us: the bound one, or those of all interfaces.
  [[nodiscard]] std::vector<Endpoint> local_endpoints() const;
  [[nodiscard]] Instant now() const;
  [[nodiscard]] const RingNode& node() const;
  [[nodiscard]] const NetCounters& counters() const;

  // The node's commands; see RingNode.
  void add_contact(const Endpoint& endpoint);
  void join(JoinOptions options);
  void leave();
  OperationId look_up(const RingId& target, LookupKind kind);
  OperationId get_peers(const RingId& key);
  /// REQUIRES: port != 0.
  OperationId announce(const RingId& key, std::uint16_t port, bool withdraw);

 private:
  class Impl;
  explicit UdpDriver(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace rondo::dht
