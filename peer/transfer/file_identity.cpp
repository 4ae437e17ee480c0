#include "peer/transfer/file_identity.hpp"

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

bool is_untouched(const FileIdentity& before, const FileIdentity& now) {
  return before.size == now.size && before.inode == now.inode && before.device == now.device &&
         before.mtime == now.mtime;
}

}  // namespace rondo::peer
