// Where a download is written until it is complete, and how it gets from there to its place.
//
// A staging folder `.rondo-<infohash>.part`, mode 0700, stands in the target folder, so that placing is one rename on
// one file system. It is locked (flock) while a process uses it; one found unlocked was left by a crash and is emptied.
// Everything is reached through open directory handles (openat2 with RESOLVE_BENEATH and no symbolic links): whoever
// swaps a folder for a link between check and use gains nothing. libtorrent, which opens files by path, is given the
// handle's own path below /proc/self/fd.
//
// Placing gives the user all or nothing: the whole folder (or the one file) appears by one renameat2 that never
// replaces anything. File data is not fsynced, as with cp and rsync: a power cut within the kernel's write-back time
// can leave short files under the final name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dht/base/result.hpp"
#include "dht/base/ring_id.hpp"
#include "peer/transfer/fd.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

class Staging {
 public:
  /// Makes `into` when missing, checks that `content.name` is free there and that the disk has room, and makes the
  /// staging folder. Fails with kExists, kBusy, kDiskFull or kDenied (also when the file system takes names of the
  /// content for one that differ only in case), leaving nothing.
  static Result<Staging, TransferError> open(const std::filesystem::path& into, const Content& content);

  Staging(Staging&&) = default;
  Staging& operator=(Staging&&) = delete;
  /// Removes what is left: nothing, after place().
  ~Staging();

  /// The path of the staging folder for code that wants paths. Good while this object lives.
  [[nodiscard]] std::string path() const;

  /// The disk has no room left for more than a few blocks. A last short write can fail without libtorrent noticing (it
  /// happens when the file is closed), and then shows as a piece that fails its hash over and over.
  [[nodiscard]] bool disk_is_full() const;

  /// REQUIRES: everything but empty files is written. Moves it to its place and gives that place.
  Result<std::filesystem::path, TransferError> place(const Content& content);

 private:
  Staging(std::filesystem::path into, std::string folder) : into_(std::move(into)), folder_(std::move(folder)) {}

  std::optional<TransferError> open_target();
  std::optional<TransferError> open_folder();
  [[nodiscard]] std::optional<TransferError> check_case(const Content& content) const;
  [[nodiscard]] std::optional<TransferError> check_room(const Content& content) const;
  [[nodiscard]] std::optional<TransferError> finish_file(const ContentFile& file) const;
  [[nodiscard]] int rename_into_place(const std::string& name) const;
  void remove();

  std::filesystem::path into_;
  std::string folder_;
  /// Folders that we made above the staging folder, outermost first; removed again when the download fails.
  std::vector<std::filesystem::path> made_;
  Fd target_;
  Fd staging_;
};

}  // namespace rondo::peer
