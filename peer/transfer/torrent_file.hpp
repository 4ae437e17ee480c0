// The bytes of a .torrent file as a list of files, without a session and without libtorrent in the header.
#pragma once

#include "dht/base/bytes.hpp"
#include "dht/base/result.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

/// What fetch() would show of these bytes. They are untrusted: limits hold before anything is allocated, and the names
/// are safe to create and to print. Fails with kBadTorrent.
Result<Content, TransferError> read_torrent(ByteView bytes);

}  // namespace rondo::peer
