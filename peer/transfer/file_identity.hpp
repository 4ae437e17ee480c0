// What tells a file from what it was: who wrote to it, or put another in its place, can't leave all of it as it was, on
// file systems that keep to the rules (shows_writes).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

namespace rondo::peer {

struct FileIdentity {
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  /// Nanoseconds since 1970.
  std::int64_t mtime = 0;
  std::int64_t ctime = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

FileIdentity identity_of(const struct ::stat& info);

/// Of a regular file; none for anything else (a symbolic link too), and where it can't be looked at.
std::optional<FileIdentity> read_identity(const std::string& path);

/// It is on a file system where others write without our kernel's knowledge, or can't be looked at.
bool is_remote(const std::string& path);

/// It is on a file system of which it is known that mtime moves before the first byte of a write does, and that inodes
/// keep their numbers: ext2 to ext4, XFS, Btrfs, F2FS, tmpfs. On tmpfs, writes through a mapping don't show.
bool shows_writes(const std::string& path);

/// All but ctime is equal, as after chmod, link and rename. Also as after a write whose author set the mtime back:
/// where ctime moved alone, the content may be another.
bool is_untouched(const FileIdentity& before, const FileIdentity& now);

}  // namespace rondo::peer
