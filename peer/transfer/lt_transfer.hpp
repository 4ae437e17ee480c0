// Transfer on libtorrent: the jobs, their steps, and the libtorrent session under them.
//
// A share is hashed in a background task, then added as a seed; lt_share.cpp has its steps. A fetch goes
//   magnet:   kMetadata (in the session, without disk) -> kReady
//   .torrent: kLoading (in a task)                     -> kReady
// and after accept()
//   kPreparing (task: the staging folder and what an earlier run left in it) -> kDownloading -> kFlushing
//   -> kPlacing (task) -> kSeeding from its place.
// Between these steps the torrent is taken out of the session and added anew: libtorrent starts to write as soon as it
// has metadata, and it must not before accept(); and it must not hold paths of a folder that is about to move.
//
// Everything here runs in the caller's thread. Tasks and libtorrent's alerts come in through inbox_ and drain().
//
// A job that ends waits, hidden, until libtorrent has let go of its torrent; then its staging folder is closed, and
// removed when nothing is in it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "peer/transfer/lt_prepare.hpp"
#include "peer/transfer/lt_served.hpp"
#include "peer/transfer/lt_session.hpp"
#include "peer/transfer/lt_torrent.hpp"
#include "peer/transfer/staging.hpp"
#include "peer/transfer/tasks.hpp"
#include "peer/transfer/ticker.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

class LtTransfer final : public Transfer {
 public:
  LtTransfer(const TransferConfig& config, ListeningSession listening, Closure wake);
  ~LtTransfer() override;

  void share(JobId job, CreateRequest request) override;
  void fetch(JobId job, FetchRequest request) override;
  void accept(JobId job) override;
  void connect_peer(JobId job, const Endpoint& peer) override;
  void cancel(JobId job) override;
  [[nodiscard]] std::uint16_t listen_port() const override { return port_; }
  std::vector<TransferEvent> drain() override;
  void shutdown() override;

 private:
  enum class Step { kHashing, kLoading, kMetadata, kReady, kPreparing, kDownloading, kFlushing, kPlacing, kSeeding };

  using Cancelled = std::shared_ptr<std::atomic<bool>>;

  struct Job {
    JobId id = 0;
    Step step = Step::kHashing;
    bool is_share = false;
    /// No more events; goes away when nothing of it runs any more.
    bool ending = false;
    /// A task works for it; async_add_torrent or remove_torrent is not answered yet.
    bool task = false;
    bool adding = false;
    bool removing = false;
    /// The torrent in the session has had its first peers, and its one boost.
    bool boosted = false;
    Cancelled cancelled = std::make_shared<std::atomic<bool>>(false);
    lt::torrent_handle handle;
    /// What to do once libtorrent has let go of the torrent.
    Closure after_removal;

    std::filesystem::path into;
    WhenExists when_exists = WhenExists::kRefuse;
    /// Offered so far; given to the torrent again whenever it is added anew.
    std::vector<lt::tcp::endpoint> peers;
    std::vector<std::string> trackers;
    std::optional<LoadedTorrent> loaded;
    /// Of a share, until it is told.
    std::optional<Seeding> seeding;
    /// Of a share, from the end of hashing on.
    std::unique_ptr<ServedFiles> served;
    std::shared_ptr<Staging> staging;
    /// Bytes of a fetch when it is complete, without what is skipped.
    std::uint64_t wanted = 0;
    /// Verified bytes that an earlier fetch left.
    std::uint64_t kept = 0;
    /// libtorrent was asked for a record of what it has; the record is being written; when that was last begun.
    bool record_asked = false;
    bool record_writing = false;
    std::chrono::steady_clock::time_point recorded{};

    std::optional<TransferProgress> progress;
    std::chrono::steady_clock::time_point reported{};
  };

