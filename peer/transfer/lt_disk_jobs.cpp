#include "peer/transfer/lt_disk_jobs.hpp"

#include <array>
#include <boost/asio/error.hpp>
#include <cstring>

#include "peer/transfer/limits.hpp"

namespace rondo::peer {

void LtDiskJob::cancel() { error_ = lt::storage_error(boost::asio::error::operation_aborted); }

// --- read -----------------------------------------------------------------------------------------------------------

LtRead::LtRead(std::shared_ptr<LtStorage> of_storage, const lt::peer_request& request, LtBuffers& buffers,
               lt::counters& counters, Handler handler)
    : LtDiskJob(std::move(of_storage), static_cast<int>(request.piece)),
      offset_(request.start),
      size_(static_cast<std::size_t>(request.length)),
      buffers_(buffers),
      counters_(counters),
      handler_(std::move(handler)) {}

std::size_t LtRead::run(std::span<const std::unique_ptr<DiskJob>>, PieceHash*, DiskTools&) {
  buffer_ = buffers_.get(size_);
  storage->read(index(), offset_, {reinterpret_cast<std::uint8_t*>(buffer_.data()), size_}, error_);
  return 1;
}

void LtRead::finish() {
  if (!error_) {
    counters_.inc_stats_counter(lt::counters::num_blocks_read);
    counters_.inc_stats_counter(lt::counters::num_read_ops);
  }
  handler_(std::move(buffer_), error_);
}

// --- write ----------------------------------------------------------------------------------------------------------

LtWrite::LtWrite(std::shared_ptr<LtStorage> of_storage, const lt::peer_request& request, const char* block,
                 LtBuffers& buffers, lt::counters& counters, Handler handler)
    : LtDiskJob(std::move(of_storage), static_cast<int>(request.piece)),
      offset_(request.start),
      size_(static_cast<std::size_t>(request.length)),
      counters_(counters),
      buffer_(buffers.get(size_)),
      handler_(std::move(handler)) {
  std::memcpy(buffer_.data(), block, size_);
}

ByteView LtWrite::block() const { return {reinterpret_cast<const std::uint8_t*>(buffer_.data()), size_}; }

std::size_t LtWrite::run(std::span<const std::unique_ptr<DiskJob>> rest, PieceHash* hash, DiskTools& tools) {
  std::array<LtWrite*, limits::kBlocksAtOnce> writes{};
  std::array<::iovec, limits::kBlocksAtOnce> blocks{};
  std::size_t count = 0;
  int end = offset_;
  for (; count < std::min(rest.size(), writes.size()); ++count) {
    auto* const next = dynamic_cast<LtWrite*>(rest[count].get());
    if (next == nullptr || next->offset_ != end) break;
    writes[count] = next;
    blocks[count] = {next->buffer_.data(), next->size_};
    end += static_cast<int>(next->size_);
  }
  storage->write(index(), offset_, std::span(blocks).first(count), error_);
  for (LtWrite* write : std::span(writes).first(count)) {
    if (write != this) write->error_ = error_;
    if (!error_) storage->carry(index(), write->offset_, write->block(), *hash, tools);
    write->buffer_.reset();
  }
  if (error_) *hash = PieceHash();
  return count;
}

void LtWrite::finish() {
  if (!error_) {
    counters_.inc_stats_counter(lt::counters::num_blocks_written);
    counters_.inc_stats_counter(lt::counters::num_write_ops);
  }
  handler_(error_);
}

// --- hash -----------------------------------------------------------------------------------------------------------

LtHash::LtHash(std::shared_ptr<LtStorage> of_storage, lt::piece_index_t of_piece, bool v1, lt::span<lt::sha256_hash> v2,
               Handler handler)
    : LtDiskJob(std::move(of_storage), static_cast<int>(of_piece)), v1_(v1), v2_(v2), handler_(std::move(handler)) {}

std::size_t LtHash::run(std::span<const std::unique_ptr<DiskJob>>, PieceHash* hash, DiskTools& tools) {
  hash_ = storage->hash(index(), v1_, v2_, *hash, tools, error_);
  return 1;
}

void LtHash::finish() { handler_(index(), hash_, error_); }

LtHashBlock::LtHashBlock(std::shared_ptr<LtStorage> of_storage, lt::piece_index_t of_piece, int offset, Handler handler)
    : LtDiskJob(std::move(of_storage), static_cast<int>(of_piece)), offset_(offset), handler_(std::move(handler)) {}

std::size_t LtHashBlock::run(std::span<const std::unique_ptr<DiskJob>>, PieceHash*, DiskTools& tools) {
  hash_ = storage->hash_block(index(), offset_, tools, error_);
  return 1;
}

void LtHashBlock::finish() { handler_(index(), hash_, error_); }

// --- fence ----------------------------------------------------------------------------------------------------------

LtFence::LtFence(std::shared_ptr<LtStorage> of_storage, Work work, Handler handler)
    : LtDiskJob(std::move(of_storage), kFence), work_(std::move(work)), handler_(std::move(handler)) {}

std::size_t LtFence::run(std::span<const std::unique_ptr<DiskJob>>, PieceHash*, DiskTools&) {
  work_(*storage, error_);
  return 1;
}

void LtFence::finish() {
  if (handler_) handler_(error_);
}

}  // namespace rondo::peer
