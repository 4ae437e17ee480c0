// Notices when files that were hashed change, vanish, or have another put in their place.
//
// inotify tells of what happens in their folders: one watch a folder, and one on each folder above, for a folder that
// is moved takes its files along and tells only its own watch. What inotify can't see (network file systems, writes
// through mmap, more folders than watches) a slow sweep finds: all the time where watches are missing, else now and
// then. When it begins it looks at everything once, so what changed since the identities were taken is noticed too.
//
// A file of which only the ctime moved was chmodded or linked, or written to by somebody who set its time back. One
// that a writer closed may have been written to through a mapping. Both are told as touched, and watched on. Otherwise
// a file that was told is lost for good, also when it comes back: one rule, and one that never serves wrong bytes.
// The watcher's thread is detached, for a look at a dead file server can hang; it owns all that it touches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "peer/transfer/file_identity.hpp"

namespace rondo::peer {

/// kTouched is none yet: the content may be another.
enum class Loss : std::uint8_t { kChanged, kGone, kUnreadable, kDamaged, kTouched };

struct LostFile {
  std::uint32_t number = 0;
  Loss loss = Loss::kChanged;
};

struct WatchedFile {
  /// Chosen by the caller.
  std::uint32_t number = 0;
  /// Absolute, without symbolic links.
  std::string path;
  FileIdentity identity;
};

struct WatchCallbacks {
  /// At once, each file at most once, unless it was only touched. From the watcher's thread, as the other.
  std::function<void(std::vector<LostFile>)> lost;
  /// After losses, when no more came for a moment, and after look_again().
  std::function<void()> settled;
};

class FileWatch {
 public:
  /// At most `max_watches` folders are watched by inotify.
  FileWatch(std::vector<WatchedFile> files, WatchCallbacks callbacks, std::size_t max_watches);
  /// From its end on, no callback comes any more.
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  /// Looks at every file now.
  void look_again();

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace rondo::peer
