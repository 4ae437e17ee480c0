#include "peer/transfer/lt_torrent.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <libtorrent/bencode.hpp>
#include <libtorrent/create_torrent.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/load_torrent.hpp>
#include <libtorrent/torrent_info.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

#include "dht/base/assert.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/errors.hpp"
#include "peer/transfer/hasher.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/lt_bounds.hpp"
#include "peer/transfer/notes.hpp"
#include "peer/transfer/sanitize.hpp"
#include "peer/transfer/scan.hpp"
#include "peer/transfer/torrent_file.hpp"

namespace rondo::peer {
namespace {

using Problem = std::optional<TransferError>;

Failure<TransferError> bad_torrent(const std::string& why) {
  return Failure{TransferError{TransferErrc::kBadTorrent, "this torrent can't be used: " + display(why)}};
}

std::string shown(std::string_view name) { return display_short(name, limits::kShownName); }

std::uint64_t size_of(const lt::file_storage& files, lt::file_index_t i) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(files.file_size(i), 0));
}

bool has_flag(const lt::file_storage& files, lt::file_index_t i, lt::file_flags_t flag) {
  return bool(files.file_flags(i) & flag);
}

/// Splits at '/', which libtorrent puts between components and in none of them.
std::vector<std::string_view> components_of(std::string_view path) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

/// Names each file of a torrent. Works on the names as the torrent has them: libtorrent's own renaming of names that
/// meet would hide from SafePaths what they were.
class Describer {
 public:
  explicit Describer(const lt::torrent_info& info) : info_(info), files_(info.orig_files()) {
    const lt::info_hash_t hashes = info.info_hashes();
    content_.has_v1 = hashes.has_v1();
    content_.has_v2 = hashes.has_v2();
    if (hashes.has_v2()) std::copy(hashes.v2.begin(), hashes.v2.end(), content_.info_hash_v2.begin());
    if (hashes.has_v1())
      std::copy(hashes.v1.begin(), hashes.v1.end(), content_.info_hash.bytes.begin());
    else
      std::copy_n(hashes.v2.begin(), RingId::kSize, content_.info_hash.bytes.begin());
  }

  void run() {
    const std::string top = files_.name();
    content_.name = safe_top_name(top);
    content_.files.reserve(static_cast<std::size_t>(files_.num_files()));
    const bool single = files_.num_files() == 1 && files_.file_path(lt::file_index_t{0}) == top;
    for (const lt::file_index_t i : files_.file_range()) {
      const std::string raw = files_.file_path(i);
      if (has_flag(files_, i, lt::file_storage::flag_pad_file)) continue;
      if (has_flag(files_, i, lt::file_storage::flag_symlink)) {
        notes_.add("left out the symbolic link " + shown(raw));
        continue;
      }
      take(i, raw, single ? content_.name : content_.name + "/" + below_top(raw, top));
    }
  }

  Content content() { return std::move(content_); }
  std::vector<std::string> notes() { return notes_.take(); }
  /// Files of the torrent that have another name in the content, and which of the content's they are.
  auto renamed() { return std::move(renamed_); }

 private:
  std::string below_top(std::string_view raw, std::string_view top) {
    if (raw.starts_with(top) && raw.substr(top.size()).starts_with('/')) raw.remove_prefix(top.size() + 1);
    return paths_.add(components_of(raw));
  }

  void take(lt::file_index_t i, const std::string& raw, std::string path) {
    if (path != raw) notes_.add(shown(raw) + " is saved as " + shown(path));
    if (path != info_.files().file_path(i)) renamed_.emplace_back(i, content_.files.size());
    content_.bytes += size_of(files_, i);
    content_.files.push_back(
        {std::move(path), size_of(files_, i), has_flag(files_, i, lt::file_storage::flag_executable)});
  }

  const lt::torrent_info& info_;
  const lt::file_storage& files_;
  Content content_;
  SafePaths paths_;
  Notes notes_;
  std::vector<std::pair<lt::file_index_t, std::size_t>> renamed_;
};

