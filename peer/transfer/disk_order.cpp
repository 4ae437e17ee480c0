#include "peer/transfer/disk_order.hpp"

#include <utility>

#include "dht/base/assert.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {

void DiskOrder::add(TorrentJobs& torrent, std::unique_ptr<DiskJob> job) {
  ++unfinished_;
  const bool must_wait = torrent.fenced_ || !torrent.blocked_.empty();
  if (must_wait || (job->piece == DiskJob::kFence && torrent.issued_ != 0))
    return torrent.blocked_.push_back(std::move(job));
  issue(torrent, std::move(job));
}

void DiskOrder::issue(TorrentJobs& torrent, std::unique_ptr<DiskJob> job) {
  const int number = job->piece;
  ++torrent.issued_;
  if (number == DiskJob::kFence) {
    forget(torrent);
    torrent.fenced_ = true;
  }
  TorrentJobs::Piece& piece = torrent.pieces_[number];
  piece.waiting.push_back(std::move(job));
  if (std::exchange(piece.scheduled, true)) return;
  if (piece.hash) --idle_hashes_;
  ready_.push_back({&torrent, number});
}

DiskOrder::Run DiskOrder::take() {
  RONDO_ASSERT(has_ready());
  const Turn turn = ready_.front();
  ready_.pop_front();
  TorrentJobs::Piece& piece = turn.torrent->pieces_.at(turn.piece);
  return {turn.torrent, turn.piece, std::exchange(piece.waiting, {}), std::move(piece.hash)};
}

void DiskOrder::done(Run run, std::size_t count) {
  TorrentJobs& torrent = *run.torrent;
  RONDO_ASSERT(torrent.issued_ >= count && unfinished_ >= count);
  torrent.issued_ -= count;
  unfinished_ -= count;
  TorrentJobs::Piece& piece = torrent.pieces_.at(run.piece);
  piece.hash = std::move(run.hash);
  if (run.piece == DiskJob::kFence) {
    torrent.fenced_ = false;
    torrent.pieces_.erase(run.piece);
  } else if (piece.waiting.empty()) {
    rest(torrent, run.piece);
  } else {
    ready_.push_back({&torrent, run.piece});
  }
  if (torrent.issued_ == 0) issue_blocked(torrent);
}

void DiskOrder::rest(TorrentJobs& torrent, int number) {
  TorrentJobs::Piece& piece = torrent.pieces_.at(number);
  piece.scheduled = false;
  if (piece.hash && idle_hashes_ < limits::kRunningHashes)
    ++idle_hashes_;
  else
    torrent.pieces_.erase(number);
}

void DiskOrder::issue_blocked(TorrentJobs& torrent) {
  while (!torrent.blocked_.empty() && !torrent.fenced_) {
    if (torrent.blocked_.front()->piece == DiskJob::kFence && torrent.issued_ != 0) return;
    std::unique_ptr<DiskJob> job = std::move(torrent.blocked_.front());
    torrent.blocked_.pop_front();
    issue(torrent, std::move(job));
  }
}

void DiskOrder::forget(TorrentJobs& torrent) {
  for (const auto& [number, piece] : torrent.pieces_) {
    RONDO_ASSERT(!piece.scheduled);
    if (piece.hash) --idle_hashes_;
  }
  torrent.pieces_.clear();
}

}  // namespace rondo::peer
