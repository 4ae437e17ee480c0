// What a UDP driver has seen since its start: plain numbers for status and metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dht/wire/messages/message.hpp"

namespace rondo::dht {

/// Why a datagram was not handled, or not sent.
enum class Drop : std::uint8_t {
  kOversize,       // longer than limits::kDatagram
  kSource,         // from an endpoint that no host can own
  kRate,           // its source sends more than limits::kSourceRate
  kMalformed,      // could not be decoded
  kUnknownMethod,  // a query of a method that we don't have: answered by error 204
  kNetwork,        // of another network
  kSendFailed,     // the system refused to send ours
};
inline constexpr std::size_t kDrops = 7;

std::string_view name_of(Drop reason);

/// Messages of each method (index: wire::Method), and errors, which name none.
struct MessageCounters {
  std::array<std::uint64_t, wire::kMethods> queries{};
  std::array<std::uint64_t, wire::kMethods> replies{};
  std::uint64_t errors = 0;
};

struct NetCounters {
  /// UDP payload; add 28 (IPv4) or 48 (IPv6) a datagram for bytes on the wire. What was dropped counts too.
  std::uint64_t datagrams_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t datagrams_out = 0;
  std::uint64_t bytes_out = 0;
  /// Times that receiving failed (an ICMP error, no memory); the loop went on.
  std::uint64_t receive_errors = 0;
  std::array<std::uint64_t, kDrops> dropped{};
  MessageCounters received;
  MessageCounters sent;

  [[nodiscard]] std::uint64_t drops(Drop reason) const { return dropped[static_cast<std::size_t>(reason)]; }
};

}  // namespace rondo::dht
