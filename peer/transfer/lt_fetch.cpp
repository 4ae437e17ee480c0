// The steps of a fetch; lt_transfer.hpp has the list.
#include <filesystem>
#include <libtorrent/info_hash.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>
#include <system_error>

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

/// What accept() has done before the download begins.
struct Prepared {
  Content content;
  std::shared_ptr<Staging> staging;
  std::optional<TransferError> problem;
};

}  // namespace

void LtTransfer::fetch(JobId id, FetchRequest request) {
  if (!session_) return;
  Job& job = new_job(id, Step::kLoading);
  // Made absolute now: the working directory may be another by the time of accept().
  std::error_code ignored;
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
  if (job.step != Step::kFlushing) return;
  // What was learned of the Merkle trees is needed to seed.
  job.loaded->params.merkle_trees = alert.params.merkle_trees;
  job.loaded->params.merkle_tree_mask = alert.params.merkle_tree_mask;
  job.loaded->params.verified_leaf_hashes = alert.params.verified_leaf_hashes;
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
      [into = job->into, content = std::move(job->loaded->content)]() mutable {
        Prepared out;
        auto staging = Staging::open(into, content);
        if (staging)
          out.staging = std::make_shared<Staging>(std::move(*staging));
        else
          out.problem = staging.error();
        out.content = std::move(content);
        return out;
      },
      [this](Job& found, Prepared prepared) {
        if (prepared.problem) return fail(found, std::move(*prepared.problem));
        found.loaded->content = std::move(prepared.content);
        start_download(found, std::move(prepared.staging));
      });
}

void LtTransfer::start_download(Job& job, std::shared_ptr<Staging> staging) {
  job.staging = std::move(staging);
  if (job.loaded->content.bytes == 0) return start_placing(job);
  // Copied: it is needed again for seeding. The list of files in it is shared, not copied.
  lt::add_torrent_params params = job.loaded->params;
  apply_policy(params, config_);
  params.save_path = job.staging->path();
  job.step = Step::kDownloading;
  add_torrent(job, std::move(params));
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
      [this](Job& found, const Result<std::filesystem::path, TransferError>& path) {
        if (!path) return fail(found, path.error());
        placed(found, *path);
      });
}

void LtTransfer::placed(Job& job, const std::filesystem::path& path) {
  job.staging.reset();
  emit(job, Fetched{job.loaded->content, path});
  if (job.loaded->content.bytes == 0) return end(job);
  job.loaded->params.save_path = path.parent_path().string();
  seed(job);
}

}  // namespace rondo::peer
