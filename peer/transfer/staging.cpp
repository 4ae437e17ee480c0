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
#include <string_view>
#include <system_error>
#include <unordered_set>
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

}  // namespace

fs::path staging_folder(const fs::path& into, const RingId& info_hash) {
  return into / (".rondo-" + info_hash.hex() + ".part");
}

Result<Staging, TransferError> Staging::open(const fs::path& into, const Content& content, WhenExists when_exists) {
  std::error_code error;
  const fs::path absolute = fs::absolute(into, error);
  Staging staging(absolute, staging_folder({}, content.info_hash).string());
  staging.name_ = content.name;
  staging.when_exists_ = when_exists;
  if (Problem problem = staging.open_target()) return Failure{std::move(*problem)};
  auto skipped = Place{-1, staging.target_.get(), staging.into_, when_exists}.survey(content);
  if (!skipped) return Failure{skipped.error()};
  staging.skipped_ = std::move(*skipped);
  if (Problem problem = staging.open_folder()) return Failure{std::move(*problem)};
  if (Problem problem = staging.check_room(content)) return Failure{std::move(*problem)};
  if (Problem problem = staging.check_case(content)) return Failure{std::move(*problem)};
  return staging;
}

Staging::~Staging() {
  // libtorrent makes files and folders when it writes to them.
  if (discarded_ || !staging_.ok() || !exists(staging_.get(), name_)) remove();
}

Problem Staging::open_target() {
  // Another fetch that ends may take away a folder that it made and we found.
  for (int i = 0; i < kTries && !target_.ok(); ++i) {
    fs::path made;
    Problem problem;
    for (const fs::path& component : into_) {
      made /= component;
      if (::mkdir(made.c_str(), 0777) == 0)
        made_.push_back(made);
      else if (errno != EEXIST && errno != ENOENT && !problem)
        problem = error_of(errno, "make the folder", made);
    }
    target_ = Fd(::open(into_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A folder that can't be made may be there: file systems that can't be written say so first.
    if (!target_.ok() && problem && (errno == ENOENT || errno == ENOTDIR)) return problem;
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

std::uint64_t Staging::wanted_room(const Content& content) const {
  std::uint64_t wanted = 0;
  for (std::size_t i = 0; i < content.files.size(); ++i) {
    if (skipped_[i]) continue;
    const ContentFile& file = content.files[i];
    struct ::stat info {};
    const bool is_there =
        exists_before_ && ::fstatat(staging_.get(), file.path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
    const std::uint64_t has = is_there ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
    wanted += file.size - std::min(file.size, has);
  }
  return wanted;
}

Problem Staging::check_room(const Content& content) const {
  struct ::statvfs disk {};
  if (::fstatvfs(target_.get(), &disk) != 0) return std::nullopt;
  const std::uint64_t room = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  const std::uint64_t wanted = wanted_room(content);
  // Some file systems have no figures to give.
  if (disk.f_blocks == 0 || room >= wanted) return std::nullopt;
  return TransferError{TransferErrc::kDiskFull, "there is no room for " + display(content.name) + " in " +
                                                    display(into_.string()) + ": it needs " + size_text(wanted) + ", " +
                                                    size_text(wanted - room) + " more than is free"};
}

Problem Staging::open_folder() {
  for (int i = 0; i < kTries; ++i) {
    exists_before_ = ::mkdirat(target_.get(), folder_.c_str(), 0700) != 0;
    if (exists_before_ && errno != EEXIST) return error_of(errno, "write to", into_);
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
    staging_ = std::move(fd);
    record_ = std::make_shared<ResumeFile>(staging_.get());
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

/// Only what the content names may be moved to the user with it.
void Staging::remove_strangers(const Content& content) const {
  std::unordered_set<std::string_view> known{ResumeFile::kName};
  for (const ContentFile& file : content.files)
    for (std::string_view path = file.path; known.insert(path).second;) {
      const auto slash = path.rfind('/');
      if (slash == std::string_view::npos) break;
      path = path.substr(0, slash);
    }
  std::unordered_set<std::string_view> files{ResumeFile::kName};
  for (const ContentFile& file : content.files) files.insert(file.path);
  remove_others(staging_.get(), [&](const std::string& path, bool is_folder) {
    return files.contains(path) != is_folder && known.contains(path);
  });
}

std::vector<std::uint64_t> Staging::found(const Content& content) {
  std::vector<std::uint64_t> sizes(content.files.size());
  if (!exists_before_) return sizes;
  remove_strangers(content);
  for (std::size_t i = 0; i < content.files.size(); ++i) {
    const ContentFile& file = content.files[i];
    const Fd fd = open_beneath(staging_.get(), file.path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    struct ::stat info {};
    if (!fd.ok() || ::fstat(fd.get(), &info) != 0) continue;
    sizes[i] = static_cast<std::uint64_t>(info.st_size);
    if (sizes[i] <= file.size) continue;
    sizes[i] = ::ftruncate(fd.get(), static_cast<off_t>(file.size)) == 0 ? file.size : 0;
  }
  return sizes;
}

Result<Placed, TransferError> Staging::place(const Content& content) {
  RONDO_ASSERT(staging_.ok());
  auto placed = Place{staging_.get(), target_.get(), into_, when_exists_}.place(content, skipped_);
  if (!placed) return placed;
  made_.clear();
  remove();
  return placed;
}

void Staging::remove() {
  if (staging_.ok()) {
    record_->close();
    remove_contents(staging_.get());
    ::unlinkat(target_.get(), folder_.c_str(), AT_REMOVEDIR);
    // Closing ends the lock; the folder is gone by then, so that nobody takes over a folder that we still empty.
    staging_ = Fd();
  }
  std::for_each(made_.rbegin(), made_.rend(), [](const fs::path& folder) { ::rmdir(folder.c_str()); });
  made_.clear();
}

}  // namespace rondo::peer
