#include "peer/transfer/placing.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "dht/base/display.hpp"
#include "peer/transfer/beneath.hpp"
#include "peer/transfer/errors.hpp"
#include "peer/transfer/sanitize.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;
using Problem = std::optional<TransferError>;

/// Names that kRename tries before it gives up.
constexpr unsigned kNames = 1000;

bool exists(int folder, const std::string& name) {
  struct ::stat info {};
  return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/// For file systems without RENAME_NOREPLACE. Nothing is replaced here either: a link to a file fails when the name is
/// taken, and so does making the empty folder that the full one then takes the place of.
int rename_without_flag(int from, const std::string& name, int to, const std::string& as) {
  struct ::stat info {};
  if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  if (!S_ISDIR(info.st_mode)) {
    if (::linkat(from, name.c_str(), to, as.c_str(), 0) != 0) return errno;
    return ::unlinkat(from, name.c_str(), 0) == 0 ? 0 : errno;
  }
  if (::mkdirat(to, as.c_str(), 0700) != 0) return errno;
  if (::renameat(from, name.c_str(), to, as.c_str()) == 0) return 0;
  const int error = errno;
  ::unlinkat(to, as.c_str(), AT_REMOVEDIR);
  return error;
}

/// Never replaces. Returns errno.
int rename_new(int from, const std::string& name, int to, const std::string& as) {
  if (::renameat2(from, name.c_str(), to, as.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  return rename_without_flag(from, name, to, as);
}

/// "a/b" and "c" of "a/b/c".
std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

/// What stands at the path of a file, below a folder.
enum class There { kNothing, kSomething, kFolder, kNoWay };

There look(int folder, const std::string& path) {
  const Fd fd = open_beneath(folder, path, O_PATH | O_NOFOLLOW);
  if (!fd.ok()) return errno == ENOENT ? There::kNothing : There::kNoWay;
  struct ::stat info {};
  if (::fstat(fd.get(), &info) != 0) return There::kNoWay;
  return S_ISDIR(info.st_mode) ? There::kFolder : There::kSomething;
}

bool is_one_file(const Content& content) { return content.files.size() == 1 && content.files[0].path == content.name; }

}  // namespace

Result<std::vector<bool>, TransferError> Place::survey(const Content& content) const {
  std::vector<bool> skipped(content.files.size());
  if (when_exists == WhenExists::kRename || !exists(target, content.name)) return skipped;
  if (when_exists == WhenExists::kRefuse) return Failure{already_there(into / content.name)};
  for (std::size_t i = 0; i < content.files.size(); ++i) {
    const std::string& path = content.files[i].path;
    switch (look(target, path)) {
      case There::kNothing: break;
      case There::kSomething: skipped[i] = when_exists == WhenExists::kSkip; break;
      case There::kFolder:
        return Failure{TransferError{TransferErrc::kExists, display((into / path).string()) +
                                                                " is a folder, and a file is to be placed there: move "
                                                                "it away, or fetch into another folder"}};
      case There::kNoWay:
        return Failure{TransferError{TransferErrc::kExists, display((into / path).string()) +
                                                                " can't be placed: a file or a symbolic link is in the "
                                                                "way; fetch into another folder"}};
    }
  }
  return skipped;
}

Problem Place::finish_file(const ContentFile& file) const {
  const fs::path shown = into / file.path;
  if (file.size == 0) {
    const auto [folder, name] = split(file.path);
    const Fd parent = make_folders_beneath(staging, folder);
    if (!parent.ok()) return error_of(errno, "make the folder of", shown);
    const Fd fd = open_beneath(parent.get(), name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0666);
    if (!fd.ok()) return error_of(errno, "write", shown);
  }
  struct ::stat info {};
  if (::fstatat(staging, file.path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return error_of(errno, "find", shown);
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != file.size)
    return TransferError{TransferErrc::kInternal, display(shown.string()) + " is not as it was written"};
  if (!file.executable) return std::nullopt;
  const Fd fd = open_beneath(staging, file.path, O_RDONLY | O_NOFOLLOW);
  // x wherever r is: what the umask left.
  if (!fd.ok() || ::fchmod(fd.get(), (info.st_mode & 07777) | (info.st_mode & 0444) >> 2) != 0)
    return error_of(errno, "make executable", shown);
  return std::nullopt;
}

int Place::rename_whole(const std::string& name, const std::string& as) const {
  struct ::stat top {};
  if (::fstatat(staging, name.c_str(), &top, AT_SYMLINK_NOFOLLOW) != 0 || S_ISLNK(top.st_mode)) return ENOENT;
  return rename_new(staging, name, target, as);
}

Result<Placed, TransferError> Place::place_renamed(const Content& content) const {
  for (unsigned i = 1; i <= kNames; ++i) {
    const std::string as = i == 1 ? content.name : numbered_name(content.name, i, is_one_file(content));
    const int error = rename_whole(content.name, as);
    if (error == 0) return Placed{into / as, i == 1};
    if (error != EEXIST) return Failure{*error_of(error, "write", into / as)};
  }
  return Failure{already_there(into / content.name)};
}

Result<Placed, TransferError> Place::merge(const Content& content, const std::vector<bool>& skipped) const {
  Placed placed{into / content.name};
  // Files of one folder come in a row.
  std::string at_path;
  Fd at = make_folders_beneath(target, at_path);
  for (std::size_t i = 0; i < content.files.size(); ++i) {
    const std::string& path = content.files[i].path;
    const auto [folder, name] = split(path);
    if (folder != at_path) at = make_folders_beneath(target, folder);
    at_path = folder;
    if (!at.ok()) return Failure{*error_of(errno, "make the folder of", into / path)};
    if (skipped[i]) {
      placed.is_whole = false;
      continue;
    }
    int error = 0;
    if (when_exists == WhenExists::kSkip)
      error = rename_new(staging, path, at.get(), name);
    else if (::renameat(staging, path.c_str(), at.get(), name.c_str()) != 0)
      error = errno;
    // Somebody put it there while we fetched: it stays, as do the others.
    if (error == EEXIST && when_exists == WhenExists::kSkip)
      placed.is_whole = false;
    else if (error != 0)
      return Failure{*error_of(error, "write", into / path)};
  }
  return placed;
}

Result<Placed, TransferError> Place::place(const Content& content, const std::vector<bool>& skipped) const {
  for (std::size_t i = 0; i < content.files.size(); ++i)
    if (!skipped[i])
      if (Problem problem = finish_file(content.files[i])) return Failure{std::move(*problem)};
  if (when_exists == WhenExists::kRename) return place_renamed(content);
  const bool merging = when_exists != WhenExists::kRefuse && exists(target, content.name);
  if (merging) return merge(content, skipped);
  const int error = rename_whole(content.name, content.name);
  if (error == EEXIST) return Failure{already_there(into / content.name)};
  if (error != 0) return Failure{*error_of(error, "write", into / content.name)};
  return Placed{into / content.name};
}

}  // namespace rondo::peer