lt::load_torrent_limits load_limits() {
  lt::load_torrent_limits out;
  out.max_buffer_size = limits::kTorrentBytes;
  out.max_pieces = limits::kTorrentPieces;
  out.max_decode_depth = limits::kTorrentDepth;
  out.max_decode_tokens = limits::kTorrentTokens;
  return out;
}

lt::create_torrent new_torrent(lt::file_storage& files, const Scan& scan, bool hybrid) {
  for (const ScannedFile& file : scan.files)
    files.add_file(file.torrent_path, static_cast<std::int64_t>(file.size),
                   file.executable ? lt::file_storage::flag_executable : lt::file_flags_t{});
  lt::create_torrent torrent(files, static_cast<int>(piece_length_of(scan.bytes)),
                             hybrid ? lt::create_flags_t{} : lt::create_torrent::v1_only);
  torrent.set_creator("Rondo/0.1");
  torrent.set_creation_date(0);
  return torrent;
}

struct Watched {
  std::vector<WatchedFile> files;
  /// Not even chmod or a link came by since the scan.
  bool as_scanned = true;
};

/// Those that the plan reads, as they are now. An error when one is not what it was when it was found: what was hashed
/// of it is of no use.
Result<Watched, TransferError> watched_files(const HashPlan& plan, const Scan& scan) {
  std::unordered_map<std::string_view, const ScannedFile*> by_path;
  for (const ScannedFile& file : scan.files) by_path.emplace(file.disk_path, &file);
  Watched out;
  for (const HashPlan::Part& part : plan.parts) {
    if (part.disk_path.empty()) continue;
    const ScannedFile& file = *by_path.at(part.disk_path);
    const auto now = read_identity(part.disk_path);
    if (!now || !is_untouched(file.identity, *now))
      return Failure{TransferError{TransferErrc::kUnreadable,
                                   "can't share " + display(part.disk_path) +
                                       ": it was changed while it was read; try again when it is at rest"}};
    out.as_scanned = out.as_scanned && file.identity == *now;
    out.files.push_back({static_cast<std::uint32_t>(out.files.size()), part.disk_path, *now});
  }
  return out;
}

/// Looks once at each file system.
bool all_show_writes(const Scan& scan) {
  std::set<std::uint64_t> devices;
  return std::all_of(scan.files.begin(), scan.files.end(), [&](const ScannedFile& file) {
    return !devices.insert(file.identity.device).second || shows_writes(file.disk_path);
  });
}

HashPlan plan_of(const lt::create_torrent& torrent, const Scan& scan, bool hybrid) {
  std::unordered_map<std::string_view, const ScannedFile*> by_path;
  for (const ScannedFile& file : scan.files) by_path.emplace(file.torrent_path, &file);
  HashPlan plan;
  plan.piece_length = static_cast<std::uint32_t>(torrent.piece_length());
  plan.v2 = hybrid;
  const lt::file_storage& files = torrent.files();
  for (const lt::file_index_t i : files.file_range()) {
    const bool pad = has_flag(files, i, lt::file_storage::flag_pad_file);
    plan.parts.push_back({pad ? std::string() : by_path.at(files.file_path(i))->disk_path, size_of(files, i)});
  }
  return plan;
}

void set_hashes(lt::create_torrent& torrent, const Hashes& hashes) {
  lt::piece_index_t piece{0};
  for (const Sha1& hash : hashes.v1)
    torrent.set_hash(piece++, lt::sha1_hash(lt::span<const char>(reinterpret_cast<const char*>(hash.data()), 20)));
  lt::file_index_t file{0};
  for (const auto& roots : hashes.v2) {
    lt::piece_index_t::diff_type in_file{0};
    for (const Root& root : roots)
      torrent.set_hash2(file, in_file++,
                        lt::sha256_hash(lt::span<const char>(reinterpret_cast<const char*>(root.data()), 32)));
    ++file;
  }
}

