#include "peer/transfer/file_identity.hpp"

#include <sys/statfs.h>

#include <algorithm>
#include <array>

namespace rondo::peer {
namespace {

std::int64_t nanoseconds(const ::timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_nsec};
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
  struct ::statfs info {};
  if (::statfs(path.c_str(), &info) != 0) return true;
  static constexpr std::array<std::uint32_t, 9> kRemote{
      0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x65735546, 0x01021997, 0x00C36400, 0x5346414F, 0x73757245,
  };  // NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, AFS, Coda
  return std::find(kRemote.begin(), kRemote.end(), static_cast<std::uint32_t>(info.f_type)) != kRemote.end();
}

bool is_untouched(const FileIdentity& before, const FileIdentity& now) {
  return before.size == now.size && before.inode == now.inode && before.device == now.device &&
         before.mtime == now.mtime;
}

}  // namespace rondo::peer
