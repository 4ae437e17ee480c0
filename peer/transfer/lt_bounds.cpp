#include "peer/transfer/lt_bounds.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "dht/base/bytes.hpp"
#include "dht/base/crypto.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {
namespace {

using Why = std::optional<std::string>;

/// libtorrent cuts names from here on, so that names which differ only at the end meet.
constexpr std::size_t kWhole = 230;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), lower);
  return text;
}

/// Equal for names that libtorrent makes equal, case apart. It leaves characters out and replaces others by '_'; names
/// that it may change are compared without either, which takes a few more for equal than it does.
std::string meeting_key(std::string_view name) {
  std::string clean;
  bool changed = name.size() > kWhole;
  for (std::string_view rest = name.substr(0, kWhole); !rest.empty();) {
    const CodePoint next = first_code_point(rest);
    const bool kept = next.valid && !is_deceptive(next.value) && next.value != '/' && next.value != '\\';
    if (kept) clean.append(rest.substr(0, next.length));
    changed = changed || !kept;
    rest.remove_prefix(next.length);
  }
  if (!changed) return clean;
  std::erase(clean, '_');
  // A mark that no clean name holds.
  return '\x01' + clean;
}

/// Numbers folders. What is known by its raw name costs one search.
class Folders {
 public:
  struct Place {
    std::size_t exact = 0;
    /// The same for folders that differ in case only.
    std::size_t folded = 0;
  };

  Place within(Place parent, std::string_view raw) {
    std::string key = meeting_key(raw);
    const std::string folded = lowered(key);
    // libtorrent leaves these out of a path.
    if (key.empty() || key == "." || key == "..") return parent;
    const auto at = exact_.try_emplace({parent.exact, std::move(key)}, exact_.size() + 1).first;
    return {at->second, folded_.try_emplace({parent.folded, folded}, folded_.size() + 1).first->second};
  }

  [[nodiscard]] bool too_many() const { return exact_.size() > limits::kTorrentFolders; }

 private:
  using Key = std::pair<std::size_t, std::string>;
  std::map<Key, std::size_t> exact_;
  std::map<Key, std::size_t> folded_;
};

class Count {
 public:
  Folders::Place folder(Folders::Place parent, std::string_view raw) { return folders_.within(parent, raw); }

  void file(Folders::Place parent, std::string_view raw) {
    const Sha256 digest = sha256(as_bytes(std::to_string(parent.folded) + "/" + lowered(meeting_key(raw))));
    std::copy_n(digest.begin(), kDigest, names_.emplace_back().begin());
  }

  [[nodiscard]] bool full() const { return names_.size() > limits::kTorrentFiles || folders_.too_many(); }

  Why verdict() {
    if (names_.size() > limits::kTorrentFiles)
      return "it holds more than " + std::to_string(limits::kTorrentFiles) + " files";
    if (folders_.too_many()) return "it holds more than " + std::to_string(limits::kTorrentFolders) + " folders";
    std::sort(names_.begin(), names_.end());
    std::size_t meetings = 0;
    for (std::size_t i = 1; i < names_.size(); ++i) meetings += names_[i] == names_[i - 1] ? 1u : 0u;
    if (meetings > limits::kTorrentMeetings)
      return "more than " + std::to_string(limits::kTorrentMeetings) + " of its files have the name of another";
    return std::nullopt;
  }

 private:
  Folders folders_;
  /// Digests, which are shorter than names, and which nobody can make meet.
  static constexpr std::size_t kDigest = 16;
  std::vector<std::array<std::uint8_t, kDigest>> names_;
};

std::string_view text_of(const lt::bdecode_node& node) {
  const lt::string_view text = node.string_value();
  return {text.data(), text.size()};
}

/// v1: "files" is a list, each file's path a list of names.
class V1Reader {
 public:
  explicit V1Reader(Count& count) : count_(count) {}

  void read(const lt::bdecode_node& files) {
    const int size = files.list_size();
    for (int i = 0; i < size && !count_.full(); ++i) {
      const lt::bdecode_node file = files.list_at(i);
      if (file.type() != lt::bdecode_node::dict_t) continue;
      lt::bdecode_node path = file.dict_find_list("path.utf-8");
      if (!path) path = file.dict_find_list("path");
      if (path) take(path);
    }
  }

