// The API of a Rondo node: typed requests in, typed events out. Every command of `rondo` is written against it, whether
// the node runs in the same process or (later) behind a socket.
//
// A request gets a number; every event that answers it carries that number, and its last one is final (is_final()).
// Threading: one thread uses a Client. Events are queued inside (bounded: progress events replace each other) and taken
// with next(). Errors are values with an exit code and one sentence for people.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dht/base/bytes.hpp"
#include "dht/base/endpoint.hpp"
#include "dht/base/result.hpp"
#include "dht/base/ring_id.hpp"
#include "dht/chord/lookup_result.hpp"
#include "dht/chord/ring_event.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::control {

/// Exit codes of DESIGN section 6; docs/exit-codes.md explains each.
enum class Code : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kTimedOut = 4,
  kNoDaemon = 5,
  kNetwork = 6,
  kUnfinished = 7,
  kPartly = 8,
  kDiskFull = 9,
  kExists = 10,
  kDenied = 11,
  kBadInput = 12,
  kConflict = 13,
};

struct ApiError {
  Code code = Code::kFailed;
  /// What, where, what to do. Safe to print: names inside went through display().
  std::string sentence;
};

using RequestId = std::uint32_t;

// --- requests -------------------------------------------------------------------------------------------------------

/// Hash, seed and announce on the ring, until cancelled. Answers: HashingNow*, Shared, AnnouncedNow*, ChangedNow*,
/// ReceiverNow*, Transferring*; ShareEnded (final) or Failed (final).
struct ShareRequest {
  peer::CreateRequest content;
  /// The share ends by itself when so many receivers have everything; 0: it doesn't.
  std::uint32_t until_complete = 0;
};

/// Find on the ring, show, fetch. Answers: Searching*, FoundContent (then ConfirmRequest goes on), HashingNow* and
/// Resumed when an earlier fetch left something, Transferring*, Fetched (final) or Failed (final).
struct GetRequest {
  /// A magnet link or the bytes of a .torrent file.
  std::variant<peer::Magnet, Bytes> source;
  std::filesystem::path into;
  peer::WhenExists when_exists = peer::WhenExists::kRefuse;
  /// Peers given by the user: tried at once.
  std::vector<Endpoint> peers;
  /// Without any peer for this long the request fails as timed out, with the reason. Zero: never.
  std::chrono::seconds patience{60};
};
/// "Yes, download it": for a GetRequest that has answered FoundContent.
struct ConfirmRequest {
  RequestId get = 0;
};

/// What the ring says of a key. Answers: RingAnswer (final).
struct LookupRequest {
  RingId key;
  dht::LookupKind kind = dht::LookupKind::kOwner;
  /// Also ask the replicas which peers they hold.
  bool peers = false;
};

/// Where the node stands. Answers: Status (final).
struct StatusRequest {};

/// Ends a request: its final event is Cancelled. What a get has fetched waits for the next get of the same.
struct CancelRequest {
  RequestId request = 0;
};

using Request = std::variant<ShareRequest, GetRequest, ConfirmRequest, LookupRequest, StatusRequest, CancelRequest>;

// --- events ---------------------------------------------------------------------------------------------------------

