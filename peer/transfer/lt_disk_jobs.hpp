// What libtorrent asks of a disk, as jobs.
#pragma once

#include <cstddef>
#include <functional>
#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/disk_interface.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/performance_counters.hpp>
#include <memory>
#include <span>
#include <utility>

#include "peer/transfer/disk_buffers.hpp"
#include "peer/transfer/lt_storage.hpp"

namespace rondo::peer {

/// libtorrent's view of the buffers: what it holds comes back here.
class LtBuffers final : public lt::buffer_allocator_interface {
 public:
  lt::disk_buffer_holder get(std::size_t size) { return {*this, buffers_.get(), static_cast<int>(size)}; }
  void free_disk_buffer(char* buffer) override { buffers_.give_back(buffer); }
  [[nodiscard]] std::size_t in_use() const { return buffers_.in_use(); }

 private:
  DiskBuffers buffers_;
};

class LtDiskJob : public DiskJob {
 public:
  LtDiskJob(std::shared_ptr<LtStorage> of_storage, int of_piece) : DiskJob(of_piece), storage(std::move(of_storage)) {}
  void cancel() override;

  const std::shared_ptr<LtStorage> storage;

 protected:
  [[nodiscard]] lt::piece_index_t index() const { return lt::piece_index_t{piece}; }
  lt::storage_error error_;
};

class LtRead final : public LtDiskJob {
 public:
  using Handler = std::function<void(lt::disk_buffer_holder, const lt::storage_error&)>;
  LtRead(std::shared_ptr<LtStorage> of_storage, const lt::peer_request& request, LtBuffers& buffers,
         lt::counters& counters, Handler handler);
  std::size_t run(std::span<const std::unique_ptr<DiskJob>> rest, PieceHash* hash, DiskTools& tools) override;
  void finish() override;
  [[nodiscard]] bool only_reads() const override { return true; }

 private:
  int offset_;
  std::size_t size_;
  LtBuffers& buffers_;
  lt::counters& counters_;
  lt::disk_buffer_holder buffer_;
  Handler handler_;
};

class LtWrite final : public LtDiskJob {
 public:
  using Handler = std::function<void(const lt::storage_error&)>;
  /// Copies the block.
  LtWrite(std::shared_ptr<LtStorage> of_storage, const lt::peer_request& request, const char* block, LtBuffers& buffers,
          lt::counters& counters, Handler handler);
  /// Together with blocks that follow on this one.
  std::size_t run(std::span<const std::unique_ptr<DiskJob>> rest, PieceHash* hash, DiskTools& tools) override;
  void finish() override;
  [[nodiscard]] std::size_t unwritten() const override { return size_; }

 private:
  [[nodiscard]] ByteView block() const;

  int offset_;
  std::size_t size_;
  lt::counters& counters_;
  lt::disk_buffer_holder buffer_;
  Handler handler_;
};

class LtHash final : public LtDiskJob {
 public:
  using Handler = std::function<void(lt::piece_index_t, const lt::sha1_hash&, const lt::storage_error&)>;
  /// `v2` is filled in; the handler keeps it alive.
  LtHash(std::shared_ptr<LtStorage> of_storage, lt::piece_index_t of_piece, bool v1, lt::span<lt::sha256_hash> v2,
         Handler handler);
  std::size_t run(std::span<const std::unique_ptr<DiskJob>> rest, PieceHash* hash, DiskTools& tools) override;
  void finish() override;
  [[nodiscard]] bool only_reads() const override { return true; }

 private:
  bool v1_;
  lt::span<lt::sha256_hash> v2_;
  lt::sha1_hash hash_;
  Handler handler_;
};

class LtHashBlock final : public LtDiskJob {
 public:
  using Handler = std::function<void(lt::piece_index_t, const lt::sha256_hash&, const lt::storage_error&)>;
  LtHashBlock(std::shared_ptr<LtStorage> of_storage, lt::piece_index_t of_piece, int offset, Handler handler);
  std::size_t run(std::span<const std::unique_ptr<DiskJob>> rest, PieceHash* hash, DiskTools& tools) override;
  void finish() override;
  [[nodiscard]] bool only_reads() const override { return true; }

 private:
  int offset_;
  lt::sha256_hash hash_;
  Handler handler_;
};

/// Has the torrent for itself.
class LtFence final : public LtDiskJob {
 public:
  using Work = std::function<void(LtStorage&, lt::storage_error&)>;
  using Handler = std::function<void(const lt::storage_error&)>;
  LtFence(std::shared_ptr<LtStorage> of_storage, Work work, Handler handler);
  std::size_t run(std::span<const std::unique_ptr<DiskJob>> rest, PieceHash* hash, DiskTools& tools) override;
  void finish() override;

 private:
  Work work_;
  Handler handler_;
};

}  // namespace rondo::peer
