#include "peer/transfer/staging.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "dht/base/assert.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/beneath.hpp"
#include "peer/transfer/errors.hpp"
#include "peer/transfer/sanitize.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;
using Problem = std::optional<TransferError>;

/// A staging folder can vanish between making and locking when its last owner removes it; this often, at most.
constexpr int kTries = 10;

constexpr std::uint64_t kFewBlocks = 64 * 1024;

bool exists(int folder, const std::string& name) {
  struct ::stat info {};
  return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

bool same_file(int fd, int folder, const std::string& name) {
  struct ::stat mine {};
  struct ::stat named {};
  return ::fstat(fd, &mine) == 0 && ::fstatat(folder, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

/// For file systems without RENAME_NOREPLACE. Nothing is replaced here either: a link to a file fails when the name is
/// taken, and so does making the empty folder that the full one then takes the place of.
int rename_without_flag(int from, int to, const std::string& name) {
  struct ::stat info {};
  if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  if (!S_ISDIR(info.st_mode)) {
    if (::linkat(from, name.c_str(), to, name.c_str(), 0) != 0) return errno;
    return ::unlinkat(from, name.c_str(), 0) == 0 ? 0 : errno;
  }
  if (::mkdirat(to, name.c_str(), 0700) != 0) return errno;
  if (::renameat(from, name.c_str(), to, name.c_str()) == 0) return 0;
  const int error = errno;
  ::unlinkat(to, name.c_str(), AT_REMOVEDIR);
  return error;
}

/// Makes the folders on the way to a file below `root`, none of them through a link. Returns errno.
int make_folder_of(int root, const std::string& path) {
  Fd folder;
  int at = root;
  for (std::size_t start = 0, slash = path.find('/'); slash != std::string::npos;
       start = slash + 1, slash = path.find('/', start)) {
    const std::string name = path.substr(start, slash - start);
    if (::mkdirat(at, name.c_str(), 0777) != 0 && errno != EEXIST) return errno;
    Fd next(::openat(at, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.ok()) return errno;
    folder = std::move(next);
    at = folder.get();
  }
  return 0;
}

}  // namespace

Result<Staging, TransferError> Staging::open(const fs::path& into, const Content& content) {
  std::error_code error;
  const fs::path absolute = fs::absolute(into, error);
  Staging staging(absolute, ".rondo-" + content.info_hash.hex() + ".part");
  if (Problem problem = staging.open_target()) return Failure{std::move(*problem)};
  if (exists(staging.target_.get(), content.name)) return Failure{already_there(staging.into_ / content.name)};
  if (Problem problem = staging.open_folder()) return Failure{std::move(*problem)};
  if (Problem problem = staging.check_room(content)) return Failure{std::move(*problem)};
  if (Problem problem = staging.check_case(content)) return Failure{std::move(*problem)};
  return staging;
}

Staging::~Staging() { remove(); }

Problem Staging::open_target() {
  // Another fetch that ends may take away a folder that it made and we found.
  for (int i = 0; i < kTries && !target_.ok(); ++i) {
    fs::path made;
    for (const fs::path& component : into_) {
      made /= component;
      if (::mkdir(made.c_str(), 0777) == 0)
        made_.push_back(made);
      else if (errno != EEXIST && errno != EROFS && errno != EACCES && errno != EISDIR && errno != ENOENT)
        return error_of(errno, "make the folder", made);
    }
    target_ = Fd(::open(into_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!target_.ok() && errno != ENOENT) break;
  }
  if (!target_.ok()) return error_of(errno, "open the folder", into_);
  return std::nullopt;
}

Problem Staging::check_case(const Content& content) const {
  const Fd probe(::openat(staging_.get(), "case", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const bool taken_for_one = exists(staging_.get(), "CASE");
  ::unlinkat(staging_.get(), "case", 0);
  if (!taken_for_one) return std::nullopt;
  // Only now, because folding the names of 100,000 files takes 15 MB.
  std::map<std::string, const std::string*> folded;
  for (const ContentFile& file : content.files) {
    const auto [known, fresh] = folded.try_emplace(fold_case(file.path), &file.path);
    if (fresh) continue;
    return TransferError{TransferErrc::kDenied, display(into_.string()) + " can't hold both " +
                                                    display(*known->second) + " and " + display(file.path) +
                                                    ", which differ only in case: fetch into a folder on another disk"};
  }
  return std::nullopt;
}

Problem Staging::check_room(const Content& content) const {
  struct ::statvfs disk {};
  if (::fstatvfs(target_.get(), &disk) != 0) return std::nullopt;
  const std::uint64_t room = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  // Some file systems have no figures to give.
  if (disk.f_blocks == 0 || room >= content.bytes) return std::nullopt;
  return TransferError{TransferErrc::kDiskFull, "there is no room for " + display(content.name) + " in " +
                                                    display(into_.string()) + ": it needs " + size_text(content.bytes) +
                                                    ", " + size_text(content.bytes - room) + " more than is free"};
}

Problem Staging::open_folder() {
  for (int i = 0; i < kTries; ++i) {
    if (::mkdirat(target_.get(), folder_.c_str(), 0700) != 0 && errno != EEXIST)
      return error_of(errno, "write to", into_);
    Fd fd = open_beneath(target_.get(), folder_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd.ok() && errno == ENOENT) continue;
    struct ::stat info {};
    if (!fd.ok() || ::fstat(fd.get(), &info) != 0) return error_of(errno, "open", into_ / folder_);
    if (info.st_uid != ::geteuid())
      return TransferError{TransferErrc::kDenied,
                           display((into_ / folder_).string()) + " belongs to another user: remove it first"};
    // Where the file system knows no locks, nobody is kept out.
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return TransferError{TransferErrc::kBusy,
                           "another rondo is fetching the same into " + display(into_.string()) + " right now"};
    if (!same_file(fd.get(), target_.get(), folder_)) continue;
    ::fchmod(fd.get(), 0700);
    remove_contents(fd.get());
    staging_ = std::move(fd);
    return std::nullopt;
  }
  return TransferError{TransferErrc::kBusy, "another rondo keeps taking " + display((into_ / folder_).string())};
}

std::string Staging::path() const {
  std::string by_handle = "/proc/self/fd/" + std::to_string(staging_.get());
  // Without /proc the plain path has to do.
  return ::access(by_handle.c_str(), F_OK) == 0 ? by_handle : (into_ / folder_).string();
}

bool Staging::disk_is_full() const {
  struct ::statvfs disk {};
  if (::fstatvfs(staging_.get(), &disk) != 0 || disk.f_blocks == 0) return false;
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize < kFewBlocks;
}

Problem Staging::finish_file(const ContentFile& file) const {
  const fs::path shown = into_ / file.path;
  if (file.size == 0) {
    if (const int error = make_folder_of(staging_.get(), file.path); error != 0)
      return error_of(error, "make the folder of", shown);
    const Fd fd = open_beneath(staging_.get(), file.path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0666);
    if (!fd.ok()) return error_of(errno, "write", shown);
  }
  struct ::stat info {};
  if (::fstatat(staging_.get(), file.path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return error_of(errno, "find", shown);
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != file.size)
    return TransferError{TransferErrc::kInternal, display(shown.string()) + " is not as it was written"};
  if (!file.executable) return std::nullopt;
  const Fd fd = open_beneath(staging_.get(), file.path, O_RDONLY | O_NOFOLLOW);
  // x wherever r is: what the umask left.
  if (!fd.ok() || ::fchmod(fd.get(), (info.st_mode & 07777) | (info.st_mode & 0444) >> 2) != 0)
    return error_of(errno, "make executable", shown);
  return std::nullopt;
}

int Staging::rename_into_place(const std::string& name) const {
  if (::renameat2(staging_.get(), name.c_str(), target_.get(), name.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  return rename_without_flag(staging_.get(), target_.get(), name);
}

Result<fs::path, TransferError> Staging::place(const Content& content) {
  RONDO_ASSERT(staging_.ok());
  for (const ContentFile& file : content.files)
    if (Problem problem = finish_file(file)) return Failure{std::move(*problem)};
  struct ::stat top {};
  if (::fstatat(staging_.get(), content.name.c_str(), &top, AT_SYMLINK_NOFOLLOW) != 0 || S_ISLNK(top.st_mode))
    return Failure{*error_of(ENOENT, "find", into_ / content.name)};
  const int error = rename_into_place(content.name);
  if (error == EEXIST) return Failure{already_there(into_ / content.name)};
  if (error != 0) return Failure{*error_of(error, "write", into_ / content.name)};
  made_.clear();
  remove();
  return into_ / content.name;
}

void Staging::remove() {
  if (staging_.ok()) {
    remove_contents(staging_.get());
    ::unlinkat(target_.get(), folder_.c_str(), AT_REMOVEDIR);
    // Closing ends the lock; the folder is gone by then, so that nobody takes over a folder that we still empty.
    staging_ = Fd();
  }
  std::for_each(made_.rbegin(), made_.rend(), [](const fs::path& folder) { ::rmdir(folder.c_str()); });
  made_.clear();
}

}  // namespace rondo::peer
