// The words of the wire format, for the encoder and the decoder. docs/protocol.md is their dictionary.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dht/base/endpoint.hpp"
#include "dht/base/ring_id.hpp"

namespace rondo::dht::wire {

namespace key {

// The envelope (BEP 5; `ip` BEP 42, `ro` BEP 43; `m` and `n` ours).
inline constexpr std::string_view kArguments = "a";
inline constexpr std::string_view kError = "e";
inline constexpr std::string_view kObserved = "ip";
inline constexpr std::string_view kMethodIndex = "m";
inline constexpr std::string_view kNetwork = "n";
inline constexpr std::string_view kMethod = "q";
inline constexpr std::string_view kReply = "r";
inline constexpr std::string_view kReadOnly = "ro";
inline constexpr std::string_view kTransaction = "t";
inline constexpr std::string_view kVersion = "v";
inline constexpr std::string_view kKind = "y";

// Inside `a` and `r`.
inline constexpr std::string_view kBye = "bye";
inline constexpr std::string_view kCovers = "c";
inline constexpr std::string_view kComplete = "full";
inline constexpr std::string_view kKnownList = "h";
inline constexpr std::string_view kId = "id";
inline constexpr std::string_view kInfoHash = "info_hash";
inline constexpr std::string_view kNodes = "nodes";
inline constexpr std::string_view kNodes6 = "nodes6";
inline constexpr std::string_view kPredecessor = "p";
inline constexpr std::string_view kPad = "pad";
inline constexpr std::string_view kPort = "port";
inline constexpr std::string_view kPrevious = "prev";
inline constexpr std::string_view kUnchanged = "same";
inline constexpr std::string_view kTarget = "target";
inline constexpr std::string_view kToken = "token";
inline constexpr std::string_view kValues = "values";

}  // namespace key

namespace kind {

inline constexpr std::string_view kQuery = "q";
inline constexpr std::string_view kReply = "r";
inline constexpr std::string_view kError = "e";

}  // namespace kind

/// Two letters of the client and its version, as BEP 20 packs them. Never read.
inline constexpr std::array<std::uint8_t, 4> kVersion = {'R', 'O', 0, 1};

inline constexpr std::string_view nodes_key(Family family) {
  return family == Family::kV4 ? key::kNodes : key::kNodes6;
}

inline constexpr Family other(Family family) { return family == Family::kV4 ? Family::kV6 : Family::kV4; }

inline constexpr std::size_t compact_contact_size(Family family) { return RingId::kSize + compact_size(family); }

}  // namespace rondo::dht::wire
