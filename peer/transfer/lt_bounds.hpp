// What a torrent may hold, counted before libtorrent reads it. libtorrent 2.0.8 bounds bytes, tokens, depth and pieces,
// and still takes minutes for a torrent of 5 MB with 250,000 folders, or with one name 300,000 times: it searches a
// list for each. Here the same is counted in O(n log n), and what would take long is refused unread.
//
// Metadata from peers is read by libtorrent inside the session before we see it: it is held to the same bounds
// afterwards, which saves our own memory and time but not libtorrent's.
#pragma once

#include <cstddef>
#include <libtorrent/bdecode.hpp>
#include <libtorrent/file_storage.hpp>
#include <optional>
#include <string>
#include <vector>

#include "peer/transfer/scan.hpp"

namespace rondo::peer {

/// Why the torrent is not read, as the end of a sentence; nothing when it may be. What is malformed passes: libtorrent
/// has the words for it.
std::optional<std::string> over_bounds(const lt::bdecode_node& torrent);

/// The same of files that libtorrent has read already.
std::optional<std::string> over_bounds(const lt::file_storage& files);

/// The same of our own: others would refuse the torrent.
std::optional<std::string> over_bounds(const std::vector<ScannedFile>& files);

}  // namespace rondo::peer
