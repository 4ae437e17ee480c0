#include "peer/transfer/lt_disk.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <libtorrent/session_handle.hpp>
#include <utility>

#include "dht/base/assert.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {

LtDisk::LtDisk(lt::io_context& io, lt::counters& counters, std::shared_ptr<const KnownFiles> known)
    : io_(io), counters_(counters), known_(std::move(known)), files_(limits::kOpenFiles), pool_(files_, [this] {
        post(&LtDisk::finish_jobs);
      }) {}

LtDisk::~LtDisk() {
  abort(true);
  // Handlers that nobody calls any more, and the torrents that they keep; those give back to the pool and to files_.
  pool_.take_finished().clear();
  torrents_.clear();
}

void LtDisk::post(void (LtDisk::*what)()) {
  boost::asio::post(io_, [self = std::weak_ptr(self_), what] {
    if (const auto here = self.lock()) ((*here)->*what)();
  });
}

// --- torrents -------------------------------------------------------------------------------------------------------

lt::storage_holder LtDisk::new_torrent(const lt::storage_params& params, const std::shared_ptr<void>& torrent) {
  if (unused_.empty()) {
    unused_.emplace_back(static_cast<std::uint32_t>(torrents_.size()));
    torrents_.emplace_back();
    // remove_torrent() must not fail.
    unused_.reserve(torrents_.size());
  }
  auto owned = std::make_unique<LtStorage>(params, torrent, known_->find(params.info_hash, params.path), files_);
  std::shared_ptr<LtStorage> storage(owned.release(), [this](LtStorage* gone) {
    pool_.forget(gone->jobs);
    delete gone;
  });
  const lt::storage_index_t index = unused_.back();
  unused_.pop_back();
  torrents_[static_cast<std::uint32_t>(index)] = std::move(storage);
  return {index, *this};
}

void LtDisk::remove_torrent(lt::storage_index_t index) {
  // Jobs that it still has keep it.
  const auto storage = std::move(torrents_[static_cast<std::uint32_t>(index)]);
  unused_.push_back(index);
}

std::shared_ptr<LtStorage> LtDisk::storage_of(lt::storage_index_t index) const {
  RONDO_ASSERT(static_cast<std::uint32_t>(index) < torrents_.size());
  const auto& storage = torrents_[static_cast<std::uint32_t>(index)];
  RONDO_ASSERT(storage != nullptr);
  return storage;
}

// --- jobs -----------------------------------------------------------------------------------------------------------

void LtDisk::add(std::unique_ptr<LtDiskJob> job) {
  if (unfinished_++ == 0) work_.emplace(io_.get_executor());
  TorrentJobs& jobs = job->storage->jobs;
  pool_.add(jobs, std::move(job));
  // Not everything that libtorrent asks for is followed by its submit_jobs().
  if (!std::exchange(submit_posted_, true)) post(&LtDisk::submit_jobs);
}

void LtDisk::add_fence(lt::storage_index_t storage, LtFence::Work work, LtFence::Handler handler) {
  add(std::make_unique<LtFence>(storage_of(storage), std::move(work), std::move(handler)));
}

void LtDisk::submit_jobs() {
  submit_posted_ = false;
  pool_.submit();
}

void LtDisk::finish_jobs() {
  DiskJobs jobs = pool_.take_finished();
  for (auto& job : jobs) {
    unwritten_ -= job->unwritten();
    job->finish();
    job.reset();
  }
  unfinished_ -= jobs.size();
  if (unfinished_ == 0) work_.reset();
  if (!full_ || unwritten_ > limits::kUnwrittenLow) return;
  full_ = false;
  for (const auto& waiting : std::exchange(waiting_, {}))
    if (const auto observer = waiting.lock()) observer->on_disk();
}

void LtDisk::abort(bool wait) {
  pool_.stop();
  if (wait) pool_.join();
}

void LtDisk::async_read(lt::storage_index_t storage, const lt::peer_request& request,
                        std::function<void(lt::disk_buffer_holder, const lt::storage_error&)> handler,
                        lt::disk_job_flags_t) {
  RONDO_ASSERT(request.length > 0 && request.length <= static_cast<int>(DiskBuffers::kBytes) && request.start >= 0);
  add(std::make_unique<LtRead>(storage_of(storage), request, buffers_, counters_, std::move(handler)));
}

bool LtDisk::async_write(lt::storage_index_t storage, const lt::peer_request& request, const char* block,
                         std::shared_ptr<lt::disk_observer> observer,
                         std::function<void(const lt::storage_error&)> handler, lt::disk_job_flags_t) {
  RONDO_ASSERT(request.length > 0 && request.length <= static_cast<int>(DiskBuffers::kBytes) && request.start >= 0);
  add(std::make_unique<LtWrite>(storage_of(storage), request, block, buffers_, counters_, std::move(handler)));
  unwritten_ += static_cast<std::size_t>(request.length);
  full_ = full_ || unwritten_ > limits::kUnwrittenHigh;
  if (full_ && observer) waiting_.push_back(observer);
  return full_;
}

