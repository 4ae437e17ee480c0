// Torrents that were made before, so that a share that is started again needs no hashing.
//
// One file a torrent in a folder of our state, named by the fingerprint of what it was made of: the request, and of
// every file its path in the torrent, x bit, size, times, inode and device. Whatever touches a file changes its ctime,
// so an old torrent is never found for new content; a file that changed so shortly before it was read that its time
// need not have moved on is not kept (is_settled). And pieces are still verified when they are first asked for.
//
// Form: "rondo-torrent/1\n", SHA-256 of the rest, the .torrent file. What is damaged counts as absent. Processes on one
// home share the folder: files come by rename, and one that vanishes under a reader was not there. At the bounds the
// ones that were not used for longest go. Nothing here is worth an error: without it a share is hashed.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "dht/base/bytes.hpp"
#include "peer/transfer/scan.hpp"

namespace rondo::peer {

using Fingerprint = std::array<std::uint8_t, 32>;

Fingerprint fingerprint_of(const Scan& scan, bool hybrid);

/// No file was touched in the last moments before `read_at` (nanoseconds since 1970), when its reading began.
bool is_settled(const Scan& scan, std::int64_t read_at);
std::int64_t wall_clock_now();

class TorrentCache {
 public:
  TorrentCache() = default;
  /// Empty: keeps nothing. Made when it is first needed.
  explicit TorrentCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The bytes of the .torrent file.
  [[nodiscard]] std::optional<Bytes> find(const Fingerprint& key) const;
  void keep(const Fingerprint& key, ByteView torrent) const;

 private:
  void trim() const;

  std::filesystem::path folder_;
};

}  // namespace rondo::peer
