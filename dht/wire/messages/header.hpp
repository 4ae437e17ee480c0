// What every message of the ring carries. docs/protocol.md has the bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dht/base/contact.hpp"

namespace rondo::dht::wire {

/// 8 random bytes; an answer is matched by (transaction, endpoint).
using TransactionId = std::array<std::uint8_t, 8>;
/// First 4 bytes of SHA-256(network name). Messages of another network are dropped silently.
using NetworkTag = std::array<std::uint8_t, 4>;
/// Proof that the asker receives at its address: HMAC(secret, address, port), first 8 bytes.
using Token = std::array<std::uint8_t, 8>;

/// Fields of queries, answers and errors alike.
struct Header {
  TransactionId transaction{};
  NetworkTag network{};
  /// True when the sender is not a member of the ring (BEP 43 `ro`): receivers never put it into a table.
  bool read_only = false;

  friend bool operator==(const Header&, const Header&) = default;
};

}  // namespace rondo::dht::wire