struct HashingNow {
  peer::HashProgress progress;
};
struct Shared {
  peer::Content content;
  std::string magnet;
  Bytes torrent_file;
  std::vector<std::string> notes;
  /// Files, and whole folders, that patterns left out.
  std::uint64_t excluded = 0;
  /// Bytes that were read for it; 0 when it was shared before and nothing has changed since.
  std::uint64_t hashed = 0;
};
/// Files changed or vanished since they were hashed, and are not served any more.
struct ChangedNow {
  peer::ContentChanged change;
};
/// One more receiver has everything; others that have it all from the start don't count.
struct ReceiverNow {
  std::uint32_t complete = 0;
  /// As in the request.
  std::uint32_t wanted = 0;
};
/// As many receivers as wanted have everything.
struct ShareEnded {
  std::uint32_t complete = 0;
};
/// One announcement on the ring has ended, well or not; it is repeated as long as the share lives.
struct AnnouncedNow {
  dht::Announced outcome;
};
/// Still looking for peers; why it takes so long, in one sentence.
struct Searching {
  std::size_t peers_known = 0;
  std::string why;
  /// The lookup behind it, when one has ended.
  std::optional<dht::LookupResult> lookup;
};
struct FoundContent {
  peer::Content content;
  /// What will differ from the sharer's files: names changed for safety, links left out.
  std::vector<std::string> notes{};
};
/// A get goes on from what an earlier one left.
struct Resumed {
  peer::Resumed what;
};
struct Transferring {
  peer::TransferProgress progress;
};
struct Fetched {
  peer::Content content;
  std::filesystem::path path;
  /// Files that were there already and stay as they are (WhenExists::kSkip).
  std::size_t skipped = 0;
  /// Of the lookup that found the first peer; none when the ring was not needed.
  std::optional<dht::LookupResult> lookup;
};
struct RingAnswer {
  dht::LookupResult lookup;
  std::vector<dht::ReplicaAnswer> replicas;
  std::vector<Endpoint> peers;
};
struct Status {
  dht::Role role = dht::Role::kClient;
  std::string reason;
  std::string network;
  Contact self;
  std::optional<Contact> predecessor;
  std::vector<Contact> successors;
  std::vector<Contact> fingers;
  std::size_t stored_keys = 0;
  std::size_t stored_announcements = 0;
  /// From the density of the successor list; exact while the list goes once round the ring.
  double ring_size_estimate = 0;
  bool ring_size_exact = false;
  std::uint16_t transfer_port = 0;
};
/// The node's place in the ring changed. Carries request number 0: it answers nobody.
struct RoleChangedNow {
  dht::Role role = dht::Role::kClient;
  std::string reason;
};
struct Cancelled {
  /// Of a get: verified bytes that the next one goes on from, and the folder in which they wait.
  std::uint64_t kept = 0;
  std::filesystem::path kept_in;
};
struct Failed {
  ApiError error;
};

using EventBody =
    std::variant<HashingNow, Shared, ChangedNow, ReceiverNow, ShareEnded, AnnouncedNow, Searching, FoundContent,
                 Resumed, Transferring, Fetched, RingAnswer, Status, RoleChangedNow, Cancelled, Failed>;
struct Event {
  RequestId request = 0;
  EventBody body;
};
/// No event with this request's number follows.
inline bool is_final(const EventBody& body) {
  return std::holds_alternative<Fetched>(body) || std::holds_alternative<RingAnswer>(body) ||
         std::holds_alternative<Status>(body) || std::holds_alternative<Cancelled>(body) ||
         std::holds_alternative<ShareEnded>(body) || std::holds_alternative<Failed>(body);
}

class Client {
 public:
  virtual ~Client() = default;
  virtual RequestId submit(Request request) = 0;
  /// The next event, or none after `timeout`. May be woken early, with none, by interrupt().
  virtual std::optional<Event> next(std::chrono::milliseconds timeout) = 0;
  /// Async-signal-safe: makes a waiting next() return.
  virtual void interrupt() = 0;
};

// --- a node in this process -----------------------------------------------------------------------------------------

/// When a hosted node becomes a member of the ring (DESIGN 2 "Who is in the ring").
enum class Membership : std::uint8_t {
  kNever,   // one-shot get and lookup: a client
  kAtOnce,  // daemon
  kLater,   // share: after 30 s
};

struct HostConfig {
  /// Where state lives: device key, ring id, lock. See peer/identity/home.hpp.
  std::filesystem::path state_dir;
  std::string network = "rondo/1";
  /// UDP endpoint of the ring. Port 0 lets the system choose.
  Endpoint listen;
  /// Entry points, numeric. At least one, or the node is a bootstrap node or waits to be found.
  std::vector<Endpoint> join;
  Membership membership = Membership::kNever;
  /// Serve alone when nobody answers for 30 s (at once when `join` is empty).
  bool bootstrap = false;
  bool only_ring = false;
  bool lan = true;
  /// Start the transfer session: share and get need it.
  bool transfers = true;
};

/// Starts the node's thread. Errors: port in use (kNetwork), another daemon on this home (kConflict), state unreadable
/// (kDenied, kFailed). Destruction leaves the ring, withdraws announcements and joins the threads, within 5 s.
Result<std::unique_ptr<Client>, ApiError> host_node(const HostConfig& config);

}  // namespace rondo::control
