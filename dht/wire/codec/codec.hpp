// Bytes <-> messages: KRPC in bencode, one datagram a message. docs/protocol.md describes every field.
//
// State: none; both functions depend on their arguments alone.
// Reading is liberal where nothing is at stake (order of keys, unknown keys, leading zeros) and strict where something
// is: every field that we know has one type, one length, one range. Decoded messages keep what their structs
// document, so encoded_size() accepts them (written again they may exceed a datagram, by the `v` that a sender left
// out).
// An attacker can send anything: input beyond limits::kDatagram is dropped unread, nesting and tokens are bounded
// before they are stored, lists are bounded before they are copied, nothing throws and nothing asserts. Contacts and
// peers that no host can own (port 0, multicast, IPv4-mapped, ...) are dropped from lists.
// Cost: linear in the datagram; at most limits::kBencodeTokens tokens are ever stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dht/base/bytes.hpp"
#include "dht/base/endpoint.hpp"
#include "dht/base/result.hpp"
#include "dht/wire/messages/message.hpp"

namespace rondo::dht::wire {

enum class DecodeError : std::uint8_t {
  kTooLong,         ///< longer than limits::kDatagram
  kNotBencode,      ///< not bencode, or cut short
  kTooDeep,         ///< nested deeper than limits::kBencodeDepth
  kTooManyTokens,   ///< more than limits::kBencodeTokens
  kTrailingBytes,   ///< something follows the dictionary
  kMissingField,    ///< a field that the message must have is absent
  kWrongType,       ///< a known field is not of its bencode type
  kWrongLength,     ///< a string or list is not of its length
  kOutOfRange,      ///< a number (port, flag, error code) or the observed endpoint can't be
  kTooManyEntries,  ///< a list is longer than its limit
  kWrongFamily,     ///< addresses of the other ring's family
  kUnknownKind,     ///< `y` is not q, r or e
  kUnknownMethod,   ///< a query or an answer of a method that we don't have
};

/// Lower-case words, as a log shows them.
std::string_view to_string(DecodeError error);

struct DecodeFailure {
  DecodeError error{};
  /// Only for queries whose envelope could be read: those may be answered by an Error (kUnknownMethod by 204, all else
  /// by 203). Malformed answers and errors never are, or two nodes could play ping-pong.
  std::optional<Header> header;
};

/// REQUIRES: what encoded_size() requires, all addresses of `family`, and no more than limits::kDatagram bytes.
Bytes encode(const Message& message, Family family);

/// The network tag is not judged here: whoever calls compares `Header::network`, in a failure too, and drops the
/// messages of other networks silently.
Result<Message, DecodeFailure> decode(ByteView datagram, Family family);

}  // namespace rondo::dht::wire
