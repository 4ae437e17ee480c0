// The steps of a share: hash, serve, and go on serving what is left when files change; lt_served.hpp has the rules.
//
// libtorrent answers a piece that is not what it was by reading everything again in its network thread, serving nobody
// meanwhile. So the torrent is taken out as soon as anything is lost or wrong, and added again without the pieces that
// it touches; peers that were connected come back by themselves.
#include <algorithm>
#include <libtorrent/torrent_status.hpp>

#include "peer/transfer/limits.hpp"
#include "peer/transfer/lt_transfer.hpp"

namespace rondo::peer {
namespace {

/// Passes the progress of a task on, not more often than anyone can see.
auto throttled(std::function<void(HashProgress)> report) {
  return [report = std::move(report), last = std::chrono::steady_clock::time_point{}](HashProgress progress) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (progress.done != progress.total && now - last < limits::kHashProgressPeriod) return;
    last = now;
    report(progress);
  };
}

}  // namespace

std::function<void(HashProgress)> LtTransfer::reporter(JobId id) {
  return throttled([this, id, inbox = inbox_](HashProgress progress) {
    inbox->post([this, id, progress] {
      if (const Job* found = find(id)) emit(*found, progress);
    });
  });
}

void LtTransfer::share(JobId id, CreateRequest request) {
  if (!session_) return;
  Job& job = new_job(id, Step::kHashing);
  job.is_share = true;
  run_task(
      job,
      [request = std::move(request), cache = cache_, report = reporter(id), cancelled = job.cancelled] {
        return make_torrent(request, report, *cancelled, cache);
      },
      [this](Job& found, Result<MadeTorrent, TransferError> made) {
        if (!made) return fail(found, made.error());
        serve(found, std::move(*made));
      });
}

void LtTransfer::serve(Job& job, MadeTorrent made) {
  job.step = Step::kSeeding;
  job.loaded = std::move(made.loaded);
  job.seeding = Seeding{job.loaded->content, std::move(made.file), job.loaded->notes, made.excluded, made.hashed};
  apply_policy(job.loaded->params, config_);
  if (serves_already(job.loaded->params.ti->info_hashes())) return fail(job, busy());
  job.served = std::make_unique<ServedFiles>(std::move(job.loaded->params), made.is_verified);
  if (made.shows_writes) tell_identities(job, made.watched);
  const auto in_own_thread = [this, id = job.id, inbox = inbox_](auto call) {
    inbox->post([this, id, call = std::move(call)] {
      if (Job* found = find_live(id)) call(*found);
    });
  };
  job.served->add_extension(receiver_counter(job.served->info(), [this, in_own_thread](std::uint32_t count) {
    in_own_thread([this, count](Job& found) { emit(found, ReceiverComplete{count}); });
  }));
  WatchCallbacks callbacks;
  callbacks.lost = [this, in_own_thread](std::vector<LostFile> lost) {
    in_own_thread([this, lost = std::move(lost)](Job& found) { on_lost(found, lost); });
  };
  callbacks.settled = [this, in_own_thread] { in_own_thread([this](Job& found) { on_settled(found); }); };
  job.served->watch = std::make_unique<FileWatch>(std::move(made.watched), std::move(callbacks), limits::kWatches);
  keep_in_step(job);
}

bool LtTransfer::serves_already(const lt::info_hash_t& hashes) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
    const Job& job = *entry.second;
    if (job.ending || !job.served) return false;
    const lt::info_hash_t served = job.served->info()->info_hashes();
    return (hashes.has_v1() && hashes.v1 == served.v1) || (hashes.has_v2() && hashes.v2 == served.v2);
  });
}

void LtTransfer::tell_identities(Job& job, const std::vector<WatchedFile>& files) {
  ServedFiles& served = *job.served;
  const auto known = std::make_shared<const KnownFiles::Identities>(identities_of(*served.info(), files));
  served.identities = known;
  known_->tell(served.info()->info_hashes().get_best(), served.folder(), known);
}

