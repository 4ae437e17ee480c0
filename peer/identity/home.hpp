// Where an instance keeps what it must not lose, and how it is written there.
//
// With --home DIR, or RONDO_HOME, an instance lives in one folder (DIR/config, DIR/state), so that several run on one
// machine. Else the XDG base directories hold: $XDG_CONFIG_HOME/rondo (~/.config/rondo) and $XDG_STATE_HOME/rondo
// (~/.local/state/rondo). Folders that we make are 0700, files 0600. One process at a time uses a home (HomeLock).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "dht/base/bytes.hpp"
#include "dht/base/result.hpp"

namespace rondo::peer {

struct Home {
  /// What people write: config.toml.
  std::filesystem::path config;
  /// What we write: keys, remembered contacts, resume data.
  std::filesystem::path state;
  /// How the home is called in messages: the --home folder, or the state folder.
  std::filesystem::path shown;

  [[nodiscard]] std::filesystem::path device_key() const { return state / "device.key"; }
};

/// Looks up an environment variable; nothing for an empty one, as the XDG specification asks.
using GetEnvironment = std::function<std::optional<std::string>(const char*)>;
std::optional<std::string> process_environment(const char* name);

/// Chooses the home. `flag` is the value of --home. Makes nothing.
Result<Home> find_home(const std::optional<std::filesystem::path>& flag,
                       const GetEnvironment& environment = process_environment);

/// Makes the folders that are missing.
Result<Done> make_home(const Home& home);

/// Held by the one process that uses a home. Ends with the process, however that ends.
class HomeLock {
 public:
  /// Fails with a sentence that names the holder's process id. REQUIRES: make_home() succeeded.
  static Result<HomeLock> take(const Home& home);

  HomeLock(HomeLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  HomeLock& operator=(HomeLock&&) = delete;
  ~HomeLock();

 private:
  explicit HomeLock(int fd) : fd_(fd) {}
  int fd_;
};

enum class IfThere { kReplace, kFail };

/// Writes a file so that after a crash or a power cut either the old or the new one is there, whole: temporary file,
/// fsync, rename, fsync of the folder. With kFail a file that is there already stays, and that is an error.
Result<Done> atomic_write_file(const std::filesystem::path& path, ByteView bytes, unsigned mode = 0600,
                               IfThere if_there = IfThere::kReplace);

}  // namespace rondo::peer
