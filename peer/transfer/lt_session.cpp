#include "peer/transfer/lt_session.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/fingerprint.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/transfer/fd.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/lt_disk.hpp"

namespace rondo::peer {
namespace {

using lt::settings_pack;

bool is_unspecified(const Endpoint& endpoint) {
  const ByteView bytes = endpoint.address_bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

/// libtorrent opens a socket for each interface where we say 0.0.0.0, and with port 0 each would get its own port. So
/// the port is chosen here; 0 when there is none.
std::uint16_t free_port(Family family) {
  const bool v4 = family == Family::kV4;
  const Fd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_storage address{};
  address.ss_family = static_cast<sa_family_t>(v4 ? AF_INET : AF_INET6);
  ::socklen_t size = v4 ? sizeof(::sockaddr_in) : sizeof(::sockaddr_in6);
  auto* generic = reinterpret_cast<::sockaddr*>(&address);
  if (!fd.ok() || ::bind(fd.get(), generic, size) != 0 || ::getsockname(fd.get(), generic, &size) != 0) return 0;
  if (!v4) return ntohs(reinterpret_cast<const ::sockaddr_in6*>(&address)->sin6_port);
  return ntohs(reinterpret_cast<const ::sockaddr_in*>(&address)->sin_port);
}

std::vector<Endpoint> resolved_listen(const TransferConfig& config) {
  std::vector<Endpoint> out = config.listen;
  for (Endpoint& endpoint : out)
    if (endpoint.port == 0 && is_unspecified(endpoint)) endpoint.port = free_port(endpoint.family);
  return out;
}

std::string interfaces_text(const std::vector<Endpoint>& listen) {
  std::string out;
  for (const Endpoint& endpoint : listen) out += (out.empty() ? "" : ",") + endpoint.text();
  return out;
}

/// DESIGN section 5 gives the measurements behind these.
void set_transport(settings_pack& pack) {
  // uTP is 10 times slower on a LAN, and mixed mode lets it in; hole punching, which needs it, comes later.
  pack.set_bool(settings_pack::enable_outgoing_utp, false);
  pack.set_bool(settings_pack::enable_incoming_utp, false);
  // The first connection waits for a tick.
  pack.set_int(settings_pack::tick_interval, 50);
  pack.set_int(settings_pack::connections_limit, limits::kConnections);
  // Laptops behind one NAT, and processes on one host. libtorrent closes duplicates, and connections to itself, by
  // peer id in any case.
  pack.set_bool(settings_pack::allow_multiple_connections_per_ip, true);
  // With the default of 8 slots the ninth peer of a lone sharer waits for its turn.
  pack.set_int(settings_pack::unchoke_slots_limit, -1);
  // libtorrent has on its way to a peer what that peer took in half a second, which in its first second is nothing: by
  // default one block then, so that each waits for the disk.
  pack.set_int(settings_pack::send_buffer_low_watermark, limits::kSendAhead);
  // Getters are told this, ask for so much ahead, and read what has come of it into one buffer.
  pack.set_int(settings_pack::max_allowed_in_request_queue, limits::kRequests);
  // A sharer that was restarted is tried again soon.
  pack.set_int(settings_pack::min_reconnect_time, 1);
  pack.set_int(settings_pack::max_failcount, 20);
}

void set_limits(settings_pack& pack) {
  // Nothing is auto-managed, yet some of these bite all the same (LSD, trackers).
  for (const int limit :
       {settings_pack::active_downloads, settings_pack::active_seeds, settings_pack::active_checking,
        settings_pack::active_limit, settings_pack::active_lsd_limit, settings_pack::active_tracker_limit})
    pack.set_int(limit, 10'000);
  pack.set_int(settings_pack::max_metadata_size, limits::kTorrentBytes);
  pack.set_int(settings_pack::max_piece_count, limits::kTorrentPieces);
  pack.set_int(settings_pack::metadata_token_limit, limits::kTorrentTokens);
  pack.set_int(settings_pack::stop_tracker_timeout, 1);
}

settings_pack settings_of(const TransferConfig& config, const std::vector<Endpoint>& listen) {
  settings_pack pack;
  pack.set_str(settings_pack::user_agent, "Rondo/0.1");
  pack.set_str(settings_pack::peer_fingerprint, lt::generate_fingerprint("RO", 0, 1));
  pack.set_int(settings_pack::alert_mask,
               static_cast<int>(static_cast<std::uint32_t>(lt::alert_category::status | lt::alert_category::error)));
  pack.set_int(settings_pack::alert_queue_size, limits::kAlertQueue);
  pack.set_str(settings_pack::listen_interfaces, interfaces_text(listen));
  // The fallback is for the UDP socket, whose number the ring may hold and which we don't use. That it didn't move the
  // TCP port is checked.
  pack.set_int(settings_pack::max_retry_port_bind, 0);
  pack.set_bool(settings_pack::listen_system_port_fallback, true);
  pack.set_bool(settings_pack::enable_dht, false);
  pack.set_bool(settings_pack::enable_upnp, false);
  pack.set_bool(settings_pack::enable_natpmp, false);
  pack.set_bool(settings_pack::enable_lsd, config.lan && !config.only_ring);
  pack.set_bool(settings_pack::ssrf_mitigation, true);
  pack.set_bool(settings_pack::allow_idna, false);
  set_transport(pack);
  set_limits(pack);
  return pack;
}

TransferError cannot_listen(const std::string& where, const std::string& why) {
  return {TransferErrc::kListen, "can't listen on " + where + " (TCP): " + why};
}

Endpoint from_lt(const lt::address& address, int port) {
  return Endpoint::parse((address.is_v6() ? "[" + address.to_string() + "]" : address.to_string()) + ":" +
                         std::to_string(port))
      .value_or(Endpoint{});
}

/// What the alerts say of listening.
struct ListenState {
  std::map<Family, std::uint16_t> ports;
  std::optional<TransferError> failure;

  void read(const lt::alert& alert, const std::vector<Endpoint>& wanted) {
    if (const auto* failed = lt::alert_cast<lt::listen_failed_alert>(&alert)) {
      if (failed->socket_type != lt::socket_type_t::tcp) return;
      failure = cannot_listen(from_lt(failed->address, failed->port).text(), failed->error.message());
    }
    const auto* succeeded = lt::alert_cast<lt::listen_succeeded_alert>(&alert);
    if (succeeded == nullptr || succeeded->socket_type != lt::socket_type_t::tcp) return;
    const Endpoint got = from_lt(succeeded->address, succeeded->port);
    for (const Endpoint& endpoint : wanted) {
      if (endpoint.family != got.family) continue;
      if (endpoint.port != 0 && endpoint.port != got.port)
        failure = cannot_listen(endpoint.text(), "the port is in use");
      ports[got.family] = got.port;
    }
  }
};

ListenState wait_for_listen(lt::session& session, const std::vector<Endpoint>& wanted) {
  ListenState state;
  const auto deadline = std::chrono::steady_clock::now() + limits::kListenTime;
  // Its answer comes after the sockets were opened, so the alerts are there.
  (void)session.is_listening();
  for (;;) {
    std::vector<lt::alert*> alerts;
    session.pop_alerts(&alerts);
    for (const lt::alert* alert : alerts) state.read(*alert, wanted);
    const bool all = std::all_of(wanted.begin(), wanted.end(),
                                 [&](const Endpoint& endpoint) { return state.ports.contains(endpoint.family); });
    if (all || state.failure) return state;
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= std::chrono::steady_clock::duration::zero()) break;
    session.wait_for_alert(left);
  }
  state.failure = cannot_listen(interfaces_text(wanted), "no answer from the system");
  return state;
}

}  // namespace

lt::tcp::endpoint to_lt(const Endpoint& endpoint) {
  if (endpoint.family == Family::kV4) {
    lt::address_v4::bytes_type bytes;
    std::copy_n(endpoint.address.begin(), bytes.size(), bytes.begin());
    return {lt::address_v4(bytes), endpoint.port};
  }
  lt::address_v6::bytes_type bytes;
  std::copy_n(endpoint.address.begin(), bytes.size(), bytes.begin());
  return {lt::address_v6(bytes), endpoint.port};
}

Result<ListeningSession, TransferError> start_session(const TransferConfig& config) {
  const std::vector<Endpoint> listen = resolved_listen(config);
  ListeningSession out;
  lt::session_params params(settings_of(config, listen));
  params.disk_io_constructor = [known = out.known](lt::io_context& io, const lt::settings_interface&,
                                                   lt::counters& counters) {
    return std::make_unique<LtDisk>(io, counters, known);
  };
  out.session = std::make_unique<lt::session>(std::move(params));
  if (listen.empty()) return out;
  const ListenState state = wait_for_listen(*out.session, listen);
  if (state.failure) return Failure{*state.failure};
  out.port = state.ports.at(listen.front().family);
  return out;
}

void apply_policy(lt::add_torrent_params& params, const TransferConfig& config) {
  // Managed torrents are stopped and started by libtorrent as it sees fit. Nothing of ours is in the way of a rename,
  // and files that we did not make ourselves are not looked at: no_verify_files also keeps libtorrent from creating
  // the symbolic links a torrent asks for, and from hard-linking files of other torrents.
  params.flags = lt::torrent_flags::update_subscribe | lt::torrent_flags::need_save_resume |
                 lt::torrent_flags::disable_dht | lt::torrent_flags::duplicate_is_error |
                 lt::torrent_flags::no_verify_files | lt::torrent_flags::override_trackers |
                 lt::torrent_flags::override_web_seeds;
  if (config.only_ring) {
    params.flags |= lt::torrent_flags::disable_lsd | lt::torrent_flags::disable_pex;
    params.trackers.clear();
    params.tracker_tiers.clear();
  }
  if (!config.lan) params.flags |= lt::torrent_flags::disable_lsd;
}

}  // namespace rondo::peer
