// A few drivers on loopback, all on the test's own thread, and a raw socket that says what it likes.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dht/base/crypto.hpp"
#include "dht/net/asio.hpp"
#include "dht/net/udp_driver.hpp"
#include "dht/wire/codec/codec.hpp"

namespace rondo::dht::test {

using namespace std::chrono_literals;

inline RingId random_id() {
  RingId id;
  random_bytes(id.bytes);
  return id;
}

inline std::string random_network() { return "test/" + random_id().hex(); }

inline Endpoint loopback(Family family, std::uint16_t port = 0) {
  return *Endpoint::parse((family == Family::kV4 ? "127.0.0.1:" : "[::1]:") + std::to_string(port));
}

/// Knows what one driver told.
struct Host {
  std::unique_ptr<UdpDriver> driver;
  std::vector<RingEvent> events;

  [[nodiscard]] const RingNode& node() const { return driver->node(); }
  [[nodiscard]] const Endpoint& at() const { return driver->local_endpoint(); }

  /// The event of an operation, if it has come.
  template <class Event>
  const Event* answer(OperationId operation) const {
    for (const RingEvent& event : events)
      if (const auto* wanted = std::get_if<Event>(&event); wanted != nullptr && wanted->operation == operation)
        return wanted;
    return nullptr;
  }
};

class NetLab {
 public:
  explicit NetLab(Family family = Family::kV4) : family_(family) {}

  /// Turns the loop until `done`, at most `most` long. True when done.
  bool until(const std::function<bool()>& done, std::chrono::milliseconds most = 20s) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      io_.restart();
      io_.run_one_for(10ms);
      io_.poll();
    }
    return true;
  }

  [[nodiscard]] UdpDriverConfig config(const std::string& network) const {
    UdpDriverConfig config;
    config.chord.network = network_tag(network);
    config.chord.family = family_;
    config.chord.stabilize_min = 200ms;  // rings of a test form in a second or two
    config.listen = loopback(family_);
    config.id = random_id();
    return config;
  }

  Host& host() { return host(config(network_)); }
  Host& host(const UdpDriverConfig& config) {
    hosts_.push_back(std::make_unique<Host>());
    Host& host = *hosts_.back();
    auto driver = UdpDriver::open(io_, config, [&host](RingEvent&& event) { host.events.push_back(std::move(event)); });
    if (!driver) throw std::runtime_error(driver.error().sentence);
    host.driver = std::move(*driver);
    return host;
  }
  /// A member alone in its ring.
  Host& first() {
    Host& first = host();
    first.driver->join({first.driver->local_endpoints(), Duration::zero()});
    until([&] { return first.node().role() == Role::kMember; });
    return first;
  }
  Host& join(const Host& entry) {
    Host& host = this->host();
    host.driver->add_contact(entry.at());
    host.driver->join({host.driver->local_endpoints(), std::nullopt});
    return host;
  }
  /// Forgets a host without a farewell.
  void crash(Host& host) { host.driver.reset(); }

  /// Every living host's list is what the sorted ids say, and so is its predecessor.
  [[nodiscard]] bool one_ring() const;

  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] const std::string& network() const { return network_; }
  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Host>>& hosts() const { return hosts_; }

 private:
  Family family_;
  std::string network_ = random_network();
  boost::asio::io_context io_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

/// A blocking UDP socket on loopback.
class RawSocket {
 public:
  explicit RawSocket(Family family = Family::kV4);
  ~RawSocket();
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  [[nodiscard]] const Endpoint& at() const { return at_; }
  void send(const Endpoint& to, ByteView datagram) const;
  /// What has arrived, without waiting.
  [[nodiscard]] std::optional<Bytes> receive() const;
  void close();

 private:
  int fd_ = -1;
  Endpoint at_;
};

/// A query as a stranger without a token sends it. `padded`: as ours do, to the largest answer wanted.
wire::Query query_of(wire::Method method, const std::string& network, Family family, bool padded);

}  // namespace rondo::dht::test
