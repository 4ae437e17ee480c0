#include "peer/transfer/beneath.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::peer {
namespace {

/// For kernels before 5.6, and sandboxes that forbid openat2: component by component.
Fd walk_beneath(int folder, const std::string& path, int flags, mode_t mode) {
  Fd current;
  int at = folder;
  std::string_view rest = path;
  for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    const std::string component(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
    if (component.empty() || component == "..") return errno = EXDEV, Fd();
    Fd next(::openat(at, component.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.ok()) return next;
    current = std::move(next);
    at = current.get();
  }
  const std::string last(rest);
  if (last.empty() || last == "..") return errno = EXDEV, Fd();
  return Fd(::openat(at, last.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode));
}

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  Fd copy(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy.ok() ? ::fdopendir(copy.get()) : nullptr, ::closedir);
  if (!entries) return names;
  copy.release();
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has this stream.
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

}  // namespace

Fd open_beneath(int folder, const std::string& path, int flags, mode_t mode) {
  ::open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return walk_beneath(folder, path, flags, mode);
  return Fd(static_cast<int>(fd));
}

Fd make_folders_beneath(int folder, const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (path.empty()) return Fd(::openat(folder, ".", kFlags));
  // Most are there.
  if (Fd there = open_beneath(folder, path, kFlags); there.ok() || errno != ENOENT) return there;
  const auto slash = path.rfind('/');
  const bool is_top = slash == std::string::npos;
  const Fd parent = make_folders_beneath(folder, is_top ? "" : path.substr(0, slash));
  if (!parent.ok()) return Fd();
  const std::string name = is_top ? path : path.substr(slash + 1);
  if (::mkdirat(parent.get(), name.c_str(), 0777) != 0 && errno != EEXIST) return Fd();
  return open_beneath(parent.get(), name, kFlags);
}

void remove_contents(int folder) {
  for (const std::string& name : names_in(folder)) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || (errno != EISDIR && errno != EPERM)) continue;
    const Fd below(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below.ok()) remove_contents(below.get());
    ::unlinkat(folder, name.c_str(), AT_REMOVEDIR);
  }
}

void remove_others(int folder, const std::function<bool(const std::string&, bool)>& keep, const std::string& below) {
  for (const std::string& name : names_in(folder)) {
    struct ::stat info {};
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const std::string path = below + name;
    if (S_ISREG(info.st_mode) && keep(path, false)) continue;
    if (!S_ISDIR(info.st_mode)) {
      ::unlinkat(folder, name.c_str(), 0);
      continue;
    }
    const Fd within(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!within.ok()) continue;
    if (keep(path, true)) {
      remove_others(within.get(), keep, path + "/");
    } else {
      remove_contents(within.get());
      ::unlinkat(folder, name.c_str(), AT_REMOVEDIR);
    }
  }
}

}  // namespace rondo::peer
