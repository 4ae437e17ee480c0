// The steps of a fetch; lt_transfer.hpp has the list.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <libtorrent/info_hash.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "dht/base/assert.hpp"
#include "peer/transfer/lt_transfer.hpp"

namespace rondo::peer {
namespace {

lt::info_hash_t hashes_of(const Magnet& magnet) {
  lt::info_hash_t out;
  if (magnet.has_v1) out.v1.assign(reinterpret_cast<const char*>(magnet.info_hash.bytes.data()));
  if (magnet.info_hash_v2) out.v2.assign(reinterpret_cast<const char*>(magnet.info_hash_v2->data()));
  return out;
}

}  // namespace

void LtTransfer::fetch(JobId id, FetchRequest request) {
  if (!session_) return;
  Job& job = new_job(id, Step::kLoading);
  // Made absolute now: the working directory may be another by the time of accept().
  std::error_code ignored;
  job.when_exists = request.when_exists;
  job.into = std::filesystem::absolute(request.into, ignored).lexically_normal();
  if (const auto* magnet = std::get_if<Magnet>(&request.source)) return start_metadata(job, *magnet);
  start_load(job, std::move(std::get<Bytes>(request.source)));
}

void LtTransfer::start_load(Job& job, Bytes bytes) {
  run_task(
      job, [bytes = std::move(bytes)]() mutable { return load_torrent(std::move(bytes)); },
      [this](Job& found, Result<LoadedTorrent, TransferError> loaded) { ready(found, std::move(loaded)); });
}

void LtTransfer::start_metadata(Job& job, const Magnet& magnet) {
  job.step = Step::kMetadata;
  if (serves_already(hashes_of(magnet))) return fail(job, busy());
  if (!config_.only_ring) {
    for (const Endpoint& peer : magnet.peers) remember_peer(job, to_lt(peer));
    job.trackers = magnet.trackers;
  }
  lt::add_torrent_params params;
  params.info_hashes = hashes_of(magnet);
  params.trackers = job.trackers;
  // Nothing is read or written before accept(): no file is wanted, none is looked at, and the folder can't be.
  params.save_path = "/nonexistent";
  apply_policy(params, config_);
  params.flags |= lt::torrent_flags::default_dont_download;
  add_torrent(job, std::move(params));
}

void LtTransfer::on_resume_data(Job& job, const lt::save_resume_data_alert& alert) {
  if (job.step == Step::kMetadata && alert.params.ti) return metadata_arrived(job, alert.params);
  if (std::exchange(job.record_asked, false)) {
    if (job.step == Step::kDownloading) write_record(job, resume_file(alert.params));
    return;
  }
  if (job.step != Step::kFlushing) return;
  // What was learned of the Merkle trees is needed to seed.
  job.loaded->params.merkle_trees = alert.params.merkle_trees;
  job.loaded->params.merkle_tree_mask = alert.params.merkle_tree_mask;
  job.loaded->params.verified_leaf_hashes = alert.params.verified_leaf_hashes;
  remove_torrent(job, [this, id = job.id] { start_placing(*find(id)); });
}

void LtTransfer::on_no_resume_data(Job& job) {
  // Nothing new to record; or nothing learned of Merkle trees, which makes a poorer seed and no poorer file.
  if (std::exchange(job.record_asked, false) || job.step != Step::kFlushing) return;
  remove_torrent(job, [this, id = job.id] { start_placing(*find(id)); });
}

void LtTransfer::metadata_arrived(Job& job, const lt::add_torrent_params& params) {
  for (const lt::tcp::endpoint& peer : params.peers) remember_peer(job, peer);
  lt::add_torrent_params fresh;
  fresh.ti = std::make_shared<lt::torrent_info>(*params.ti);
  fresh.info_hashes = fresh.ti->info_hashes();
  fresh.trackers = job.trackers;
  remove_torrent(job, [this, id = job.id, fresh = std::move(fresh)] {
    run_task(
        *find(id), [fresh] { return describe_torrent(fresh); },
        [this](Job& found, Result<LoadedTorrent, TransferError> loaded) { ready(found, std::move(loaded)); });
  });
}

void LtTransfer::ready(Job& job, Result<LoadedTorrent, TransferError> loaded) {
  if (!loaded) return fail(job, loaded.error());
  job.step = Step::kReady;
  job.loaded = std::move(*loaded);
  emit(job, MetadataReady{job.loaded->content, job.loaded->notes});
}

void LtTransfer::accept(JobId id) {
  Job* job = find_live(id);
  if (job == nullptr || job->step != Step::kReady) return;
  job->step = Step::kPreparing;
  // Lent to the task, because a copy of a long list is large.
  run_task(
      *job,
      [into = job->into, when_exists = job->when_exists, torrent = std::move(*job->loaded), report = reporter(id),
       cancelled = job->cancelled]() mutable {
        auto result = prepare_download(into, when_exists, torrent, report, *cancelled);
        return std::pair(std::move(result), std::move(torrent));
      },
      [this](Job& found, std::pair<Result<Prepared, TransferError>, LoadedTorrent> done) {
        found.loaded = std::move(done.second);
        if (!done.first) return fail(found, done.first.error());
        prepared(found, std::move(*done.first));
      });
}

void LtTransfer::prepared(Job& job, Prepared prepared) {
  job.staging = prepared.staging;
  job.wanted = prepared.wanted;
  job.kept = prepared.resumed.kept;
  if (prepared.resumed.kept > 0) emit(job, prepared.resumed);
  if (prepared.is_complete) return start_placing(job);
  start_download(job, std::move(prepared));
}

void LtTransfer::start_download(Job& job, Prepared prepared) {
  if (serves_already(job.loaded->params.ti->info_hashes())) return fail(job, busy());
  lt::add_torrent_params params = std::move(prepared.params);
  apply_policy(params, config_);
  params.extensions.push_back(last_have_first());
  job.step = Step::kDownloading;
  job.recorded = std::chrono::steady_clock::now();
  add_torrent(job, std::move(params));
}

void LtTransfer::keep_record(Job& job) {
  const auto now = std::chrono::steady_clock::now();
  if (job.record_asked || job.record_writing || now - job.recorded < config_.record_period) return;
  if (!job.handle.is_valid()) return;
  job.record_asked = true;
  job.recorded = now;
  job.handle.save_resume_data(lt::torrent_handle::only_if_modified);
}

void LtTransfer::write_record(Job& job, Bytes bytes) {
  job.record_writing = true;
  // Not by run_task(): the job goes on to its next step meanwhile. A record that can't be written costs a later run
  // some hashing, nothing else.
  tasks_.run([this, id = job.id, inbox = inbox_, record = job.staging->record(), bytes = std::move(bytes)] {
    static_cast<void>(record->write(bytes));
    inbox->post([this, id] {
      if (Job* found = find(id)) found->record_writing = false;
    });
  });
}

void LtTransfer::on_flushed(Job& job) {
  if (job.step != Step::kFlushing) return;
  if (job.loaded->content.has_v2) return job.handle.save_resume_data();
  remove_torrent(job, [this, id = job.id] { start_placing(*find(id)); });
}

void LtTransfer::start_placing(Job& job) {
  job.step = Step::kPlacing;
  run_task(
      job, [staging = job.staging, content = job.loaded->content] { return staging->place(content); },
      [this](Job& found, const Result<Placed, TransferError>& result) {
        if (!result) return fail(found, result.error());
        placed(found, *result);
      });
}

void LtTransfer::placed(Job& job, const Placed& placed) {
  const std::vector<bool>& skipped = job.staging->skipped();
  const auto left_out = static_cast<std::size_t>(std::count(skipped.begin(), skipped.end(), true));
  job.staging.reset();
  emit(job, Fetched{job.loaded->content, placed.path, left_out});
  if (job.loaded->content.bytes == 0 || !placed.is_whole) return end(job);
  job.loaded->params.save_path = placed.path.parent_path().string();
  seed(job);
}

}  // namespace rondo::peer
