// What a node tells its driver.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "dht/chord/lookup_result.hpp"
#include "dht/rpc/outbox.hpp"

namespace rondo::dht {

enum class Role : std::uint8_t {
  kClient,   // outside the ring: looks up and announces, is in nobody's tables
  kJoining,  // looking for its place
  kMember,
  kLeaving,
};
std::string_view name_of(Role role);

/// Number of a lookup, read or announcement, given by the node that runs it.
using OperationId = std::uint32_t;

struct RoleChanged {
  Role role = Role::kClient;
  /// Why, for people.
  std::string reason;
};

struct LookupFinished {
  OperationId operation = 0;
  LookupResult result;
};

/// How one replica answered a read or a write.
struct ReplicaAnswer {
  Contact replica;
  bool answered = false;
  /// Why not, for people.
  std::string problem;
  std::uint32_t peers = 0;
};

struct PeersRead {
  OperationId operation = 0;
  LookupResult lookup;
  std::vector<ReplicaAnswer> replicas;
  /// Union over the replicas that answered, sorted, without duplicates.
  std::vector<Endpoint> peers;
};

struct Announced {
  OperationId operation = 0;
  LookupResult lookup;
  std::vector<ReplicaAnswer> replicas;
  /// Replicas that hold the announcement now.
  std::size_t held = 0;
};

using RingEvent = std::variant<RoleChanged, LookupFinished, PeersRead, Announced>;

struct RingOutbox : Outbox {
  std::vector<RingEvent> events;
};

}  // namespace rondo::dht