/// What others will see under another name. Of our own torrent the names are known as they were.
std::vector<std::string> renaming_notes(const lt::file_storage& files, const Content& content) {
  Notes notes;
  auto file = content.files.begin();
  for (const lt::file_index_t i : files.file_range()) {
    if (has_flag(files, i, lt::file_storage::flag_pad_file)) continue;
    RONDO_ASSERT(file != content.files.end());
    const std::string raw = files.file_path(i);
    if (raw != file->path) notes.add(shown(raw) + " is saved as " + shown(file->path) + " by those who fetch it");
    ++file;
  }
  return notes.take();
}

/// Points every file of our own torrent to where it is on disk.
void map_to_disk(LoadedTorrent& loaded, const HashPlan& plan, const std::string& parent) {
  const lt::file_storage& files = loaded.params.ti->files();
  loaded.params.save_path = parent;
  loaded.params.renamed_files.clear();
  for (const lt::file_index_t i : files.file_range()) {
    const std::string& disk_path = plan.parts[static_cast<std::size_t>(static_cast<int>(i))].disk_path;
    // The usual share has every file where the torrent says, and a list of 100,000 paths is saved.
    if (!disk_path.empty() && files.file_path(i, parent) != disk_path) loaded.params.renamed_files[i] = disk_path;
  }
}

Result<Bytes, TransferError> hashed_torrent(lt::create_torrent& torrent, const HashPlan& plan, const Scan& scan,
                                            const std::function<void(HashProgress)>& progress,
                                            const std::atomic<bool>& cancelled) {
  const auto hashes = hash_files(
      plan,
      [&](std::uint64_t done) {
        progress({done, scan.bytes});
      },
      cancelled);
  if (!hashes) return Failure{hashes.error()};
  set_hashes(torrent, *hashes);
  Bytes file;
  lt::bencode(std::back_inserter(file), torrent.generate());
  if (file.size() > static_cast<std::size_t>(limits::kTorrentBytes))
    return Failure{TransferError{TransferErrc::kBadTorrent,
                                 std::to_string(scan.files.size()) + " files make a torrent of " +
                                     size_text(file.size()) + ", and others read at most " +
                                     size_text(limits::kTorrentBytes) + ": share them in parts, or as an archive"}};
  return file;
}

/// The rest of making a torrent of a scan; `begun` is when the scan began.
Result<MadeTorrent, TransferError> make(const CreateRequest& request, const Scan& scan, std::int64_t begun,
                                        const TorrentCache& cache, const std::function<void(HashProgress)>& progress,
                                        const std::atomic<bool>& cancelled) {
  if (const auto why = over_bounds(scan.files))
    return Failure{TransferError{TransferErrc::kBadTorrent, "others could not fetch " + display(scan.name) + ": " +
                                                                *why + "; share it in parts, or as an archive"}};
  lt::file_storage files;
  lt::create_torrent torrent = new_torrent(files, scan, request.hybrid);
  const HashPlan plan = plan_of(torrent, scan, request.hybrid);
  const Fingerprint key = fingerprint_of(scan, request.hybrid);
  MadeTorrent made;
  auto kept = cache.find(key);
  if (!kept) {
    auto file = hashed_torrent(torrent, plan, scan, progress, cancelled);
    if (!file) return Failure{file.error()};
    made.file = std::move(*file);
    made.hashed = scan.bytes;
  } else {
    made.file = std::move(*kept);
  }
  auto watched = watched_files(plan, scan);
  if (!watched) return Failure{watched.error()};
  made.watched = std::move(watched->files);
  made.shows_writes = all_show_writes(scan);
  const bool settled = made.hashed != 0 && is_settled(scan, begun);
  made.is_verified = settled && made.shows_writes && watched->as_scanned;
  if (settled) cache.keep(key, made.file);

  auto loaded = load_torrent(made.file);
  if (!loaded) return Failure{loaded.error()};
  made.loaded = std::move(*loaded);
  made.excluded = scan.excluded;
  made.loaded.notes = scan.notes;
  for (std::string& note : renaming_notes(torrent.files(), made.loaded.content))
    made.loaded.notes.push_back(std::move(note));
  map_to_disk(made.loaded, plan, scan.parent);
  return made;
}

