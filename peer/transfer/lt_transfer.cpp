// The life of jobs, what comes in from libtorrent, and the end of it all. The steps of a fetch are in lt_fetch.cpp.
#include "peer/transfer/lt_transfer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <future>
#include <libtorrent/alert.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_status.hpp>
#include <string>
#include <thread>

#include "dht/base/assert.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/errors.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::uint64_t count(std::int64_t value) { return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)); }

bool same(const TransferProgress& a, const TransferProgress& b) {
  return a.done == b.done && a.down_per_second == b.down_per_second && a.up_per_second == b.up_per_second &&
         a.uploaded == b.uploaded && a.peers == b.peers;
}

}  // namespace

LtTransfer::LtTransfer(const TransferConfig& config, ListeningSession listening, Closure wake)
    : config_(config),
      cache_(config.state_dir.empty() ? config.state_dir : config.state_dir / "torrents"),
      inbox_(std::make_shared<Inbox>(std::move(wake))),
      session_(std::move(listening.session)),
      known_(std::move(listening.known)),
      port_(listening.port) {
  session_->set_alert_notify([inbox = inbox_] { inbox->poke(); });
  ticker_ = std::make_unique<Ticker>(limits::kProgressPeriod, [session = session_.get(), busy = busy_] {
    if (*busy) session->post_torrent_updates(lt::torrent_handle::query_accurate_download_counters);
  });
}

LtTransfer::~LtTransfer() { shutdown(); }

// --- jobs -----------------------------------------------------------------------------------------------------------

LtTransfer::Job& LtTransfer::new_job(JobId id, Step step) {
  RONDO_ASSERT(find(id) == nullptr);
  auto job = std::make_unique<Job>();
  job->id = id;
  job->step = step;
  *busy_ = true;
  return *jobs_.emplace(id, std::move(job)).first->second;
}

