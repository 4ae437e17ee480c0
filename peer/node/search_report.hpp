// What a search for peers knows, and how that is said to people. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/ring_id.hpp"
#include "dht/chord/lookup_result.hpp"
#include "peer/node/node_event.hpp"

namespace rondo::peer {

struct SearchFacts {
  /// None while a .torrent file is being read.
  std::optional<RingId> key;
  /// The link is nothing but a hash, as the shell leaves it when it was not quoted.
  bool bare_link = false;
  /// Peers that were given or found.
  std::vector<Endpoint> peers;
  /// Peers that are connected now.
  std::uint32_t connected = 0;
  /// Some peer was connected before.
  bool was_connected = false;
  /// The lookup of the last read that has ended.
  std::optional<dht::LookupResult> lookup;
  /// Replicas that answered it.
  std::size_t replicas_answered = 0;
  /// Nodes of the ring that we could ask.
  std::vector<Endpoint> contacts;
  /// One of them has answered something.
  bool ring_heard = false;
};

/// Why there is no peer yet: one sentence without a time in it, so that it changes only with the facts.
std::string describe_search(const SearchFacts& facts);

/// Why the search was given up.
NodeFailure describe_failure(const SearchFacts& facts);

/// "127.0.0.1:1, 127.0.0.1:2, 127.0.0.1:3 and 4 more".
std::string name_some(const std::vector<Endpoint>& endpoints);

}  // namespace rondo::peer
