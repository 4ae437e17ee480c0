// Between our values and libtorrent's: reading, describing and making torrents.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <libtorrent/add_torrent_params.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dht/base/bytes.hpp"
#include "dht/base/result.hpp"
#include "peer/transfer/file_watch.hpp"
#include "peer/transfer/torrent_cache.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

/// A torrent that a session can take, with every file renamed to what `content` calls it.
struct LoadedTorrent {
  lt::add_torrent_params params;
  Content content;
  std::vector<std::string> notes;
};

/// From the bytes of a .torrent file.
Result<LoadedTorrent, TransferError> load_torrent(ByteView bytes);
/// The same, and frees the bytes as soon as they are read.
Result<LoadedTorrent, TransferError> load_torrent(Bytes&& bytes);

/// From metadata that peers sent. REQUIRES: params.ti holds it.
Result<LoadedTorrent, TransferError> describe_torrent(lt::add_torrent_params params);

struct MadeTorrent {
  /// With every file renamed to where it is on disk.
  LoadedTorrent loaded;
  Bytes file;
  std::uint64_t excluded = 0;
  /// Bytes that were read.
  std::uint64_t hashed = 0;
  /// By their number in content.files.
  std::vector<WatchedFile> watched;
  /// All are where file systems show writes.
  bool shows_writes = false;
  /// Hashed just now, and nobody touched them shortly before or since: they can be served without being verified again.
  bool is_verified = false;
};

/// Walks and hashes what is to be shared, if the cache hasn't it. The info-hash depends on names, contents and x bits
/// only.
Result<MadeTorrent, TransferError> make_torrent(const CreateRequest& request,
                                                const std::function<void(HashProgress)>& progress,
                                                const std::atomic<bool>& cancelled, const TorrentCache& cache = {});

/// Piece length of a torrent of that many bytes. The list of hashes grows with the square root of the content, as where
/// libtorrent chooses; fixed here, because the info-hash depends on it.
std::uint32_t piece_length_of(std::uint64_t bytes);

}  // namespace rondo::peer
