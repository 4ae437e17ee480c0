// A seeder and a leecher on bare libtorrent: the yardstick of `./dev bench transfer`.
//
// The settings that matter for speed are those of peer/transfer/lt_session.cpp, written out a second time: were they
// shared, a change that makes both slow would show nowhere. The leecher has the .torrent file and the seeder's address
// from its command line, connects at once, and ends as soon as libtorrent says that everything is in the files.
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/load_torrent.hpp>
#include <libtorrent/posix_disk_io.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using lt::settings_pack;
using Clock = std::chrono::steady_clock;

constexpr const char* kUsage =
    "usage: raw_libtorrent seed FILE.torrent FOLDER ADDRESS       serves until standard input ends\n"
    "       raw_libtorrent get FILE.torrent FOLDER ADDRESS SEED   SEED is the seeder's ADDRESS:PORT\n"
    "FOLDER is the one that holds the torrent's file or folder.\n";

lt::session_params params_of(const std::string& address) {
  settings_pack pack;
  pack.set_int(settings_pack::alert_mask,
               static_cast<int>(static_cast<std::uint32_t>(lt::alert_category::status | lt::alert_category::error)));
  pack.set_str(settings_pack::listen_interfaces, address + ":0");
  for (const int unwanted :
       {settings_pack::enable_dht, settings_pack::enable_upnp, settings_pack::enable_natpmp, settings_pack::enable_lsd,
        settings_pack::enable_outgoing_utp, settings_pack::enable_incoming_utp})
    pack.set_bool(unwanted, false);
  pack.set_int(settings_pack::tick_interval, 50);
  pack.set_bool(settings_pack::allow_multiple_connections_per_ip, true);
  pack.set_int(settings_pack::unchoke_slots_limit, -1);
  pack.set_int(settings_pack::send_buffer_low_watermark, 128 * 1024);
  pack.set_int(settings_pack::max_allowed_in_request_queue, 500);
  pack.set_int(settings_pack::max_metadata_size, 10'000'000);
  lt::session_params params(std::move(pack));
  params.disk_io_constructor = lt::posix_disk_io_constructor;
  return params;
}

lt::add_torrent_params torrent_of(const std::string& file, const std::string& folder) {
  lt::add_torrent_params params = lt::load_torrent_file(file);
  params.save_path = folder;
  params.flags = lt::torrent_flags::update_subscribe | lt::torrent_flags::no_verify_files | lt::torrent_flags::paused;
  return params;
}

/// Waits for an alert that `accept` likes. Ends the program at an error of the torrent.
template <class Accept>
void wait_for(lt::session& session, Accept accept) {
  for (;;) {
    session.wait_for_alert(std::chrono::seconds(1));
    std::vector<lt::alert*> alerts;
    session.pop_alerts(&alerts);
    for (const lt::alert* alert : alerts) {
      const bool failed = lt::alert_cast<lt::torrent_error_alert>(alert) != nullptr ||
                          lt::alert_cast<lt::file_error_alert>(alert) != nullptr ||
                          lt::alert_cast<lt::listen_failed_alert>(alert) != nullptr;
      if (failed) throw std::runtime_error(alert->message());
      if (accept(*alert)) return;
    }
  }
}

int seed(const std::string& file, const std::string& folder, const std::string& address) {
  lt::session session(params_of(address));
  lt::add_torrent_params params = torrent_of(file, folder);
  // The bench has just made the files: they are taken as right, and no piece is hashed again before it is served.
  params.have_pieces.resize(params.ti->num_pieces(), true);
  params.flags |= lt::torrent_flags::upload_mode;
  session.add_torrent(std::move(params)).resume();
  wait_for(session,
           [](const lt::alert& alert) { return lt::alert_cast<lt::torrent_finished_alert>(&alert) != nullptr; });
  std::printf("%s:%d\n", address.c_str(), static_cast<int>(session.listen_port()));
  std::fflush(stdout);
  std::array<char, 64> ignored;
  while (::read(STDIN_FILENO, ignored.data(), ignored.size()) > 0) {
  }
  return 0;
}

lt::tcp::endpoint endpoint_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("'" + text + "' is no ADDRESS:PORT");
  return {lt::make_address(text.substr(0, colon)), static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1)))};
}

int get(const std::string& file, const std::string& folder, const std::string& address, const std::string& seeder) {
  const auto started = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - started).count(); };
  lt::session session(params_of(address));
  const lt::torrent_handle torrent = session.add_torrent(torrent_of(file, folder));
  // Resumed with its peer known, it connects at once instead of at the next second.
  torrent.connect_peer(endpoint_of(seeder));
  torrent.resume();
  std::printf("{\"event\": \"added\", \"seconds\": %.3f}\n", seconds());
  wait_for(session,
           [](const lt::alert& alert) { return lt::alert_cast<lt::torrent_finished_alert>(&alert) != nullptr; });
  std::printf("{\"event\": \"finished\", \"seconds\": %.3f}\n", seconds());
  // "Finished" may come before the bytes are in the files.
  torrent.flush_cache();
  wait_for(session, [](const lt::alert& alert) { return lt::alert_cast<lt::cache_flushed_alert>(&alert) != nullptr; });
  std::printf("{\"event\": \"flushed\", \"seconds\": %.3f}\n", seconds());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 4 && words[0] == "seed") return seed(words[1], words[2], words[3]);
    if (words.size() == 5 && words[0] == "get") return get(words[1], words[2], words[3], words[4]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "raw_libtorrent: %s\n", error.what());
    return 1;
  }
  std::fputs(kUsage, stderr);
  return 2;
}
