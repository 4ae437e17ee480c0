// The libtorrent session: its settings, and whether it listens.
#pragma once

#include <cstdint>
#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/socket.hpp>
#include <memory>
#include <utility>

#include "dht/base/endpoint.hpp"
#include "dht/base/result.hpp"
#include "peer/transfer/lt_known_files.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

struct ListeningSession {
  std::unique_ptr<lt::session> session;
  std::uint16_t port = 0;
  /// For its disk back-end.
  std::shared_ptr<KnownFiles> known = std::make_shared<KnownFiles>();
};

/// Starts a session and waits, for a moment, until it listens. Fails with kListen.
Result<ListeningSession, TransferError> start_session(const TransferConfig& config);

/// Flags, and what to strip, that every torrent of a session has.
void apply_policy(lt::add_torrent_params& params, const TransferConfig& config);

lt::tcp::endpoint to_lt(const Endpoint& endpoint);

}  // namespace rondo::peer
