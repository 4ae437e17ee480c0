// What a share consists of: walks the paths a user gave and lists the regular files in them.
//
// Symbolic links are never followed below the given paths (a given path may itself be one: the user named it). What
// can't be shared is left out and said; what can't be read is an error, because a share that silently lacks a file is
// worse than none. The list is sorted bytewise, so the same tree gives the same list, and the same info-hash, anywhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "dht/base/result.hpp"
#include "peer/transfer/file_identity.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

struct ScannedFile {
  /// As the torrent names it: begins with the share's name, valid UTF-8, unique.
  std::string torrent_path;
  /// Where it is, absolute.
  std::string disk_path;
  std::uint64_t size = 0;
  /// As it was when it was found, before it is read.
  FileIdentity identity;
  /// The owner's x bit.
  bool executable = false;
};

struct Scan {
  std::string name;
  /// The folder in which the (first) given path stands.
  std::string parent;
  std::vector<ScannedFile> files;
  std::uint64_t bytes = 0;
  /// Files, and whole folders, that patterns left out.
  std::uint64_t excluded = 0;
  /// At most limits::kNotes sentences and one that counts the rest.
  std::vector<std::string> notes;
};

/// Ends soon after `cancelled` becomes true, with an error that nobody needs to see.
Result<Scan, TransferError> scan_paths(const CreateRequest& request, const std::atomic<bool>& cancelled);

}  // namespace rondo::peer
