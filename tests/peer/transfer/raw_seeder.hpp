// A peer that isn't ours: a bare libtorrent session that serves torrents which Rondo would never make.
#pragma once

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/bencode.hpp>
#include <libtorrent/entry.hpp>
#include <libtorrent/hasher.hpp>
#include <libtorrent/posix_disk_io.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>
#include <utility>

#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {

/// A file of a hand-made v1 torrent; the path's components go in as they are.
struct RawFile {
  std::vector<std::string> path;
  std::string content;
  std::string attributes{};
  std::vector<std::string> symlink{};
};

struct RawTorrent {
  lt::entry dict;
  std::string payload;

  [[nodiscard]] Bytes bytes() const {
    Bytes out;
    lt::bencode(std::back_inserter(out), dict);
    return out;
  }
};

inline std::string sha1_pieces(const std::string& payload, std::size_t piece_length) {
  std::string out;
  for (std::size_t at = 0; at < payload.size(); at += piece_length) {
    const std::string piece = payload.substr(at, piece_length);
    out +=
        lt::hasher(lt::span<const char>(piece.data(), static_cast<std::ptrdiff_t>(piece.size()))).final().to_string();
  }
  return out;
}

inline RawTorrent raw_torrent(const std::string& name, const std::vector<RawFile>& files) {
  constexpr std::size_t kPiece = 16 * 1024;
  RawTorrent out;
  lt::entry& info = out.dict["info"];
  info["name"] = name;
  info["piece length"] = static_cast<std::int64_t>(kPiece);
  for (const RawFile& file : files) {
    lt::entry entry;
    entry["length"] = static_cast<std::int64_t>(file.content.size());
    entry["path"] = lt::entry::list_type();
    for (const std::string& component : file.path) entry["path"].list().emplace_back(component);
    if (!file.attributes.empty()) entry["attr"] = file.attributes;
    for (const std::string& component : file.symlink) entry["symlink path"].list().emplace_back(component);
    info["files"].list().push_back(entry);
    out.payload += file.content;
  }
  info["pieces"] = sha1_pieces(out.payload, kPiece);
  return out;
}

/// One file whose only component is the torrent's name.
inline RawTorrent raw_single(const std::string& name, const std::string& content) {
  RawTorrent out = raw_torrent(name, {});
  lt::entry& info = out.dict["info"];
  info.dict().erase("files");
  info["length"] = static_cast<std::int64_t>(content.size());
  info["pieces"] = sha1_pieces(content, 16 * 1024);
  out.payload = content;
  return out;
}

class RawSeeder {
 public:
  RawSeeder() {
    lt::settings_pack pack;
    pack.set_str(lt::settings_pack::listen_interfaces, "127.0.0.1:0");
    for (const int off : {lt::settings_pack::enable_dht, lt::settings_pack::enable_lsd, lt::settings_pack::enable_upnp,
                          lt::settings_pack::enable_natpmp, lt::settings_pack::enable_outgoing_utp,
                          lt::settings_pack::enable_incoming_utp})
      pack.set_bool(off, false);
    lt::session_params params(pack);
    params.disk_io_constructor = lt::posix_disk_io_constructor;
    session_ = std::make_unique<lt::session>(std::move(params));
  }

  /// Serves files that lie where `paths` says (by file index), as a peer that checks nothing. `rate`: bytes per second.
  void seed(const Bytes& torrent, const std::map<int, std::string>& paths, int rate = 0) {
    lt::add_torrent_params params;
    params.ti = std::make_shared<lt::torrent_info>(lt::span<const char>(reinterpret_cast<const char*>(torrent.data()),
                                                                        static_cast<std::ptrdiff_t>(torrent.size())),
                                                   lt::from_span);
    params.save_path = "/nonexistent";
    params.flags = lt::torrent_flags::no_verify_files;
    for (const auto& [index, path] : paths) params.renamed_files[lt::file_index_t{index}] = path;
    params.have_pieces.resize(params.ti->num_pieces(), true);
    if (rate != 0) params.upload_limit = rate;
    session_->add_torrent(std::move(params));
  }

  [[nodiscard]] Endpoint endpoint() const { return Endpoint::v4(127, 0, 0, 1, session_->listen_port()); }

 private:
  std::unique_ptr<lt::session> session_;
};

/// Writes the contents to `folder` as 0, 1, 2, ... and says where they are.
inline std::map<int, std::string> store_raw(const fs::path& folder, const std::vector<RawFile>& files) {
  std::map<int, std::string> out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    write_file(folder / std::to_string(i), files[i].content);
    out[static_cast<int>(i)] = (folder / std::to_string(i)).string();
  }
  return out;
}

}  // namespace rondo::peer::test
