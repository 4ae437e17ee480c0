// What an interrupted download left, and how to go on from it.
//
// While a download runs, what libtorrent knows to be good is written to the resume file now and then, each time after
// everything written so far was made safe from a power cut. The next run takes those pieces for granted, as far as the
// files still reach there; any other piece of which the files hold something is hashed. So nothing that is on disk and
// right is fetched twice, however the first run ended, and nothing on record is hashed again.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <libtorrent/add_torrent_params.hpp>
#include <memory>

#include "dht/base/bytes.hpp"
#include "dht/base/result.hpp"
#include "peer/transfer/lt_torrent.hpp"
#include "peer/transfer/staging.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

struct Prepared {
  std::shared_ptr<Staging> staging;
  /// The torrent, to be added as it is but for policy: what it has, what it leaves out, where it writes.
  lt::add_torrent_params params;
  Resumed resumed;
  /// Bytes that will be there when the download is complete; less than the content's where files are skipped.
  std::uint64_t wanted = 0;
  /// All of it is there already.
  bool is_complete = false;
};

/// Opens the staging folder and looks at what is in it. Takes as long as hashing what is not on record. Where the
/// metadata lacks the hashes of pieces (v2 only, by magnet), what is not on record is fetched again.
Result<Prepared, TransferError> prepare_download(const std::filesystem::path& into, WhenExists when_exists,
                                                 const LoadedTorrent& torrent,
                                                 const std::function<void(HashProgress)>& progress,
                                                 const std::atomic<bool>& cancelled);

/// The resume file's bytes: libtorrent's format, without paths and peers.
Bytes resume_file(lt::add_torrent_params params);

}  // namespace rondo::peer
