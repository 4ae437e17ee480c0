#include "peer/transfer/file_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "dht/base/assert.hpp"
#include "peer/transfer/fd.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {

struct FileWatch::State {
  explicit State(WatchCallbacks given) : callbacks(std::move(given)), wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    RONDO_ASSERT(wake.ok());
  }

  void poke() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake.get(), &one, sizeof one);
  }
  void tell_lost(std::vector<LostFile> lost) {
    const std::lock_guard lock(mutex);
    if (!stop) callbacks.lost(std::move(lost));
  }
  void tell_settled() {
    const std::lock_guard lock(mutex);
    if (!stop) callbacks.settled();
  }

  std::mutex mutex;
  WatchCallbacks callbacks;
  std::atomic<bool> stop = false;
  std::atomic<bool> look_wanted = false;
  Fd wake;
};

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::uint32_t kFolderEvents = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |
                                        IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::uint32_t kAncestorEvents = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash == 0 ? "/" : path.substr(0, slash);
}

/// The thread's own.
class Watcher {
 public:
  Watcher(std::vector<WatchedFile> files, std::shared_ptr<FileWatch::State> state, std::size_t max_watches)
      : state_(std::move(state)), max_watches_(max_watches) {
    std::unordered_map<std::string, std::uint32_t> folders;
    for (WatchedFile& file : files) {
      const std::string_view folder = parent_of(file.path);
      const auto [at, is_new] = folders.emplace(folder, static_cast<std::uint32_t>(folders_.size()));
      if (is_new) folders_.push_back({at->first, 0, 0});
      entries_.push_back(
          {file.identity, file.path.substr(file.path.rfind('/') + 1), at->second, file.number, false, false});
      file.path = {};
    }
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return std::tie(a.folder, a.name) < std::tie(b.folder, b.name); });
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Folder& folder = folders_[entries_[i].folder];
      if (folder.end == 0) folder.begin = i;
      folder.end = i + 1;
    }
  }

  void run() {
    watch_folders();
    look_at_all();
    next_sweep_ = Clock::now() + sweep_pause();
    while (!state_->stop) {
      wait();
      if (state_->stop) return;
      if (state_->look_wanted.exchange(false)) {
        look_at_all();
        unsettled_ = true;
      }
      read_events();
      if (overdue_look_ && Clock::now() >= next_look_) look_at_all();
      sweep_on();
      settle();
    }
  }

 private:
  struct Entry {
    FileIdentity identity;
    std::string name;
    std::uint32_t folder;
    std::uint32_t number;
    bool lost;
    /// Somebody who could write closed it, and it was not looked at since.
    bool closed;
  };
  struct Folder {
    std::string path;
    std::size_t begin;
    std::size_t end;
  };

  // --- watches

  void watch_folders() {
    inotify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_.ok()) all_watched_ = false;
    std::set<std::uint64_t> devices;
    std::set<std::string, std::less<>> ancestors;
    for (std::uint32_t i = 0; i < folders_.size() && !state_->stop; ++i) {
      const Folder& folder = folders_[i];
      watch(folder.path, kFolderEvents, i);
      if (devices.insert(entries_[folder.begin].identity.device).second && is_remote(folder.path)) all_watched_ = false;
      std::string_view above = folder.path;
      while (above.size() > 1 && ancestors.emplace(above = parent_of(above)).second) {
      }
    }
    for (const Folder& folder : folders_) ancestors.erase(folder.path);
    for (const std::string& ancestor : ancestors) watch(ancestor, kAncestorEvents, std::nullopt);
  }

  void watch(const std::string& path, std::uint32_t events, std::optional<std::uint32_t> folder) {
    if (!inotify_.ok()) return;
    const int number = watches_ < max_watches_ ? ::inotify_add_watch(inotify_.get(), path.c_str(), events) : -1;
    if (number < 0) {
      all_watched_ = false;
      return;
    }
    ++watches_;
    if (folder) watched_[number] = *folder;
  }

  // --- waiting

  void wait() {
    auto until = Clock::now() + std::chrono::hours(1);
    if (unsettled_) until = std::min(until, settle_at());
    if (overdue_look_) until = std::min(until, next_look_);
    until = std::min(until, next_sweep_);
    std::array<::pollfd, 2> waited{::pollfd{state_->wake.get(), POLLIN, 0}, ::pollfd{inotify_.get(), POLLIN, 0}};
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    // A negative descriptor is ignored by poll().
    const int ready = ::poll(waited.data(), waited.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready <= 0) return;
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(state_->wake.get(), &count, sizeof count);
    // Whoever writes on and on, to a file that isn't ours perhaps, is looked at now and then.
    if ((waited[1].revents & POLLIN) != 0) std::this_thread::sleep_for(limits::kWatchPause);
  }

  void read_events() {
    if (!inotify_.ok()) return;
    alignas(::inotify_event) std::array<char, 64 * 1024> buffer{};
    std::vector<std::size_t> touched;
    for (;;) {
      const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
      if (got <= 0) break;
      for (const char* at = buffer.data(); at < buffer.data() + got;) {
        ::inotify_event event{};
        std::memcpy(&event, at, sizeof event);
        on_event(event, at + sizeof event, touched);
        at += sizeof event + event.len;
      }
      if (state_->stop || touched.size() > entries_.size()) break;
    }
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    std::vector<LostFile> lost;
    for (const std::size_t i : touched) look_at(entries_[i], lost);
    tell(std::move(lost));
  }

  void on_event(const ::inotify_event& event, const char* name, std::vector<std::size_t>& touched) {
    // Also: events were dropped, a file system went away.
    if ((event.mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_Q_OVERFLOW | IN_UNMOUNT)) != 0) overdue_look_ = true;
    const auto folder = watched_.find(event.wd);
    if (folder == watched_.end() || event.len == 0) return;
    const auto [path, begin, end] = folders_[folder->second];
    const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = entries_.begin() + static_cast<std::ptrdiff_t>(end);
    const std::string_view wanted(name);
    const auto at = std::lower_bound(first, last, wanted,
                                     [](const Entry& entry, std::string_view value) { return entry.name < value; });
    if (at == last || at->name != wanted) return;
    at->closed = at->closed || (event.mask & IN_CLOSE_WRITE) != 0;
    touched.push_back(static_cast<std::size_t>(at - entries_.begin()));
  }

  // --- looking

  void look_at(Entry& entry, std::vector<LostFile>& lost) const {
    if (entry.lost) return;
    const std::string& folder = folders_[entry.folder].path;
    const std::string path = (folder.ends_with('/') ? folder : folder + "/") + entry.name;
    errno = 0;
    const auto now = read_identity(path);
    const bool closed = std::exchange(entry.closed, false);
    if (now && *now == entry.identity) {
      if (closed) lost.push_back({entry.number, Loss::kTouched});
      return;
    }
    const bool other = now && !is_untouched(entry.identity, *now);
    // Where only ctime moved, it may vanish between these two looks.
    if (now && !other && ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0) {
      entry.identity = *now;
      lost.push_back({entry.number, Loss::kTouched});
      return;
    }
    entry.lost = true;
    lost.push_back({entry.number, other ? Loss::kChanged : errno == EACCES ? Loss::kUnreadable : Loss::kGone});
  }

  void look_at_all() {
    std::vector<LostFile> lost;
    for (Entry& entry : entries_) {
      if (state_->stop) return;
      look_at(entry, lost);
    }
    tell(std::move(lost));
    overdue_look_ = false;
    next_look_ = Clock::now() + limits::kWatchLookPause;
  }

  milliseconds sweep_pause() const { return all_watched_ ? limits::kSweepPause : limits::kSweepPauseUnwatched; }

  /// The next few of a sweep.
  void sweep_on() {
    if (Clock::now() < next_sweep_) return;
    std::vector<LostFile> lost;
    for (std::size_t i = 0; i < limits::kSweepFiles && sweep_ < entries_.size(); ++i) look_at(entries_[sweep_++], lost);
    tell(std::move(lost));
    const bool done = sweep_ == entries_.size();
    if (done) sweep_ = 0;
    next_sweep_ = Clock::now() + (done ? sweep_pause() : limits::kSweepStep);
  }

  // --- telling

  void tell(std::vector<LostFile> lost) {
    if (lost.empty()) return;
    last_loss_ = Clock::now();
    if (!std::exchange(unsettled_, true)) first_loss_ = last_loss_;
    state_->tell_lost(std::move(lost));
  }

  Clock::time_point settle_at() const {
    return std::min(last_loss_ + limits::kSettleQuiet, first_loss_ + limits::kSettleLongest);
  }

  void settle() {
    if (!unsettled_ || Clock::now() < settle_at()) return;
    unsettled_ = false;
    state_->tell_settled();
  }

  std::shared_ptr<FileWatch::State> state_;
  std::size_t max_watches_;
  std::vector<Entry> entries_;
  std::vector<Folder> folders_;

  Fd inotify_;
  std::size_t watches_ = 0;
  bool all_watched_ = true;
  std::unordered_map<int, std::uint32_t> watched_;

  bool overdue_look_ = false;
  Clock::time_point next_look_{};
  std::size_t sweep_ = 0;
  Clock::time_point next_sweep_{};
  bool unsettled_ = false;
  Clock::time_point first_loss_{};
  Clock::time_point last_loss_{};
};

}  // namespace

FileWatch::FileWatch(std::vector<WatchedFile> files, WatchCallbacks callbacks, std::size_t max_watches)
    : state_(std::make_shared<State>(std::move(callbacks))) {
  std::thread([files = std::move(files), state = state_, max_watches]() mutable {
    Watcher(std::move(files), std::move(state), max_watches).run();
  }).detach();
}

FileWatch::~FileWatch() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->poke();
}

void FileWatch::look_again() {
  state_->look_wanted = true;
  state_->poke();
}

}  // namespace rondo::peer