LtTransfer::Job* LtTransfer::find(JobId id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

LtTransfer::Job* LtTransfer::find_live(JobId id) {
  Job* job = find(id);
  return job == nullptr || job->ending ? nullptr : job;
}

LtTransfer::Job* LtTransfer::find(const lt::torrent_handle& handle) {
  for (const auto& [id, job] : jobs_)
    if (job->handle == handle && handle != lt::torrent_handle()) return job.get();
  return nullptr;
}

void LtTransfer::emit(const Job& job, decltype(TransferEvent::what) what) {
  if (!job.ending) events_.push_back({job.id, std::move(what)});
}

void LtTransfer::fail(Job& job, TransferError error) {
  emit(job, JobFailed{std::move(error)});
  end(job);
}

void LtTransfer::end(Job& job) {
  if (job.ending) return;
  job.ending = true;
  *job.cancelled = true;
  job.after_removal = nullptr;
  continue_end(job);
}

void LtTransfer::continue_end(Job& job) {
  if (job.task || job.adding || job.removing) return;
  if (job.handle != lt::torrent_handle()) return remove_torrent(job, nullptr);
  if (job.staging) {
    // Removing what was downloaded can take a while.
    return run_task(
        job, [staging = std::move(job.staging)]() mutable { return staging.reset(), Done{}; }, [](Job&, Done) {});
  }
  jobs_.erase(job.id);
  *busy_ = !jobs_.empty();
}

void LtTransfer::add_torrent(Job& job, lt::add_torrent_params params) {
  params.userdata = lt::client_data_t(&job);
  // Resumed when its peers are known to it, which has it connect at once: see boost().
  params.flags |= lt::torrent_flags::paused;
  job.adding = true;
  session_->async_add_torrent(std::move(params));
}

void LtTransfer::remove_torrent(Job& job, Closure after) {
  job.removing = true;
  job.after_removal = std::move(after);
  // libtorrent says "removed" at once, and "deleted" when the disk has done what it was asked before: only then may the
  // folder go or move. There is no part file, so nothing is deleted.
  session_->remove_torrent(job.handle, lt::session::delete_partfile);
}

// --- the port -------------------------------------------------------------------------------------------------------

void LtTransfer::seed(Job& job) {
  lt::add_torrent_params params = std::move(job.loaded->params);
  apply_policy(params, config_);
  // Verified when first asked for, and never mended with what others have.
  params.flags |= lt::torrent_flags::seed_mode | lt::torrent_flags::upload_mode;
  job.step = Step::kSeeding;
  add_torrent(job, std::move(params));
}

void LtTransfer::connect_peer(JobId id, const Endpoint& peer) {
  Job* job = find_live(id);
  if (job == nullptr || !is_usable(peer)) return;
  remember_peer(*job, to_lt(peer));
  if (!job->handle.is_valid() || job->removing) return;
  // Without the flag that says "uTP": TCP wherever a peer is reachable.
  job->handle.connect_peer(to_lt(peer), {}, {});
  // Peers come in batches: the boost waits for the last of this one.
  if (!std::exchange(job->boosted, true))
    inbox_->post([this, id] {
      if (const Job* found = find_live(id)) boost(*found);
    });
}

void LtTransfer::boost(const Job& job) {
  if (!job.handle.is_valid() || job.removing) return;
  // libtorrent connects to new peers once a second, but at once when a torrent is resumed.
  job.handle.pause();
  job.handle.resume();
}

void LtTransfer::remember_peer(Job& job, const lt::tcp::endpoint& peer) {
  const bool known = std::find(job.peers.begin(), job.peers.end(), peer) != job.peers.end();
  if (!known && job.peers.size() < limits::kRememberedPeers) job.peers.push_back(peer);
}

void LtTransfer::cancel(JobId id) {
  Job* job = find_live(id);
  if (job == nullptr) return;
  const bool worth_keeping = job->kept > 0 || (job->progress && job->progress->done > 0);
  if (job->staging && !worth_keeping) job->staging->discard();
  end(*job);
}

std::vector<TransferEvent> LtTransfer::drain() {
  if (!session_) return {};
  for (const Closure& closure : inbox_->take()) closure();
  std::vector<lt::alert*> alerts;
  session_->pop_alerts(&alerts);
  for (lt::alert* alert : alerts) on_alert(*alert);
  return std::exchange(events_, {});
}

void LtTransfer::shutdown() {
  if (!session_) return;
  const auto deadline = SteadyClock::now() + limits::kShutdownTime;
  ticker_.reset();
  for (const auto& [id, job] : jobs_) *job->cancelled = true;
  inbox_->close();
  tasks_.finish(deadline);
  // The proxy's destructor (not its assignment) waits for libtorrent's threads, and those for whatever they wait for.
  auto ending = std::make_unique<lt::session_proxy>(session_->abort());
  session_.reset();
  std::promise<void> ended;
  auto waiting = ended.get_future();
  std::thread([proxy = std::move(ending), done = std::move(ended)]() mutable {
    proxy.reset();
    done.set_value();
  }).detach();
  events_.clear();
  // Where libtorrent may still write, the staging folders stay: closing one would let its handle's number, by which
  // libtorrent knows it, become another file's. The next fetch of the same clears it away.
  if (waiting.wait_until(deadline) != std::future_status::ready)
    for (auto& [id, job] : jobs_) static_cast<void>(job.release());
  jobs_.clear();
}

// --- from libtorrent ------------------------------------------------------------------------------------------------

void LtTransfer::on_alert(lt::alert& alert) {
  if (const auto* added = lt::alert_cast<lt::add_torrent_alert>(&alert)) return on_added(*added);
  if (const auto* removed = lt::alert_cast<lt::torrent_deleted_alert>(&alert)) return on_removed(removed->handle);
  // A torrent without metadata has no disk to wait for.
  if (const auto* removed = lt::alert_cast<lt::torrent_delete_failed_alert>(&alert)) return on_removed(removed->handle);
  if (const auto* status = lt::alert_cast<lt::state_update_alert>(&alert)) return on_status(*status);
  const auto* of_torrent = dynamic_cast<const lt::torrent_alert*>(&alert);
  if (of_torrent == nullptr) return;
  Job* job = find(of_torrent->handle);
  if (job != nullptr && !job->ending && !job->removing) on_alert_of(*job, alert);
}

void LtTransfer::on_alert_of(Job& job, lt::alert& alert) {
  if (const auto* failed = lt::alert_cast<lt::file_error_alert>(&alert)) return on_file_error(job, *failed);
  if (const auto* failed = lt::alert_cast<lt::torrent_error_alert>(&alert)) return on_torrent_error(job, *failed);
  if (const auto* saved = lt::alert_cast<lt::save_resume_data_alert>(&alert)) return on_resume_data(job, *saved);
  if (lt::alert_cast<lt::save_resume_data_failed_alert>(&alert) != nullptr) return on_no_resume_data(job);
  if (const auto* changed = lt::alert_cast<lt::state_changed_alert>(&alert)) {
    // libtorrent is about to read everything again.
    if (job.served && changed->prev_state == lt::torrent_status::seeding) suspect(job);
    return;
  }
  if (lt::alert_cast<lt::cache_flushed_alert>(&alert) != nullptr) return on_flushed(job);
  if (lt::alert_cast<lt::metadata_received_alert>(&alert) != nullptr && job.step == Step::kMetadata)
    return job.handle.save_resume_data(lt::torrent_handle::save_info_dict);
  if (lt::alert_cast<lt::hash_failed_alert>(&alert) != nullptr) {
    // Wrong data is asked for again, and who sends it twice is banned: nothing to do, but for a full disk.
    const bool full = job.step == Step::kDownloading && job.staging->disk_is_full();
    if (full) fail(job, no_room(job));
    return;
  }
  if (lt::alert_cast<lt::torrent_finished_alert>(&alert) != nullptr && job.step == Step::kDownloading) {
    // The files need not be on disk yet.
    job.step = Step::kFlushing;
    job.handle.flush_cache();
  }
}

void LtTransfer::on_added(const lt::add_torrent_alert& alert) {
  // Jobs outlive their torrent's adding.
  Job& job = *alert.params.userdata.get<Job>();
  job.adding = false;
  if (alert.error) {
    const bool duplicate = alert.error == lt::errors::duplicate_torrent;
    if (!job.ending && duplicate) return fail(job, busy());
    if (!job.ending) return fail(job, {TransferErrc::kBadTorrent, display(alert.error.message())});
    return continue_end(job);
  }
  job.handle = alert.handle;
  if (job.ending) return continue_end(job);
  for (const lt::tcp::endpoint& peer : job.peers) job.handle.connect_peer(peer, {}, {});
  job.boosted = !job.peers.empty();
  job.handle.resume();
  if (job.served) return on_served(job);
}

void LtTransfer::on_removed(const lt::torrent_handle& handle) {
  Job* job = find(handle);
  if (job == nullptr) return;
  job->handle = lt::torrent_handle();
  job->removing = false;
  if (job->ending) return continue_end(*job);
  if (const Closure after = std::exchange(job->after_removal, nullptr)) after();
}

void LtTransfer::on_file_error(Job& job, const lt::file_error_alert& alert) {
  // A download that is complete has been handed over; whoever moves it away then ends its seeding.
  if (!job.is_share && job.step == Step::kSeeding) return end(job);
  if (job.served) return suspect(job);
  // libtorrent names files by the staging folder's handle, which tells nobody anything. A short write it calls "file
  // too short".
  const bool by_system =
      alert.error.category() == lt::generic_category() || alert.error.category() == lt::system_category();
  const bool full = by_system ? alert.error.value() == ENOSPC || alert.error.value() == EDQUOT
                              : job.staging && job.staging->disk_is_full();
  if (full) return fail(job, no_room(job));
  fail(job, *error_of(by_system ? alert.error.value() : EIO, "write the download in", job.into));
}

TransferError LtTransfer::busy() {
  return {TransferErrc::kBusy, "this content is being shared or fetched here already"};
}

TransferError LtTransfer::no_room(const Job& job) {
  TransferError error = *error_of(ENOSPC, "write the download in", job.into);
  error.sentence += "; make room there and run the same command again: it goes on with what it has";
  return error;
}

void LtTransfer::on_torrent_error(Job& job, const lt::torrent_error_alert& alert) {
  if (job.served) return suspect(job);
  if (alert.error == lt::errors::duplicate_torrent) return fail(job, busy());
  fail(job, {TransferErrc::kBadTorrent, "this torrent can't be used: " + display(alert.error.message())});
}

void LtTransfer::on_status(const lt::state_update_alert& alert) {
  for (const lt::torrent_status& status : alert.status) {
    Job* job = find(status.handle);
    if (job == nullptr || !job->loaded || job->removing) continue;
    TransferProgress progress;
    progress.total = job->is_share ? job->loaded->content.bytes : job->wanted;
    progress.done = job->is_share ? progress.total : std::min(count(status.total_wanted_done), progress.total);
    progress.down_per_second = count(status.download_payload_rate);
    progress.up_per_second = count(status.upload_payload_rate);
    progress.uploaded = count(status.total_payload_upload) + (job->served ? job->served->uploaded_before : 0);
    progress.peers = static_cast<std::uint32_t>(std::max(status.num_peers, 0));
    report(*job, progress);
  }
  for (const auto& [id, job] : jobs_) {
    if (job->step != Step::kDownloading) continue;
    if (job->progress) report(*job, *job->progress);
    if (!job->ending && !job->removing) keep_record(*job);
  }
}

void LtTransfer::report(Job& job, const TransferProgress& progress) {
  const bool expected = job.step == Step::kDownloading || (job.is_share && job.step == Step::kSeeding);
  if (!expected) return;
  const auto now = SteadyClock::now();
  const bool silent = !job.progress || now - job.reported >= limits::kProgressAtLeast;
  if (job.progress && same(*job.progress, progress) && !(silent && job.step == Step::kDownloading)) return;
  job.progress = progress;
  job.reported = now;
  emit(job, progress);
}

Result<std::unique_ptr<Transfer>, TransferError> make_transfer(const TransferConfig& config,
                                                               std::function<void()> wake) {
  auto listening = start_session(config);
  if (!listening) return Failure{listening.error()};
  return std::unique_ptr<Transfer>(std::make_unique<LtTransfer>(config, std::move(*listening), std::move(wake)));
}

}  // namespace rondo::peer
