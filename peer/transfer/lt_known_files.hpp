// What the files of shares were when they were hashed, as the disk back-end must know it: what it read of a file that
// is another by then, it does not hand on.
//
// Thread-safe: told by the session's owner, looked up by libtorrent's network thread.
#pragma once

#include <libtorrent/sha1_hash.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "peer/transfer/file_identity.hpp"

namespace rondo::peer {

class KnownFiles {
 public:
  /// By the torrent's own numbers of its files. Those of pads and of empty files are never looked at.
  using Identities = std::vector<FileIdentity>;

  /// Of a torrent in a folder, for as long as `identities` lives. A fetch of the same torrent writes to another folder.
  void tell(const lt::sha1_hash& torrent, const std::string& folder,
            const std::shared_ptr<const Identities>& identities);
  /// Null where nothing is known.
  [[nodiscard]] std::shared_ptr<const Identities> find(const lt::sha1_hash& torrent, const std::string& folder) const;

 private:
  using Key = std::pair<lt::sha1_hash, std::string>;
  mutable std::mutex mutex_;
  std::map<Key, std::weak_ptr<const Identities>> told_;
};

}  // namespace rondo::peer
