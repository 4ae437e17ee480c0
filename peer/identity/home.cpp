#include "peer/identity/home.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include "dht/base/display.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;

Failure<std::string> cannot(const std::string& action, const fs::path& path, int error) {
  return Failure<std::string>{"can't " + action + " " + display(path.string()) + ": " +
                              std::generic_category().message(error)};
}

/// The XDG specification has relative paths ignored.
std::optional<fs::path> absolute_variable(const GetEnvironment& environment, const char* name) {
  const auto value = environment(name);
  if (!value || !fs::path(*value).is_absolute()) return std::nullopt;
  return fs::path(*value);
}

/// Makes a folder 0700; the folders above it as the umask says, for they are not ours alone.
Result<Done> make_private_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (error) return cannot("make the folder", folder.parent_path(), error.value());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return cannot("make the folder", folder, errno);
  struct ::stat info {};
  if (::stat(folder.c_str(), &info) != 0) return cannot("use", folder, errno);
  if (!S_ISDIR(info.st_mode)) return cannot("use", folder, ENOTDIR);
  return Done{};
}

bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

int rename_file(const fs::path& from, const fs::path& to, IfThere if_there) {
  if (if_there == IfThere::kReplace) return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // On a file system that can't promise not to replace: a link fails where the name is taken.
  if (::link(from.c_str(), to.c_str()) != 0) return errno;
  ::unlink(from.c_str());
  return 0;
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

std::string holder_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size() - 1, 0);
  const long pid = size > 0 ? std::strtol(text.data(), nullptr, 10) : 0;
  return pid > 0 ? "another rondo (pid " + std::to_string(pid) + ")" : "another rondo";
}

}  // namespace

std::optional<std::string> process_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

Result<Home> find_home(const std::optional<fs::path>& flag, const GetEnvironment& environment) {
  const auto variable = environment("RONDO_HOME");
  const auto chosen = flag ? flag : variable ? std::optional<fs::path>(*variable) : std::nullopt;
  if (chosen) {
    std::error_code error;
    const fs::path folder = fs::absolute(*chosen, error).lexically_normal();
    if (chosen->empty() || error) return Failure<std::string>{"--home needs the name of a folder"};
    return Home{folder / "config", folder / "state", folder};
  }
  auto user = absolute_variable(environment, "HOME");
  if (!user) {
    // Under cron and in bare containers the variable can be missing where the account still has a home.
    ::passwd entry{};
    std::array<char, 4096> texts{};
    ::passwd* account = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, texts.data(), texts.size(), &account) == 0 && account != nullptr &&
        account->pw_dir != nullptr && account->pw_dir[0] == '/')
      user = account->pw_dir;
  }
  const auto config = absolute_variable(environment, "XDG_CONFIG_HOME");
  const auto state = absolute_variable(environment, "XDG_STATE_HOME");
  if (!user && !(config && state))
    return Failure<std::string>{"there is no home folder for this user: set HOME, or say --home DIR"};
  Home home;
  home.config = (config ? *config : *user / ".config") / "rondo";
  home.state = (state ? *state : *user / ".local" / "state") / "rondo";
  home.shown = home.state;
  return home;
}

Result<Done> make_home(const Home& home) {
  if (home.shown != home.state)
    if (auto made = make_private_folder(home.shown); !made) return made;
  if (auto made = make_private_folder(home.config); !made) return made;
  return make_private_folder(home.state);
}

Result<HomeLock> HomeLock::take(const Home& home) {
  const fs::path path = home.state / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return cannot("open", path, errno);
  HomeLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot("lock", path, errno);
    return Failure<std::string>{holder_of(fd) + " uses " + display(home.shown.string()) +
                                ": stop it, or give this one its own --home"};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) return cannot("write", path, errno);
  return lock;
}

HomeLock::~HomeLock() {
  // The file stays: removing it would let two processes hold locks on two files of one name.
  if (fd_ >= 0) ::close(fd_);
}

Result<Done> atomic_write_file(const fs::path& path, ByteView bytes, unsigned mode, IfThere if_there) {
  std::string temporary = path.string() + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return cannot("write to", path.parent_path(), errno);
  const bool written = ::fchmod(fd, mode) == 0 && write_all(fd, bytes) && ::fsync(fd) == 0;
  int error = written ? 0 : errno;
  // close() reports what a network file system could not write.
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error == 0) error = rename_file(temporary, path, if_there);
  if (error != 0) {
    ::unlink(temporary.c_str());
    return cannot("write", path, error);
  }
  sync_folder(path.parent_path());
  return Done{};
}

}  // namespace rondo::peer
