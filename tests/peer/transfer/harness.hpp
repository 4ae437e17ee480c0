// What the transfer tests share: folders that vanish, files of known content, and a Transfer whose events can be
// waited for.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "dht/base/crypto.hpp"
#include "dht/base/rng.hpp"
#include "peer/transfer/file_identity.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/transfer.hpp"
#include "tests/support/temp_dir.hpp"

namespace rondo::peer::test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

using rondo::test::TempDir;

inline std::string random_text(std::uint64_t seed, std::size_t size) {
  std::string out(size, '\0');
  Rng rng(seed);
  rng.fill({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out;
}

inline void write_file(const fs::path& path, const std::string& content, bool executable = false) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
  ::chmod(path.c_str(), executable ? 0755 : 0644);
}

inline std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Path -> "kind size x hash", so that two trees compare with EXPECT_EQ.
using Tree = std::map<std::string, std::string>;

inline Tree tree_of(const fs::path& root) {
  Tree out;
  if (!fs::exists(root)) return out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = fs::relative(entry.path(), root).string();
    if (entry.is_symlink()) {
      out[path] = "link";
    } else if (entry.is_directory()) {
      out[path] = "folder";
    } else if (!entry.is_regular_file()) {
      out[path] = "special";
    } else {
      const std::string content = read_file(entry.path());
      const bool executable = (entry.status().permissions() & fs::perms::owner_exec) != fs::perms::none;
      out[path] = std::string(executable ? "x " : "- ") + std::to_string(content.size()) + " " +
                  to_hex(sha256(as_bytes(content)));
    }
  }
  return out;
}

/// Until every file below was at rest for as long as is_settled() wants: by the files' own times, and bounded by them.
inline void wait_until_at_rest(const fs::path& root) {
  std::int64_t last = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (const auto identity = read_identity(entry.path().string()))
      last = std::max({last, identity->mtime, identity->ctime});
  const auto rested = std::chrono::nanoseconds(last) + limits::kCacheSettled + 1ms;
  std::this_thread::sleep_until(
      std::chrono::system_clock::time_point(std::chrono::ceil<std::chrono::system_clock::duration>(rested)));
}

/// Another byte at an offset under the same size, inode and mtime, so that inotify tells of it only when that is so.
inline void write_in_secret(const fs::path& path, std::size_t offset) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct ::stat info {};
  ASSERT_EQ(::fstat(fd, &info), 0);
  const auto size = static_cast<std::size_t>(info.st_size);
  void* map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(map, MAP_FAILED);
  static_cast<char*>(map)[offset] = static_cast<char>(~static_cast<char*>(map)[offset]);
  const std::array<::timespec, 2> times{info.st_atim, info.st_mtim};
  ASSERT_EQ(::futimens(fd, times.data()), 0);
  ASSERT_EQ(::munmap(map, size), 0);
  ::close(fd);
}

/// A fetch has begun to write there: its staging folder stands.
inline bool has_any(const fs::path& folder) {
  std::error_code error;
  return fs::directory_iterator(folder, error) != fs::directory_iterator();
}

/// A Transfer on a loopback port of the system's choice, without LAN discovery.
class TestPeer {
 public:
  explicit TestPeer(bool only_ring = true, std::chrono::milliseconds record_period = 10s, fs::path state_dir = {}) {
    TransferConfig config;
    config.record_period = record_period;
    config.state_dir = std::move(state_dir);
    config.listen = {Endpoint::v4(127, 0, 0, 1, 0)};
    config.only_ring = only_ring;
    config.lan = false;
    auto made = make_transfer(config, [signal = signal_] {
      const std::lock_guard lock(signal->mutex);
      signal->set = true;
      signal->condition.notify_all();
    });
    if (!made) throw std::runtime_error(made.error().sentence);
    transfer_ = std::move(*made);
  }

  Transfer& operator*() { return *transfer_; }
  Transfer* operator->() { return transfer_.get(); }
  /// Shares paths as job 1 and waits until they are seeded; throws with the sentence when that fails.
  Seeding share(std::vector<fs::path> paths, bool hybrid = false) {
    CreateRequest request;
    request.paths = std::move(paths);
    request.hybrid = hybrid;
    transfer_->share(1, request);
    const auto seeding = wait<Seeding>(1);
    if (!seeding) throw std::runtime_error("not seeding: " + failure.sentence);
    return *seeding;
  }

  /// Fetches as job 7 from one peer; nothing is written before the list of files was seen.
  std::optional<Fetched> fetch(std::variant<Magnet, Bytes> source, const fs::path& into, const Endpoint& from) {
    transfer_->fetch(7, {std::move(source), into});
    transfer_->connect_peer(7, from);
    if (!wait<MetadataReady>(7)) return std::nullopt;
    transfer_->accept(7);
    return wait<Fetched>(7);
  }

  [[nodiscard]] Endpoint endpoint() const { return Endpoint::v4(127, 0, 0, 1, transfer_->listen_port()); }

  /// All events so far.
  std::vector<TransferEvent> events;

  /// The first event of kind T of this job, past ones included; nothing at the deadline, or when the job failed.
  template <class T>
  std::optional<T> wait(JobId job, std::chrono::milliseconds limit = 10s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (std::size_t i = 0;; ++i) {
      while (i >= events.size())
        if (!pump(deadline)) return std::nullopt;
      if (events[i].job != job) continue;
      if (const T* found = std::get_if<T>(&events[i].what)) return *found;
      if (const auto* failed = std::get_if<JobFailed>(&events[i].what)) {
        failure = failed->error;
        return std::nullopt;
      }
    }
  }

  /// Lets what has happened go on, without waiting.
  void drain() {
    for (TransferEvent& event : transfer_->drain()) events.push_back(std::move(event));
  }

  /// Waits until `done` says so, draining. False at the deadline.
  template <class Done>
  bool wait_until(Done done, std::chrono::milliseconds limit = 10s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      pump(deadline);
      if (std::chrono::steady_clock::now() >= deadline) return done();
    }
    return true;
  }

  /// Why the last wait() ended early.
  TransferError failure;

 private:
  struct Signal {
    std::mutex mutex;
    std::condition_variable condition;
    bool set = false;
  };

  /// Waits for a wake, at most a moment, and drains. False at the deadline.
  bool pump(std::chrono::steady_clock::time_point deadline) {
    {
      std::unique_lock lock(signal_->mutex);
      const auto slice = std::min(deadline, std::chrono::steady_clock::now() + 20ms);
      signal_->condition.wait_until(lock, slice, [this] { return signal_->set; });
      signal_->set = false;
    }
    for (TransferEvent& event : transfer_->drain()) events.push_back(std::move(event));
    return std::chrono::steady_clock::now() < deadline;
  }

  std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::unique_ptr<Transfer> transfer_;
};

inline Magnet magnet_of(const Content& content) {
  Magnet magnet;
  magnet.info_hash = content.info_hash;
  magnet.has_v1 = content.has_v1;
  if (content.has_v2) magnet.info_hash_v2 = content.info_hash_v2;
  return magnet;
}

}  // namespace rondo::peer::test
