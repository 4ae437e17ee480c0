// Counts who has everything: a libtorrent plugin that reads what peers say they have.
//
// A receiver is a peer id that was seen incomplete and is complete now; it counts once, also when it connected anew
// meanwhile. Who connects with everything from the start is another seed, and no receiver. Whether a peer really has
// what it says nobody can know, here as elsewhere in BitTorrent.
//
// libtorrent as a receiver closes the connection to a seed instead of sending its last `have`s. So a peer that was sent
// all that it lacked, and then closed the connection in good order, is complete as well. Our own receivers stay until
// their last `have` is out (last_have_first), because the last piece may have come from another sharer.
//
// libtorrent calls plugins in its network thread, for all torrents of a session in the same one: the counts need no
// lock, and `complete` is called there. It must only post.
#pragma once

#include <cstdint>
#include <functional>
#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_info.hpp>
#include <memory>

namespace rondo::peer {

using TorrentExtension =
    std::function<std::shared_ptr<lt::torrent_plugin>(const lt::torrent_handle&, lt::client_data_t)>;

/// For add_torrent_params::extensions; remembers whom it counted for as long as it, or a copy of it, is used.
/// `complete` gets the number of receivers so far.
TorrentExtension receiver_counter(std::shared_ptr<const lt::torrent_info> info,
                                  std::function<void(std::uint32_t)> complete);

/// For a torrent that is being fetched.
TorrentExtension last_have_first();

}  // namespace rondo::peer
