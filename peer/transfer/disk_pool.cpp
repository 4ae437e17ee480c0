#include "peer/transfer/disk_pool.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "peer/transfer/limits.hpp"

namespace rondo::peer {

DiskPool::DiskPool(OpenFiles& files, std::function<void()> wake) : files_(files), wake_(std::move(wake)) {
  try {
    while (threads_.size() < limits::kDiskThreads) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // One does as well.
    if (threads_.empty()) throw;
  }
}

DiskPool::~DiskPool() {
  stop();
  join();
}

void DiskPool::add(TorrentJobs& torrent, std::unique_ptr<DiskJob> job) {
  const std::lock_guard lock(mutex_);
  if (!stopping_) return order_.add(torrent, std::move(job));
  job->cancel();
  DiskJobs cancelled;
  cancelled.push_back(std::move(job));
  hand_back(std::move(cancelled));
}

void DiskPool::submit() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = std::min(idle_, order_.ready()); i > 0; --i) submitted_.notify_one();
}

DiskJobs DiskPool::take_finished() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  return std::exchange(finished_, {});
}

void DiskPool::forget(TorrentJobs& torrent) {
  const std::lock_guard lock(mutex_);
  order_.forget(torrent);
}

std::size_t DiskPool::unfinished() const {
  const std::lock_guard lock(mutex_);
  return order_.unfinished();
}

void DiskPool::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  submitted_.notify_all();
}

void DiskPool::join() {
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void DiskPool::hand_back(DiskJobs jobs) {
  std::move(jobs.begin(), jobs.end(), std::back_inserter(finished_));
  if (!std::exchange(woken_, true)) wake_();
}

void DiskPool::wait(std::unique_lock<std::mutex>& lock) {
  const auto has_work = [this] { return order_.has_ready() || may_end(); };
  ++idle_;
  while (!has_work()) {
    if (files_.empty()) {
      submitted_.wait(lock, has_work);
    } else if (!submitted_.wait_for(lock, limits::kFilesIdle, has_work) && order_.unfinished() == 0) {
      lock.unlock();
      files_.close_all();
      lock.lock();
    }
  }
  --idle_;
}

void DiskPool::run(DiskOrder::Run& run, DiskTools& tools, bool cancel_reads) {
  const std::span<const std::unique_ptr<DiskJob>> jobs(run.jobs);
  for (std::size_t i = 0; i < jobs.size();) {
    if (cancel_reads && jobs[i]->only_reads()) {
      jobs[i++]->cancel();
      continue;
    }
    i += jobs[i]->run(jobs.subspan(i), run.hash.get(), tools);
  }
}

void DiskPool::work() {
  DiskTools tools;
  tools.buffer.resize(limits::kHashChunk);
  std::unique_lock lock(mutex_);
  for (;;) {
    wait(lock);
    if (may_end()) break;
    DiskOrder::Run taken = order_.take();
    const bool cancel_reads = stopping_;
    lock.unlock();
    if (!taken.hash && taken.piece != DiskJob::kFence) taken.hash = std::make_unique<PieceHash>();
    run(taken, tools, cancel_reads);
    if (taken.hash && taken.hash->empty()) taken.hash.reset();
    lock.lock();
    DiskJobs jobs = std::exchange(taken.jobs, {});
    const std::size_t count = jobs.size();
    hand_back(std::move(jobs));
    order_.done(std::move(taken), count);
    // What became ready by this goes on here; a second turn is for another thread.
    if (order_.ready() > 1 && idle_ > 0) submitted_.notify_one();
    if (may_end()) submitted_.notify_all();
  }
}

}  // namespace rondo::peer
