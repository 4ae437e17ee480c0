// The threads of the disk back-end, and the way to them and back.
//
// One thread adds jobs, submits them, and takes them back when they are finished; jobs are destroyed in that thread
// only, for they hold what belongs to it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "peer/transfer/disk_order.hpp"
#include "peer/transfer/open_files.hpp"

namespace rondo::peer {

class DiskPool {
 public:
  /// `wake` is called from a worker when there is something to take, once until it was taken. `files` are closed when
  /// the workers have had nothing to do for a while.
  DiskPool(OpenFiles& files, std::function<void()> wake);
  /// Stops and joins.
  ~DiskPool();

  /// Runs at the next submit() at the latest. After stop() it is cancelled.
  void add(TorrentJobs& torrent, std::unique_ptr<DiskJob> job);
  void submit();
  /// In an order in which no fence comes before a job that came before it.
  DiskJobs take_finished();
  /// Before the torrent goes. REQUIRES: none of its jobs is unfinished.
  void forget(TorrentJobs& torrent);
  [[nodiscard]] std::size_t unfinished() const;

  /// Cancels what only reads, does the rest, and lets the threads end.
  void stop();
  /// Waits for that. It can take as long as a dead file server takes.
  void join();

 private:
  void work();
  /// Runs, or cancels, all of its jobs.
  static void run(DiskOrder::Run& run, DiskTools& tools, bool cancel_reads);
  void wait(std::unique_lock<std::mutex>& lock);
  /// With the lock held.
  void hand_back(DiskJobs jobs);
  [[nodiscard]] bool may_end() const { return stopping_ && order_.unfinished() == 0; }

  OpenFiles& files_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable submitted_;
  DiskOrder order_;
  DiskJobs finished_;
  bool woken_ = false;
  bool stopping_ = false;
  std::size_t idle_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace rondo::peer