  Job& new_job(JobId id, Step step);
  Job* find(JobId id);
  Job* find(const lt::torrent_handle& handle);
  Job* find_live(JobId id);
  void emit(const Job& job, decltype(TransferEvent::what) what);
  void fail(Job& job, TransferError error);
  /// Ends a job quietly.
  void end(Job& job);
  /// Takes the next step of ending, if one can be taken. May delete the job.
  void continue_end(Job& job);

  /// Runs `work` in a task and hands its result to `then`, in this thread, unless the job ended meanwhile. What `work`
  /// returns must be movable; `work` may use nothing of this object.
  template <class Work, class Then>
  void run_task(Job& job, Work work, Then then) {
    job.task = true;
    tasks_.run([this, id = job.id, inbox = inbox_, work = std::move(work), then]() mutable {
      // Shared, because closures must be copyable and results need not be.
      auto result = std::make_shared<decltype(work())>(work());
      inbox->post([this, id, result = std::move(result), then] {
        Job& found = *find(id);
        found.task = false;
        if (found.ending) return continue_end(found);
        then(found, std::move(*result));
      });
    });
  }
  /// For a task of this job: passes its progress on.
  std::function<void(HashProgress)> reporter(JobId id);
  void add_torrent(Job& job, lt::add_torrent_params params);
  void remove_torrent(Job& job, Closure after);
  /// Has libtorrent connect to the peers it knows without waiting for its next second.
  static void boost(const Job& job);

  void seed(Job& job);
  void serve(Job& job, MadeTorrent made);
  /// A share of the same torrent runs, though it may be out of the session just now.
  [[nodiscard]] bool serves_already(const lt::info_hash_t& hashes) const;
  void tell_identities(Job& job, const std::vector<WatchedFile>& files);
  void keep_in_step(Job& job);
  void on_served(Job& job);
  void on_lost(Job& job, const std::vector<LostFile>& lost);
  void on_settled(Job& job);
  /// False when the job ended by it, and may be gone.
  [[nodiscard]] bool tell_losses(Job& job);
  void suspect(Job& job);
  void start_check(Job& job);
  void check_on(Job& job);
  void start_metadata(Job& job, const Magnet& magnet);
  void start_load(Job& job, Bytes bytes);
  void metadata_arrived(Job& job, const lt::add_torrent_params& params);
  void ready(Job& job, Result<LoadedTorrent, TransferError> loaded);
  void prepared(Job& job, Prepared prepared);
  void start_download(Job& job, Prepared prepared);
  /// Has the record of what is good written, when it is time.
  void keep_record(Job& job);
  void write_record(Job& job, Bytes bytes);
  void start_placing(Job& job);
  void placed(Job& job, const Placed& placed);
  static void remember_peer(Job& job, const lt::tcp::endpoint& peer);

  void on_alert(lt::alert& alert);
  void on_added(const lt::add_torrent_alert& alert);
  void on_removed(const lt::torrent_handle& handle);
  void on_flushed(Job& job);
  void on_resume_data(Job& job, const lt::save_resume_data_alert& alert);
  void on_no_resume_data(Job& job);
  void on_file_error(Job& job, const lt::file_error_alert& alert);
  static TransferError no_room(const Job& job);
  static TransferError busy();
  void on_torrent_error(Job& job, const lt::torrent_error_alert& alert);
  void on_status(const lt::state_update_alert& alert);
  void on_alert_of(Job& job, lt::alert& alert);
  void report(Job& job, const TransferProgress& progress);

  TransferConfig config_;
  TorrentCache cache_;
  std::shared_ptr<Inbox> inbox_;
  Tasks tasks_;
  std::shared_ptr<lt::session> session_;
  std::shared_ptr<KnownFiles> known_;
  std::uint16_t port_;
  /// There are jobs, so there is something to ask libtorrent for.
  std::shared_ptr<std::atomic<bool>> busy_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<Ticker> ticker_;
  std::map<JobId, std::unique_ptr<Job>> jobs_;
  std::vector<TransferEvent> events_;
};

}  // namespace rondo::peer
