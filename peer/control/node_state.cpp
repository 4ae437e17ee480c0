#include "peer/control/node_state.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

#include "dht/base/crypto.hpp"
#include "dht/chord/chord_config.hpp"
#include "peer/identity/device_key.hpp"

namespace rondo::control {
namespace {

namespace fs = std::filesystem;

/// A longer line, or more lines, were not written by us.
constexpr std::size_t kLongestLine = 128;
constexpr std::size_t kMostLines = 1024;

RingId random_id() {
  RingId id;
  random_bytes(id.bytes);
  return id;
}

/// Sentences name files and reasons; whether it is a matter of permissions decides the exit code.
ApiError state_error(const fs::path& folder, std::string sentence) {
  std::error_code error;
  fs::path existing = folder;
  while (!fs::exists(existing, error) && existing.has_parent_path() && existing != existing.parent_path())
    existing = existing.parent_path();
  const bool denied = ::access(existing.c_str(), W_OK | X_OK) != 0;
  return {denied ? Code::kDenied : Code::kFailed, std::move(sentence)};
}

Result<RingId> load_or_create_ring_id(const fs::path& path) {
  std::ifstream file(path);
  std::string digits;
  if (file && std::getline(file, digits))
    if (const auto id = RingId::from_hex(digits)) return *id;
  const RingId id = random_id();
  if (auto written = peer::atomic_write_file(path, as_bytes(id.hex() + "\n")); !written)
    return Failure{written.error()};
  return id;
}

}  // namespace

Result<NodeState, ApiError> open_state(const fs::path& folder, Membership membership) {
  const peer::Home home{folder, folder, folder};
  if (const auto made = peer::make_home(home); !made) return Failure{state_error(folder, made.error())};
  if (const auto key = peer::DeviceKey::load_or_create(home.device_key()); !key)
    return Failure{state_error(folder, key.error())};
  NodeState state;
  if (membership != Membership::kNever) {
    auto lock = peer::HomeLock::take(home);
    if (lock)
      state.lock.emplace(std::move(*lock));
    else if (membership == Membership::kAtOnce)
      return Failure{ApiError{Code::kConflict, lock.error()}};
  }
  if (!state.lock) {
    state.ring_id = random_id();
    return state;
  }
  auto id = load_or_create_ring_id(folder / "ring-id");
  if (!id) return Failure{state_error(folder, id.error())};
  state.ring_id = *id;
  return state;
}

ContactsFile::ContactsFile(const fs::path& folder, const std::string& network, Family family)
    : path_(folder / "contacts"),
      family_(family),
      prefix_(to_hex(dht::network_tag(network)) + (family == Family::kV4 ? " 4 " : " 6 ")) {}

std::vector<std::string> ContactsFile::lines() const {
  std::vector<std::string> lines;
  std::ifstream file(path_);
  for (std::string line; lines.size() < kMostLines && std::getline(file, line);)
    if (line.size() <= kLongestLine) lines.push_back(std::move(line));
  return lines;
}

std::vector<Endpoint> ContactsFile::load() const {
  std::vector<Endpoint> contacts;
  for (const std::string& line : lines()) {
    if (!line.starts_with(prefix_) || contacts.size() >= kOwn) continue;
    const auto endpoint = Endpoint::parse(std::string_view(line).substr(prefix_.size()));
    if (endpoint && endpoint->family == family_ && is_usable(*endpoint)) contacts.push_back(*endpoint);
  }
  return contacts;
}

Result<Done> ContactsFile::save(const std::vector<Endpoint>& contacts) const {
  std::string text;
  for (std::size_t i = 0; i < std::min(contacts.size(), kOwn); ++i) text += prefix_ + contacts[i].text() + "\n";
  std::size_t others = 0;
  for (const std::string& line : lines())
    if (!line.starts_with(prefix_) && others++ < kOthers) text += line + "\n";
  return peer::atomic_write_file(path_, as_bytes(text));
}

}  // namespace rondo::control
