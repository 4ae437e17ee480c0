// Rondo's disk back-end for libtorrent (docs/decisions/0009): what libtorrent's network thread asks of the disk is done
// by two threads of our own, in files that stay open.
//
//   network thread                             worker
//   async_write(): copies the block
//   async_*(): DiskPool::add
//   submit_jobs(), or the loop's next turn --> run: jobs of one piece, in order (disk_order.hpp)
//   finish_jobs() <--------------------------- posted once for all that is finished
//     handlers, disk_observer::on_disk()
//
// Memory: at most limits::kUnwrittenHigh received bytes wait (plus what peers had in flight), then async_write() says
// so and libtorrent stops reading from its peers until on_disk().
//
// Bytes are "written" when pwrite() has returned. They survive our end, not a power cut: no fsync, as with cp.
//
// Shutdown: abort() drops what only reads and does the rest. The io_context has work until then, so that libtorrent's
// network thread waits; where a file server is dead, it waits for that.
#pragma once

#include <cstddef>
#include <functional>
#include <libtorrent/disk_interface.hpp>
#include <libtorrent/disk_observer.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/settings_pack.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peer/transfer/disk_pool.hpp"
#include "peer/transfer/lt_disk_jobs.hpp"
#include "peer/transfer/lt_known_files.hpp"
#include "peer/transfer/lt_storage.hpp"
#include "peer/transfer/open_files.hpp"

namespace rondo::peer {

class LtDisk final : public lt::disk_interface {
 public:
  LtDisk(lt::io_context& io, lt::counters& counters, std::shared_ptr<const KnownFiles> known);
  ~LtDisk() override;

  lt::storage_holder new_torrent(const lt::storage_params& params, const std::shared_ptr<void>& torrent) override;
  void remove_torrent(lt::storage_index_t index) override;

  void async_read(lt::storage_index_t storage, const lt::peer_request& request,
                  std::function<void(lt::disk_buffer_holder, const lt::storage_error&)> handler,
                  lt::disk_job_flags_t flags) override;
  bool async_write(lt::storage_index_t storage, const lt::peer_request& request, const char* block,
                   std::shared_ptr<lt::disk_observer> observer, std::function<void(const lt::storage_error&)> handler,
                   lt::disk_job_flags_t flags) override;
  void async_hash(
      lt::storage_index_t storage, lt::piece_index_t piece, lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
      std::function<void(lt::piece_index_t, const lt::sha1_hash&, const lt::storage_error&)> handler) override;
  void async_hash2(
      lt::storage_index_t storage, lt::piece_index_t piece, int offset, lt::disk_job_flags_t flags,
      std::function<void(lt::piece_index_t, const lt::sha256_hash&, const lt::storage_error&)> handler) override;
  /// Not supported: nothing of ours moves a torrent.
  void async_move_storage(
      lt::storage_index_t storage, std::string path, lt::move_flags_t flags,
      std::function<void(lt::status_t, const std::string&, const lt::storage_error&)> handler) override;
  /// When its handler runs, every earlier write has been written.
  void async_release_files(lt::storage_index_t storage, std::function<void()> handler) override;
  void async_check_files(lt::storage_index_t storage, const lt::add_torrent_params* resume,
                         lt::aux::vector<std::string, lt::file_index_t> links,
                         std::function<void(lt::status_t, const lt::storage_error&)> handler) override;
  void async_stop_torrent(lt::storage_index_t storage, std::function<void()> handler) override;
  void async_rename_file(
      lt::storage_index_t storage, lt::file_index_t file, std::string name,
      std::function<void(const std::string&, lt::file_index_t, const lt::storage_error&)> handler) override;
  void async_delete_files(lt::storage_index_t storage, lt::remove_flags_t options,
                          std::function<void(const lt::storage_error&)> handler) override;
  void async_set_file_priority(
      lt::storage_index_t storage, lt::aux::vector<lt::download_priority_t, lt::file_index_t> priorities,
      std::function<void(const lt::storage_error&, lt::aux::vector<lt::download_priority_t, lt::file_index_t>)> handler)
      override;
  void async_clear_piece(lt::storage_index_t storage, lt::piece_index_t piece,
                         std::function<void(lt::piece_index_t)> handler) override;

  void update_stats_counters(lt::counters& counters) const override;
  [[nodiscard]] std::vector<lt::open_file_state> get_status(lt::storage_index_t storage) const override;
  void abort(bool wait) override;
  void submit_jobs() override;
  void settings_updated() override {}

 private:
  std::shared_ptr<LtStorage> storage_of(lt::storage_index_t index) const;
  void add(std::unique_ptr<LtDiskJob> job);
  void add_fence(lt::storage_index_t storage, LtFence::Work work, LtFence::Handler handler);
  void finish_jobs();
  /// Has `what` called by the io_context, if this object is still there by then.
  void post(void (LtDisk::*what)());

  lt::io_context& io_;
  lt::counters& counters_;
  std::shared_ptr<LtDisk*> self_ = std::make_shared<LtDisk*>(this);
  std::shared_ptr<const KnownFiles> known_;
  LtBuffers buffers_;
  OpenFiles files_;
  std::vector<std::shared_ptr<LtStorage>> torrents_;
  std::vector<lt::storage_index_t> unused_;
  /// Jobs that are not finished, and for as long as there are any, work for the io_context.
  std::size_t unfinished_ = 0;
  std::optional<boost::asio::executor_work_guard<lt::io_context::executor_type>> work_;
  bool submit_posted_ = false;
  std::size_t unwritten_ = 0;
  /// The high mark was passed and the low mark not yet reached; who wants to know when it is.
  bool full_ = false;
  std::vector<std::weak_ptr<lt::disk_observer>> waiting_;
  /// Its threads use what is above.
  DiskPool pool_;
};

}  // namespace rondo::peer