/// Brings the session in line with what can be served; called again whenever libtorrent has done its part.
void LtTransfer::keep_in_step(Job& job) {
  if (job.ending || job.adding || job.removing) return;
  ServedFiles& served = *job.served;
  const bool inside = job.handle != lt::torrent_handle();
  if (inside && (!served.wanted || served.version_inside != served.version)) {
    if (job.progress) served.uploaded_before = job.progress->uploaded;
    return remove_torrent(job, [this, id = job.id] { keep_in_step(*find(id)); });
  }
  if (!inside && served.suspicion == ServedFiles::Suspicion::kRead) return start_check(job);
  if (inside || !served.wanted) return;
  served.version_inside = served.version;
  add_torrent(job, served.params());
}

/// The torrent is in the session.
void LtTransfer::on_served(Job& job) {
  if (auto seeding = std::exchange(job.seeding, std::nullopt)) emit(job, std::move(*seeding));
  if (job.served->wanted && !tell_losses(job)) return;
  keep_in_step(job);
}

void LtTransfer::on_lost(Job& job, const std::vector<LostFile>& lost) {
  for (const LostFile& file : lost) job.served->lose(file);
  // In again when no more is lost: each time all peers have to connect anew.
  job.served->wanted = false;
  keep_in_step(job);
}

void LtTransfer::on_settled(Job& job) {
  using Suspicion = ServedFiles::Suspicion;
  ServedFiles& served = *job.served;
  const bool explained = served.has_news();
  if (served.suspicion == Suspicion::kLook) served.suspicion = explained ? Suspicion::kNone : Suspicion::kRead;
  if (served.must_be_read()) served.suspicion = Suspicion::kRead;
  served.wanted = served.suspicion == Suspicion::kNone && served.anything();
  if (tell_losses(job)) keep_in_step(job);
}

bool LtTransfer::tell_losses(Job& job) {
  ServedFiles& served = *job.served;
  const bool nothing_left = !served.anything() && !served.source() && served.suspicion == ServedFiles::Suspicion::kNone;
  // First that it is shared.
  if (job.seeding && !nothing_left) return true;
  auto news = served.take_news(job.loaded->content);
  if (nothing_left) {
    const bool all_named = !news || news->count == job.loaded->content.files.size();
    fail(job, {TransferErrc::kUnreadable,
               (news ? news->sentence : "nothing reads as it was hashed any more") +
                   (all_named ? "; nothing of the share is left"
                              : "; every other file lies in one piece with such a file or is lost too, so nothing of "
                                "the share is left")});
    return false;
  }
  if (news) emit(job, std::move(*news));
  return true;
}

/// A piece was not what it was. Perhaps a file changed and the watch hasn't seen it; else all has to be read again.
void LtTransfer::suspect(Job& job) {
  ServedFiles& served = *job.served;
  if (served.suspicion != ServedFiles::Suspicion::kNone) return;
  served.suspicion = ServedFiles::Suspicion::kLook;
  served.wanted = false;
  keep_in_step(job);
  served.watch->look_again();
}

void LtTransfer::start_check(Job& job) {
  const bool runs = job.served->source() != nullptr;
  job.served->suspicion = ServedFiles::Suspicion::kNone;
  job.served->doubt_all();
  if (!runs) check_on(job);
}

void LtTransfer::check_on(Job& job) {
  const auto part = job.served->next_part();
  if (!part) return;
  run_task(
      job,
      [source = job.served->source(), range = *part, cancelled = job.cancelled] {
        return right_pieces(*source, range, *cancelled);
      },
      [this, range = *part](Job& found, const std::vector<bool>& right) {
        found.served->found(range, right);
        found.served->wanted = found.served->anything();
        if (!tell_losses(found)) return;
        keep_in_step(found);
        check_on(found);
      });
}

}  // namespace rondo::peer
