// What a hosted node keeps in its state folder: device key, lock, ring id, contacts.
//
// `ring-id`: 40 hexadecimal digits, the node's place on private addresses. Only the process that holds the lock uses
// it: two nodes with one id would chase each other from the ring. Others on the same home, and nodes that never become
// members, have a fresh one for their life, so that `rondo share` and `rondo get` run side by side.
// `contacts`: one a line, "NETWORK-TAG FAMILY ENDPOINT", those to be tried first in front; several rings share it.
// Losing either costs a little time, so what is damaged in them is ignored.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/result.hpp"
#include "dht/base/ring_id.hpp"
#include "peer/control/api.hpp"
#include "peer/identity/home.hpp"

namespace rondo::control {

struct NodeState {
  std::optional<peer::HomeLock> lock;
  RingId ring_id;
};

/// Makes the folder and the device key when they are missing. Membership::kAtOnce needs the lock (kConflict), kLater
/// takes it when it is free, kNever leaves it to others.
Result<NodeState, ApiError> open_state(const std::filesystem::path& folder, Membership membership);

class ContactsFile {
 public:
  /// Lines of this ring and of others that are kept. At the bound the last ones go.
  static constexpr std::size_t kOwn = 64;
  static constexpr std::size_t kOthers = 192;

  ContactsFile(const std::filesystem::path& folder, const std::string& network, Family family);

  [[nodiscard]] std::vector<Endpoint> load() const;
  /// Atomic. A failure is not worth more than a lost memory: it is reported, and nothing else happens.
  Result<Done> save(const std::vector<Endpoint>& contacts) const;

 private:
  [[nodiscard]] std::vector<std::string> lines() const;

  std::filesystem::path path_;
  Family family_;
  std::string prefix_;
};

}  // namespace rondo::control
