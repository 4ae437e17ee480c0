// Where a download is written until it is complete, and where it waits when it was interrupted.
//
// A staging folder `.rondo-<infohash>.part`, mode 0700, stands in the target folder, so that placing is one rename on
// one file system. It is locked (flock) while a process uses it; one found unlocked was left by an earlier run, and
// what is in it counts (lt_prepare.hpp). Everything is reached through open directory handles (openat2 with
// RESOLVE_BENEATH and no symbolic links): whoever swaps a folder for a link between check and use gains nothing.
// libtorrent, which opens files by path, is given the handle's own path below /proc/self/fd.
//
// In it stand the content under its own name and, beside it, the record of what libtorrent knew to be good.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dht/base/result.hpp"
#include "dht/base/ring_id.hpp"
#include "peer/transfer/fd.hpp"
#include "peer/transfer/placing.hpp"
#include "peer/transfer/resume_file.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

class Staging {
 public:
  /// Makes `into` when missing, checks that what is there leaves room for the content (by name, see Placing, and in
  /// bytes), and makes or takes over the staging folder. Fails with kExists, kBusy, kDiskFull or kDenied (also when the
  /// file system takes names of the content for one that differ only in case), leaving what it found.
  static Result<Staging, TransferError> open(const std::filesystem::path& into, const Content& content,
                                             WhenExists when_exists = WhenExists::kRefuse);

  Staging(Staging&&) = default;
  Staging& operator=(Staging&&) = delete;
  /// Removes the folder if nothing of the content is in it, as after place(), or when told to; else leaves it for the
  /// next run.
  ~Staging();
  void discard() { discarded_ = true; }

  /// The path of the staging folder for code that wants paths. Good while this object lives.
  [[nodiscard]] std::string path() const;

  /// One entry a file of the content: it is at its place already and stays as it is (WhenExists::kSkip).
  [[nodiscard]] const std::vector<bool>& skipped() const { return skipped_; }

  /// Bytes of each file that are there from an earlier run, holes among them. A file that is longer than it should be
  /// is cut, and whatever else is there is removed: it was not written by us.
  [[nodiscard]] std::vector<std::uint64_t> found(const Content& content);

  /// What is known of it to be good. Shared, because writing it takes as long as the disk needs.
  [[nodiscard]] std::shared_ptr<ResumeFile> record() const { return record_; }

  /// The disk has no room left for more than a few blocks. A last short write can fail without libtorrent noticing (it
  /// happens when the file is closed), and then shows as a piece that fails its hash over and over.
  [[nodiscard]] bool disk_is_full() const;

  /// REQUIRES: everything but empty and skipped files is written. Moves it to its place and gives that place. What
  /// could not be moved stays here.
  Result<Placed, TransferError> place(const Content& content);

 private:
  Staging(std::filesystem::path into, std::string folder) : into_(std::move(into)), folder_(std::move(folder)) {}

  std::optional<TransferError> open_target();
  std::optional<TransferError> open_folder();
  [[nodiscard]] std::optional<TransferError> check_case(const Content& content) const;
  [[nodiscard]] std::optional<TransferError> check_room(const Content& content) const;
  [[nodiscard]] std::uint64_t wanted_room(const Content& content) const;
  void remove_strangers(const Content& content) const;
  void remove();

  std::filesystem::path into_;
  std::string folder_;
  std::string name_;
  /// An earlier run made the staging folder.
  bool exists_before_ = false;
  bool discarded_ = false;
  WhenExists when_exists_ = WhenExists::kRefuse;
  std::vector<bool> skipped_;
  /// Folders that we made above the staging folder, outermost first; removed again when nothing is kept.
  std::vector<std::filesystem::path> made_;
  Fd target_;
  Fd staging_;
  std::shared_ptr<ResumeFile> record_;
};

}  // namespace rondo::peer
