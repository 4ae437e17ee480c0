// A torrent's pieces as the hasher takes them.
#pragma once

#include <functional>
#include <libtorrent/torrent_info.hpp>
#include <optional>
#include <string>

#include "peer/transfer/hasher.hpp"

namespace rondo::peer {

/// What the pieces hash to, by v1 where there is one; none where the metadata doesn't say (v2 only, without the piece
/// layers, which magnet links don't bring).
std::optional<Hashes> expected_hashes(const lt::torrent_info& info);

/// `path_of` says where a file is; it isn't asked for padding.
HashPlan plan_of_files(const lt::torrent_info& info, const std::function<std::string(lt::file_index_t)>& path_of);

}  // namespace rondo::peer