 private:
  void take(const lt::bdecode_node& path) {
    std::vector<std::string_view> names;
    const int size = path.list_size();
    for (int i = 0; i < size; ++i) {
      const lt::bdecode_node name = path.list_at(i);
      if (name.type() != lt::bdecode_node::string_t) return;
      names.push_back(text_of(name));
    }
    if (names.empty()) return;
    // Files of one folder stand together: the folder of the last one is not looked up again.
    const std::string_view file = names.back();
    names.pop_back();
    if (names != last_names_) {
      last_ = {};
      for (const std::string_view name : names) {
        last_ = count_.folder(last_, name);
        if (count_.full()) return;
      }
      last_names_ = std::move(names);
    }
    count_.file(last_, file);
  }

  Count& count_;
  std::vector<std::string_view> last_names_;
  Folders::Place last_;
};

/// v2: folders are dictionaries; a file is one whose only key is empty. The decoder has bounded the depth.
void read_tree(const lt::bdecode_node& tree, Folders::Place place, Count& count) {
  const int size = tree.dict_size();
  for (int i = 0; i < size && !count.full(); ++i) {
    const auto [name, node] = tree.dict_at(i);
    if (node.type() != lt::bdecode_node::dict_t) continue;
    const std::string_view raw(name.data(), name.size());
    if (node.dict_size() == 1 && node.dict_at(0).first.empty())
      count.file(place, raw);
    else
      read_tree(node, count.folder(place, raw), count);
  }
}

/// Paths as libtorrent and the scan write them, the torrent's own name before the first slash.
class PathReader {
 public:
  explicit PathReader(Count& count) : count_(count) {}

  void read(std::string_view path) {
    path.remove_prefix(path.find('/') + 1);
    const std::size_t slash = path.rfind('/');
    const std::string_view folder = path.substr(0, slash == std::string_view::npos ? 0 : slash);
    if (folder != last_folder_) enter(folder);
    count_.file(last_, path.substr(slash + 1));
  }

 private:
  void enter(std::string_view folder) {
    last_folder_ = folder;
    last_ = {};
    for (std::string_view rest = folder; !rest.empty() && !count_.full();) {
      const std::size_t end = std::min(rest.find('/'), rest.size());
      last_ = count_.folder(last_, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  Count& count_;
  std::string last_folder_;
  Folders::Place last_;
};

/// Of a list, and of the lists in it: trackers stand in tiers.
std::size_t strings_in(const lt::bdecode_node& list) {
  std::size_t strings = 0;
  const int size = list.list_size();
  for (int i = 0; i < size && strings <= limits::kTorrentAddresses; ++i) {
    const lt::bdecode_node item = list.list_at(i);
    strings += item.type() == lt::bdecode_node::list_t ? static_cast<std::size_t>(item.list_size()) : 1;
  }
  return strings;
}

Why over_addresses(const lt::bdecode_node& torrent) {
  for (const char* key : {"announce-list", "url-list", "httpseeds", "nodes"}) {
    const lt::bdecode_node list = torrent.dict_find_list(key);
    if (list && strings_in(list) > limits::kTorrentAddresses)
      return "it names more than " + std::to_string(limits::kTorrentAddresses) + " addresses";
  }
  return std::nullopt;
}

}  // namespace

Why over_bounds(const lt::bdecode_node& torrent) {
  if (torrent.type() != lt::bdecode_node::dict_t) return std::nullopt;
  if (Why why = over_addresses(torrent)) return why;
  const lt::bdecode_node info = torrent.dict_find_dict("info");
  if (!info) return std::nullopt;
  for (const char* key : {"name", "name.utf-8"})
    if (info.dict_find_string_value(key).size() > limits::kTorrentNameBytes)
      return "its name has more than " + std::to_string(limits::kTorrentNameBytes) + " bytes";
  // A hybrid holds its files twice, so each half is counted for itself.
  if (const lt::bdecode_node files = info.dict_find_list("files")) {
    Count count;
    V1Reader(count).read(files);
    if (Why why = count.verdict()) return why;
  }
  if (const lt::bdecode_node tree = info.dict_find_dict("file tree")) {
    Count count;
    read_tree(tree, {}, count);
    if (Why why = count.verdict()) return why;
  }
  return std::nullopt;
}

Why over_bounds(const lt::file_storage& files) {
  Count count;
  PathReader reader(count);
  for (const lt::file_index_t i : files.file_range()) {
    if (count.full()) break;
    reader.read(files.file_path(i));
  }
  return count.verdict();
}

Why over_bounds(const std::vector<ScannedFile>& files) {
  Count count;
  PathReader reader(count);
  for (const ScannedFile& file : files) {
    if (count.full()) break;
    reader.read(file.torrent_path);
  }
  return count.verdict();
}

}  // namespace rondo::peer
