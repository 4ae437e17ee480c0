// What hashing and checking share: reading the files of a plan, several readers, and one count of what they read.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>

#include "peer/transfer/fd.hpp"
#include "peer/transfer/hasher.hpp"

namespace rondo::peer {

/// Read at once by each reader: system calls cost nothing, cancelling is prompt, and what SHA-1 has read is still in
/// the processor's cache for SHA-256.
inline constexpr std::size_t kReadBytes = 256 * 1024;

/// The file of one part at a time. `plan` outlives it.
class PartFile {
 public:
  explicit PartFile(const HashPlan& plan) : plan_(plan) {}

  /// Why it can't be read; empty when it can. The part that was opened last stays open.
  const std::string& open(std::size_t part);

  /// Of the part that open() opened. The size is that of the moment when it was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// As pread(2), going on after signals.
  ssize_t read(std::span<std::uint8_t> into, std::uint64_t at);
  /// Whether nothing was ever written to these bytes, as far as the file system tells.
  bool hole(std::uint64_t begin, std::uint64_t end);

 private:
  std::string try_open(const std::string& path);

  const HashPlan& plan_;
  std::size_t part_ = SIZE_MAX;
  Fd fd_;
  std::uint64_t size_ = 0;
  std::string problem_;
};

/// Adds up what readers have read; any thread may call it.
class ReadCount {
 public:
  explicit ReadCount(const HashedBytes& progress) : progress_(progress) {}

  void add(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    progress_(done_);
  }

 private:
  const HashedBytes& progress_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
};

/// Calls `update` with zeros, until it got so many.
template <class Update>
void feed_zeros(std::uint64_t bytes, Update update) {
  static constexpr std::uint8_t kZeros[kBlock] = {};
  for (; bytes > kBlock; bytes -= kBlock) update(ByteView(kZeros));
  update(ByteView(kZeros).first(static_cast<std::size_t>(bytes)));
}

/// Runs `read` on `readers` threads, this one among them, and returns when all have ended. Where the system gives fewer
/// threads, there are fewer. `read` must not throw.
void run_readers(unsigned readers, const std::function<void()>& read);

}  // namespace rondo::peer