Result<lt::add_torrent_params, TransferError> parse(ByteView bytes) {
  if (bytes.size() > static_cast<std::size_t>(limits::kTorrentBytes))
    return bad_torrent("it has " + size_text(bytes.size()) + ", and at most " + size_text(limits::kTorrentBytes) +
                       " are read");
  try {
    const lt::span<const char> text(reinterpret_cast<const char*>(bytes.data()),
                                    static_cast<std::ptrdiff_t>(bytes.size()));
    lt::error_code error;
    const lt::bdecode_node torrent = lt::bdecode(text, error, nullptr, limits::kTorrentDepth, limits::kTorrentTokens);
    if (error) return bad_torrent(error.message());
    if (const auto why = over_bounds(torrent)) return bad_torrent(*why);
    return lt::load_torrent_parsed(torrent, load_limits());
  } catch (const std::exception& error) {
    return bad_torrent(error.what());
  }
}

}  // namespace

std::uint32_t piece_length_of(std::uint64_t bytes) {
  // From 2.6 MB on, four times the bytes double the piece.
  std::uint32_t length = kBlock;
  for (std::uint64_t bound = 2'684'355; bytes > bound && length < (16u << 20); bound *= 4) length *= 2;
  return length;
}

Result<LoadedTorrent, TransferError> describe_torrent(lt::add_torrent_params params) {
  const lt::torrent_info& info = *params.ti;
  if (!info.ssl_cert().empty()) return bad_torrent("only holders of a certificate can fetch it");
  if (const auto why = over_bounds(info.orig_files())) return bad_torrent(*why);
  LoadedTorrent out;
  std::vector<std::pair<lt::file_index_t, std::size_t>> renamed;
  {
    Describer describer(info);
    describer.run();
    out.content = describer.content();
    out.notes = describer.notes();
    renamed = describer.renamed();
  }
  if (out.content.files.empty()) return bad_torrent("it holds no files");
  // In the list of files itself, and not as a wish to the session: that would be another list, and the session's thread
  // would do the work.
  for (const auto& [index, file] : renamed) params.ti->rename_file(index, out.content.files[file].path);
  out.params = std::move(params);
  // Web seeds are addresses of the torrent's author's choice; Rondo gets bytes from peers only.
  out.params.url_seeds.clear();
  out.params.http_seeds.clear();
  out.params.dht_nodes.clear();
  return out;
}

Result<LoadedTorrent, TransferError> load_torrent(ByteView bytes) {
  auto params = parse(bytes);
  if (!params) return Failure{params.error()};
  return describe_torrent(std::move(*params));
}

Result<LoadedTorrent, TransferError> load_torrent(Bytes&& bytes) {
  auto params = parse(bytes);
  bytes = Bytes();
  if (!params) return Failure{params.error()};
  return describe_torrent(std::move(*params));
}

Result<Content, TransferError> read_torrent(ByteView bytes) {
  auto loaded = load_torrent(bytes);
  if (!loaded) return Failure{loaded.error()};
  return std::move(loaded->content);
}

Result<MadeTorrent, TransferError> make_torrent(const CreateRequest& request,
                                                const std::function<void(HashProgress)>& progress,
                                                const std::atomic<bool>& cancelled, const TorrentCache& cache) {
  const std::int64_t begun = wall_clock_now();
  const auto scan = scan_paths(request, cancelled);
  if (!scan) return Failure{scan.error()};
  try {
    return make(request, *scan, begun, cache, progress, cancelled);
  } catch (const std::exception& error) {
    return Failure{
        TransferError{TransferErrc::kInternal, "can't make a torrent of these files: " + display(error.what())}};
  }
}

}  // namespace rondo::peer
