// What a node tells whoever runs it. peer/control turns these into the events of its API.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dht/base/contact.hpp"
#include "dht/base/endpoint.hpp"
#include "dht/chord/lookup_result.hpp"
#include "dht/chord/ring_event.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

/// Hashed and being seeded; announcements follow.
struct ShareReady {
  Content content;
  /// With entry points of the ring (`x.rondo`).
  std::string magnet;
  Bytes torrent_file;
  std::vector<std::string> notes;
  std::uint64_t excluded = 0;
  std::uint64_t hashed = 0;
};
/// One more receiver has everything.
struct ReceiverNews {
  std::uint32_t complete = 0;
  /// The share ends when so many have; 0: it doesn't.
  std::uint32_t wanted = 0;
};
/// The share has ended because as many as wanted have everything.
struct ShareDone {
  std::uint32_t complete = 0;
};
/// A fetch has no peers yet, or none any more.
struct SearchNews {
  std::size_t peers_known = 0;
  /// One sentence; it changes only when the state does.
  std::string why;
  /// The lookup behind it, when one has ended.
  std::optional<dht::LookupResult> lookup;
};
/// The list of files is known; confirm() goes on.
struct ContentFound {
  Content content;
  std::vector<std::string> notes;
};
struct FetchDone {
  Content content;
  std::filesystem::path path;
  /// Files that were there already and stay as they are.
  std::size_t skipped = 0;
  /// Of the read that found the first peer; none when the ring was not needed.
  std::optional<dht::LookupResult> lookup;
};
struct LookupAnswer {
  dht::LookupResult lookup;
  /// When the replicas were asked for peers.
  std::vector<dht::ReplicaAnswer> replicas;
  std::vector<Endpoint> peers;
};
struct NodeStatus {
  dht::Role role = dht::Role::kClient;
  /// Why it is that, as the ring said last.
  std::string reason;
  Contact self;
  std::optional<Contact> predecessor;
  std::vector<Contact> successors;
  std::vector<Contact> fingers;
  std::size_t stored_keys = 0;
  std::size_t stored_announcements = 0;
  /// Members of the ring, 0 when we are none of them. Exact while our successor list goes once round.
  double ring_size = 0;
  bool ring_size_exact = false;
  /// 0 without transfers.
  std::uint16_t transfer_port = 0;
};
struct JobCancelled {
  /// Of a fetch: verified bytes that the next fetch of the same goes on from, and the folder they wait in.
  std::uint64_t kept = 0;
  std::filesystem::path kept_in;
};

enum class SearchErrc : std::uint8_t {
  kNoRing,           // no node of the ring is known, or none answered
  kNobodyAnnounces,  // the ring answered: nobody has it
  kSlowRing,         // the ring answers, but had not said who has it when the time was up
  kNotConnected,     // peers are known, but none could be reached
  kStalled,          // peers are connected, but sent nothing
};
struct NodeFailure {
  std::variant<TransferErrc, SearchErrc> code;
  /// One sentence, safe to print.
  std::string sentence;
};

/// ShareReady, ContentChanged, ReceiverNews, ShareDone, Announced: of a share. SearchNews, ContentFound, Resumed,
/// FetchDone: of a fetch. HashProgress, TransferProgress: of both. RoleChanged: of job 0, that is of nobody.
using NodeEventBody = std::variant<HashProgress, ShareReady, ContentChanged, ReceiverNews, ShareDone, dht::Announced,
                                   SearchNews, ContentFound, Resumed, TransferProgress, FetchDone, LookupAnswer,
                                   NodeStatus, dht::RoleChanged, JobCancelled, NodeFailure>;

struct NodeEvent {
  JobId job = 0;
  NodeEventBody body;
};

}  // namespace rondo::peer
