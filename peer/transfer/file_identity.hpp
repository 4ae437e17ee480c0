// What tells a file from what it was: who wrote to it, or put another in its place, can't leave all of it as it was.
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

/// All but ctime is equal: chmod, link and rename leave the content alone.
bool is_untouched(const FileIdentity& before, const FileIdentity& now);

}  // namespace rondo::peer
