// How a complete download gets from its staging folder to its place.
//
// Where nothing of the content's name is in the target, the whole folder (or the one file) appears by one renameat2
// that never replaces anything: all or nothing. Where a folder of that name is there and the user said what to do about
// it, files are moved into it one by one, each atomically; what else is in that folder is not touched. No symbolic link
// is followed, and a folder never gives way to a file nor a file to a folder.
//
// File data is not fsynced, as with cp and rsync: a power cut within the kernel's write-back time can leave short files
// under the final name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dht/base/result.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

struct Placed {
  std::filesystem::path path;
  /// Everything stands there under the content's own names, all of it from this download.
  bool is_whole = true;
};

/// A place for one content in one target folder.
struct Place {
  /// Open handles, the caller's.
  int staging = -1;
  int target = -1;
  /// The target's path, for messages and results.
  const std::filesystem::path& into;
  WhenExists when_exists = WhenExists::kRefuse;

  /// Before the download: which files are there and stay (kSkip); kExists where the content could not be placed.
  [[nodiscard]] Result<std::vector<bool>, TransferError> survey(const Content& content) const;

  /// After it: makes the empty files, checks the others' kinds and sizes, sets x bits, moves.
  [[nodiscard]] Result<Placed, TransferError> place(const Content& content, const std::vector<bool>& skipped) const;

 private:
  [[nodiscard]] std::optional<TransferError> finish_file(const ContentFile& file) const;
  [[nodiscard]] int rename_whole(const std::string& name, const std::string& as) const;
  [[nodiscard]] Result<Placed, TransferError> place_renamed(const Content& content) const;
  [[nodiscard]] Result<Placed, TransferError> merge(const Content& content, const std::vector<bool>& skipped) const;
};

}  // namespace rondo::peer
