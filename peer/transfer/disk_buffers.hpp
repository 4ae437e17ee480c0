// Memory for blocks on their way between network and disk: 16 KiB each, the last freed is the next given, so that it is
// still in a core's cache.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

namespace rondo::peer {

/// Thread-safe.
class DiskBuffers {
 public:
  static constexpr std::size_t kBytes = 16 * 1024;

  DiskBuffers();
  ~DiskBuffers();
  DiskBuffers(const DiskBuffers&) = delete;
  DiskBuffers& operator=(const DiskBuffers&) = delete;

  /// Throws std::bad_alloc.
  char* get();
  void give_back(char* buffer);
  [[nodiscard]] std::size_t in_use() const { return in_use_; }

 private:
  std::mutex mutex_;
  std::vector<char*> free_;
  std::atomic<std::size_t> in_use_{0};
};

}  // namespace rondo::peer
