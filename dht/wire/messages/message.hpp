// The messages of the ring: query, answer, error. Structs travel as they are in the simulator and as bencoded KRPC
// (BEP 5 shapes) on the wire; both are charged encoded_size().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dht/wire/messages/announce_peer.hpp"
#include "dht/wire/messages/find_successor.hpp"
#include "dht/wire/messages/get_peers.hpp"
#include "dht/wire/messages/header.hpp"
#include "dht/wire/messages/neighbors.hpp"
#include "dht/wire/messages/notify.hpp"
#include "dht/wire/messages/ping.hpp"

namespace rondo::dht::wire {

/// Order of Method, QueryBody and ReplyBody is the same: method_of(body) is the variant's index.
enum class Method : std::uint8_t { kPing, kFindSuccessor, kNeighbors, kNotify, kGetPeers, kAnnouncePeer };
inline constexpr std::size_t kMethods = 6;

using QueryBody = std::variant<Ping, FindSuccessor, Neighbors, Notify, GetPeers, AnnouncePeer>;
using ReplyBody =
    std::variant<PingReply, FindSuccessorReply, NeighborsReply, NotifyReply, GetPeersReply, AnnouncePeerReply>;

struct Query {
  Header header;
  RingId sender;
  /// The token that the receiver gave us, if we have one that is still good.
  std::optional<Token> token;
  /// Zero bytes that make the query as long as the largest answer wanted: without a token no answer is longer than
  /// its query (amplification <= 1.0).
  std::uint16_t pad = 0;
  QueryBody body;

  friend bool operator==(const Query&, const Query&) = default;
};

struct Reply {
  Header header;
  RingId sender;
  /// For the asker's next queries.
  Token token{};
  /// The asker's endpoint as the answerer sees it (BEP 42 `ip`).
  Endpoint observed;
  ReplyBody body;

  friend bool operator==(const Reply&, const Reply&) = default;
};

/// 201..204 as BEP 5, 3xx ours.
enum class ErrorCode : std::uint16_t {
  kGeneric = 201,
  kServer = 202,
  kProtocol = 203,
  kUnknownMethod = 204,
  /// The node is joining, leaving, or a client: for the ring a finished dead verdict, for a lookup a skip.
  kNotAMember = 310,
  /// The query needs a token and has none that is good; a ping gets one.
  kBadToken = 311,
  /// A bound of the answerer is reached (store, rate).
  kRefused = 312,
};

struct Error {
  Header header;
  /// Any number may come from the network; ErrorCode names those with a meaning.
  std::uint16_t code = 0;
  /// At most limits::kErrorText bytes, for people. Not empty in ours: Wireshark 4.0 takes an empty one for malformed.
  std::string text;

  friend bool operator==(const Error&, const Error&) = default;
};

using Message = std::variant<Query, Reply, Error>;

inline Method method_of(const QueryBody& body) { return static_cast<Method>(body.index()); }
inline Method method_of(const ReplyBody& body) { return static_cast<Method>(body.index()); }

/// Name on the wire: "ping", "find_successor", ...
std::string_view name_of(Method method);
/// True for the methods that change the answerer's state: notify, announce_peer.
bool needs_token(Method method);
const Header& header_of(const Message& message);

/// Exactly the number of bytes that dht/wire/codec makes of it (a property test holds them equal). The family is that
/// of the ring; every contact and endpoint in the message is of it. REQUIRES: what the structs document (lists and
/// error text within their limits, `previous` only where `covers`, no list where `unchanged`, a port that is not 0).
std::size_t encoded_size(const Message& message, Family family);

/// The size of the largest useful answer to a method, which is what an asker without a token pads to.
std::size_t largest_reply(Method method, Family family);

/// Sets `query.pad` so that encoded_size is the smallest achievable value >= `wanted` (a pad costs 8 bytes at least,
/// and its length's digits count too); 0 when the query is that long without. Never beyond limits::kDatagram.
void pad_to(Query& query, std::size_t wanted, Family family);

/// FNV-1a over the entries of a successor list and its completeness, never 0: what `neighbors` compares. Not a
/// security measure: who lies about his list can do so openly.
std::uint64_t list_hash(const std::vector<Contact>& successors, bool complete);

}  // namespace rondo::dht::wire
