#include "peer/transfer/file_identity.hpp"

#include <sys/statfs.h>

#include <algorithm>
#include <array>

namespace rondo::peer {
namespace {

std::int64_t nanoseconds(const ::timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_nsec};
}

/// As statfs(2) numbers them.
std::optional<std::uint32_t> file_system_of(const std::string& path) {
  struct ::statfs info {};
  if (::statfs(path.c_str(), &info) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(info.f_type);
}

}  // namespace

FileIdentity identity_of(const struct ::stat& info) {
  return {static_cast<std::uint64_t>(info.st_size), info.st_ino, info.st_dev, nanoseconds(info.st_mtim),
          nanoseconds(info.st_ctim)};
}

std::optional<FileIdentity> read_identity(const std::string& path) {
  struct ::stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return identity_of(info);
}

bool is_remote(const std::string& path) {
  static constexpr std::array<std::uint32_t, 10> kRemote{
      0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x65735546, 0x01021997, 0x00C36400, 0x5346414F, 0x6B414653, 0x73757245,
  };  // NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, OpenAFS, AFS, Coda
  const auto type = file_system_of(path);
  return !type || std::find(kRemote.begin(), kRemote.end(), *type) != kRemote.end();
}

bool shows_writes(const std::string& path) {
  static constexpr std::array<std::uint32_t, 5> kKnown{
      0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x01021994,
  };  // ext2 to ext4, XFS, Btrfs, F2FS, tmpfs
  const auto type = file_system_of(path);
  return type && std::find(kKnown.begin(), kKnown.end(), *type) != kKnown.end();
}

bool is_untouched(const FileIdentity& before, const FileIdentity& now) {
  return before.size == now.size && before.inode == now.inode && before.device == now.device &&
         before.mtime == now.mtime;
}

}  // namespace rondo::peer
