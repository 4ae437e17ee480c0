// In which order the jobs of the disk back-end run.
//
//   1. Jobs of one piece run in the order in which they came, one at a time: a read or a hash sees every write that
//      came before it, without a store buffer.
//   2. Jobs of different pieces run in any order and at the same time.
//   3. A fence (release, stop, rename, delete, ...) runs alone: after every job of its torrent that came before it, and
//      before every one that comes after.
//   4. Torrents know nothing of each other.
//
// What a piece's jobs have in common, the hash that is carried along with its writes, goes from job to job. A fence
// forgets it, for files may be others afterwards; so does an idle piece when there are too many.
//
// Not thread-safe: DiskPool holds the lock.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "peer/transfer/digest.hpp"
#include "peer/transfer/piece_hash.hpp"

namespace rondo::peer {

/// What a worker brings along.
struct DiskTools {
  Digest sha1 = Digest::sha1();
  Digest sha256 = Digest::sha256();
  /// limits::kHashChunk bytes.
  Bytes buffer;
};

class DiskJob {
 public:
  static constexpr int kFence = -1;

  /// `of_piece`: its piece, or kFence.
  explicit DiskJob(int of_piece) : piece(of_piece) {}
  virtual ~DiskJob() = default;
  DiskJob(const DiskJob&) = delete;
  DiskJob& operator=(const DiskJob&) = delete;

  /// Does its work, in a worker. `rest` is this job and those of the same piece that follow it; it may do the work of
  /// those as well, and returns how many it did. `hash` is null for a fence.
  virtual std::size_t run(std::span<const std::unique_ptr<DiskJob>> rest, PieceHash* hash, DiskTools& tools) = 0;
  /// Ends without having run, in any thread.
  virtual void cancel() = 0;
  /// Tells who asked, in the thread that asked.
  virtual void finish() = 0;
  /// Nothing is lost when it doesn't run.
  [[nodiscard]] virtual bool only_reads() const { return false; }
  /// Received bytes that it holds until it is finished.
  [[nodiscard]] virtual std::size_t unwritten() const { return 0; }

  const int piece;
};

using DiskJobs = std::vector<std::unique_ptr<DiskJob>>;

/// The jobs of one torrent. Belongs to a DiskOrder; lives until all of them are done.
class TorrentJobs {
 private:
  friend class DiskOrder;
  struct Piece {
    DiskJobs waiting;
    /// Its turn will come, or is now.
    bool scheduled = false;
    std::unique_ptr<PieceHash> hash;
  };
  std::unordered_map<int, Piece> pieces_;
  /// Issued and not done.
  std::size_t issued_ = 0;
  /// From the first fence that could not run at once on; a running fence is `fenced_` and no longer here.
  std::deque<std::unique_ptr<DiskJob>> blocked_;
  bool fenced_ = false;
};

class DiskOrder {
 public:
  /// What a worker does in one go.
  struct Run {
    TorrentJobs* torrent = nullptr;
    int piece = DiskJob::kFence;
    DiskJobs jobs;
    std::unique_ptr<PieceHash> hash;
  };

  void add(TorrentJobs& torrent, std::unique_ptr<DiskJob> job);
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  [[nodiscard]] std::size_t ready() const { return ready_.size(); }
  /// REQUIRES: has_ready().
  Run take();
  /// A run's jobs were done (and moved away); `count` of them. What waited for them becomes ready.
  void done(Run run, std::size_t count);
  /// Jobs that are not done.
  [[nodiscard]] std::size_t unfinished() const { return unfinished_; }
  /// Before the torrent goes. REQUIRES: none of its jobs is unfinished.
  void forget(TorrentJobs& torrent);

 private:
  struct Turn {
    TorrentJobs* torrent;
    int piece;
  };
  void issue(TorrentJobs& torrent, std::unique_ptr<DiskJob> job);
  void issue_blocked(TorrentJobs& torrent);
  void rest(TorrentJobs& torrent, int piece);

  std::deque<Turn> ready_;
  std::size_t unfinished_ = 0;
  /// Of pieces that have nothing to do.
  std::size_t idle_hashes_ = 0;
};

}  // namespace rondo::peer
