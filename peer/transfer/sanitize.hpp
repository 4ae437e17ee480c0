// Names from the network become names on disk here, and nowhere else.
//
// Rules: valid UTF-8, nothing deceptive (dht/base/display.hpp), none of
// \ / : * ? " < > |, no leading or trailing blanks, no trailing dots, no name that Windows reserves, at most 240 bytes;
// never empty, "." or ".."; the topmost name never begins with a dot, so that no download becomes ~/.ssh or ~/.bashrc.
// Paths: at most 100 components, the topmost among them, and no two alike (" (2)" is put behind the later one). Names
// that differ only in case stay as they are: Linux keeps them apart, and trees such as its own headers need that.
// Staging refuses them on a file system that does not.
//
// Both are total: whatever comes in, a safe name goes out, and the same in gives the same out on every machine. They
// are also idempotent: a safe name stays as it is.
//
// Not done: Unicode normalisation (NFC), and folding of case beyond Latin, Greek and Cyrillic. Two names that differ
// only so are two files on Linux and one on macOS.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace rondo::peer {

/// One component: a file's or a folder's own name.
std::string safe_component(std::string_view raw);

/// The topmost component: what appears in the folder that the user chose.
std::string safe_top_name(std::string_view raw);

/// "x (2).tar" of the safe name "x.tar": what a second one of that name is called. Of a folder the number stands last.
std::string numbered_name(std::string_view name, unsigned number, bool is_file);

/// A text in which names that a case-insensitive file system takes for one are equal.
std::string fold_case(std::string_view name);

/// The paths of one torrent below its own folder, each given once, in the torrent's order.
class SafePaths {
 public:
  SafePaths();

  /// The safe form of the next file's path ("a/b/c" from "a", "b", "c"), different from every one given out before.
  std::string add(const std::vector<std::string_view>& components);

 private:
  using Digest = std::array<std::uint8_t, 16>;
  struct FirstBytes {
    std::size_t operator()(const Digest& digest) const {
      std::size_t out = 0;
      std::memcpy(&out, digest.data(), sizeof out);
      return out;
    }
  };
  struct Folder {
    /// Raw names of folders within, and where they are in folders_.
    std::map<std::string, std::size_t, std::less<>> within;
    std::string path;
    std::size_t depth = 0;
    /// Digests of the names in use: of 100,000 names they are the smaller part, and nobody can make two meet.
    std::unordered_set<Digest, FirstBytes> used;
    /// The number that the next name that meets another tries first, by what numbers are put behind.
    std::unordered_map<std::string, unsigned> next;
  };

  static Digest digest_of(const std::string& name);
  std::size_t enter(std::size_t folder, std::string_view raw);
  std::string claim(Folder& folder, const std::string& name, bool is_file);

  std::vector<Folder> folders_;
};

}  // namespace rondo::peer