void LtDisk::async_hash(
    lt::storage_index_t storage, lt::piece_index_t piece, lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
    std::function<void(lt::piece_index_t, const lt::sha1_hash&, const lt::storage_error&)> handler) {
  const bool v1 = bool(flags & lt::disk_interface::v1_hash);
  add(std::make_unique<LtHash>(storage_of(storage), piece, v1, v2, std::move(handler)));
}

void LtDisk::async_hash2(
    lt::storage_index_t storage, lt::piece_index_t piece, int offset, lt::disk_job_flags_t,
    std::function<void(lt::piece_index_t, const lt::sha256_hash&, const lt::storage_error&)> handler) {
  add(std::make_unique<LtHashBlock>(storage_of(storage), piece, offset, std::move(handler)));
}

// --- fences ---------------------------------------------------------------------------------------------------------

void LtDisk::async_move_storage(
    lt::storage_index_t storage, std::string, lt::move_flags_t,
    std::function<void(lt::status_t, const std::string&, const lt::storage_error&)> handler) {
  const auto where = storage_of(storage)->path();
  add_fence(
      storage,
      [](LtStorage&, lt::storage_error& error) {
        error = {boost::system::errc::make_error_code(boost::system::errc::operation_not_supported),
                 lt::operation_t::file_rename};
      },
      [where, handler = std::move(handler)](const lt::storage_error& error) {
        handler(lt::status_t::fatal_disk_error, where, error);
      });
}

void LtDisk::async_release_files(lt::storage_index_t storage, std::function<void()> handler) {
  add_fence(
      storage, [](LtStorage& files, lt::storage_error&) { files.release(); },
      [handler = std::move(handler)](const lt::storage_error&) {
        if (handler) handler();
      });
}

void LtDisk::async_stop_torrent(lt::storage_index_t storage, std::function<void()> handler) {
  async_release_files(storage, std::move(handler));
}

void LtDisk::async_check_files(lt::storage_index_t storage, const lt::add_torrent_params* resume,
                               lt::aux::vector<std::string, lt::file_index_t>,
                               std::function<void(lt::status_t, const lt::storage_error&)> handler) {
  const auto status = std::make_shared<lt::status_t>(lt::status_t::fatal_disk_error);
  add_fence(
      storage, [status, resume](LtStorage& files, lt::storage_error& error) { *status = files.check(resume, error); },
      [status, handler = std::move(handler)](const lt::storage_error& error) { handler(*status, error); });
}

void LtDisk::async_rename_file(
    lt::storage_index_t storage, lt::file_index_t file, std::string name,
    std::function<void(const std::string&, lt::file_index_t, const lt::storage_error&)> handler) {
  const auto shared = std::make_shared<std::string>(std::move(name));
  add_fence(
      storage, [shared, file](LtStorage& files, lt::storage_error& error) { files.rename(file, *shared, error); },
      [shared, file, handler = std::move(handler)](const lt::storage_error& error) { handler(*shared, file, error); });
}

void LtDisk::async_delete_files(lt::storage_index_t storage, lt::remove_flags_t options,
                                std::function<void(const lt::storage_error&)> handler) {
  add_fence(
      storage,
      [options](LtStorage& files, lt::storage_error& error) {
        files.release();
        // There never is a part file: asked to remove that alone, this only waits for what came before.
        if (options & lt::session_handle::delete_files) files.remove_files(error);
      },
      std::move(handler));
}

void LtDisk::async_set_file_priority(
    lt::storage_index_t storage, lt::aux::vector<lt::download_priority_t, lt::file_index_t> priorities,
    std::function<void(const lt::storage_error&, lt::aux::vector<lt::download_priority_t, lt::file_index_t>)> handler) {
  const auto shared =
      std::make_shared<lt::aux::vector<lt::download_priority_t, lt::file_index_t>>(std::move(priorities));
  add_fence(
      storage, [shared](LtStorage& files, lt::storage_error&) { files.set_priorities(*shared); },
      [shared, handler = std::move(handler)](const lt::storage_error& error) { handler(error, std::move(*shared)); });
}

void LtDisk::async_clear_piece(lt::storage_index_t storage, lt::piece_index_t piece,
                               std::function<void(lt::piece_index_t)> handler) {
  // A fence: it forgets the hash that was carried along, and a piece that arrives wrong is rare.
  add_fence(
      storage, [](LtStorage&, lt::storage_error&) {},
      [piece, handler = std::move(handler)](const lt::storage_error&) { handler(piece); });
}

// --- reports --------------------------------------------------------------------------------------------------------

void LtDisk::update_stats_counters(lt::counters& counters) const {
  counters.set_value(lt::counters::queued_disk_jobs, static_cast<std::int64_t>(pool_.unfinished()));
  counters.set_value(lt::counters::disk_blocks_in_use, static_cast<std::int64_t>(buffers_.in_use()));
}

std::vector<lt::open_file_state> LtDisk::get_status(lt::storage_index_t storage) const {
  return storage_of(storage)->open_files();
}

}  // namespace rondo::peer
