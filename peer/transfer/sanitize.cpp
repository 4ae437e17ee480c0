#include "peer/transfer/sanitize.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "dht/base/bytes.hpp"
#include "dht/base/crypto.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {
namespace {

constexpr std::string_view kForbidden = "\\/:*?\"<>|";
/// As long as " (N)" for the largest N.
constexpr std::string_view kRoomForNumber = " (4294967295)";

bool is_blank(char c) { return c == ' '; }

/// Cuts to at most `bytes`, never within a code point.
std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

/// ".tar" of "x.tar"; empty without a dot, for a leading dot, and for endings too long to be an extension.
std::string_view extension_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() - dot > 16) return {};
  return name.substr(dot);
}

std::string trimmed(std::string name) {
  while (!name.empty() && (is_blank(name.back()) || name.back() == '.')) name.pop_back();
  name.erase(name.begin(), std::find_if_not(name.begin(), name.end(), is_blank));
  return name;
}

bool is_reserved(std::string_view name) {
  const std::string stem = fold_case(trimmed(std::string(name.substr(0, name.find('.')))));
  static constexpr std::array<std::string_view, 7> kWords{"con", "prn", "aux", "nul", "clock$", "conin$", "conout$"};
  if (std::find(kWords.begin(), kWords.end(), stem) != kWords.end()) return true;
  const bool numbered = stem.starts_with("com") || stem.starts_with("lpt");
  if (!numbered) return false;
  const std::string_view digit = std::string_view(stem).substr(3);
  // Windows takes the superscripts of Latin-1 for digits here.
  return (digit.size() == 1 && digit[0] >= '0' && digit[0] <= '9') || digit == "\u00b9" || digit == "\u00b2" ||
         digit == "\u00b3";
}

std::string replace_unsafe(std::string_view raw) {
  std::string out;
  while (!raw.empty()) {
    const CodePoint next = first_code_point(raw);
    const bool forbidden =
        next.valid && next.value < 0x80 && kForbidden.find(static_cast<char>(next.value)) != std::string_view::npos;
    if (!next.valid || forbidden || is_deceptive(next.value))
      out += '_';
    else
      out.append(raw.substr(0, next.length));
    raw.remove_prefix(next.length);
  }
  return out;
}

/// Shortens the stem, so that stem + middle + extension fit.
std::string joined(std::string_view name, std::string_view middle, std::string_view extension) {
  const std::string_view stem = name.substr(0, name.size() - extension.size());
  std::string short_stem(cut(stem, limits::kNameBytes - middle.size() - extension.size()));
  // A cut can bare a blank or a dot; before an extension or a number neither does harm.
  if (middle.empty() && extension.empty()) short_stem = trimmed(std::move(short_stem));
  return short_stem.append(middle).append(extension);
}

char32_t fold(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c < 0xc0) return c;
  if (c <= 0xde) return c == 0xd7 ? c : c + 32;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x1e00 && c <= 0x1eff)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c + (c & 1);
  if (c == 0x178) return 0xff;
  if (c >= 0x391 && c <= 0x3a9) return c + 32;
  if (c == 0x3c2) return 0x3c3;
  if (c >= 0x410 && c <= 0x42f) return c + 32;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  if (c >= 0x460 && c <= 0x481) return c | 1;
  return c;
}

}  // namespace

std::string fold_case(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    const CodePoint next = first_code_point(name);
    if (next.valid)
      append_utf8(out, fold(next.value));
    else
      out += name[0];
    name.remove_prefix(next.length);
  }
  return out;
}

std::string safe_component(std::string_view raw) {
  if (raw == "..") return "_";
  std::string name = trimmed(replace_unsafe(raw));
  if (name.empty()) return "_";
  if (is_reserved(name)) name.insert(0, "_");
  if (name.size() > limits::kNameBytes) name = joined(name, "", extension_of(name));
  return name;
}

std::string safe_top_name(std::string_view raw) {
  std::string name = safe_component(raw);
  if (name[0] != '.') return name;
  return safe_component("_" + name);
}

std::string numbered_name(std::string_view name, unsigned number, bool is_file) {
  return joined(name, " (" + std::to_string(number) + ")", is_file ? extension_of(name) : std::string_view());
}

SafePaths::SafePaths() : folders_(1) { folders_[0].depth = 1; }

SafePaths::Digest SafePaths::digest_of(const std::string& name) {
  Digest out;
  const Sha256 whole = sha256(as_bytes(name));
  std::copy_n(whole.begin(), out.size(), out.begin());
  return out;
}

std::string SafePaths::claim(Folder& folder, const std::string& name, bool is_file) {
  if (folder.used.insert(digest_of(name)).second) return name;
  const std::string_view extension = is_file ? extension_of(name) : std::string_view();
  // Long names that differ in what is cut off meet in the same numbers, so they count together: each counting from two
  // on would take quadratic time.
  unsigned& next = folder.next.try_emplace(joined(name, kRoomForNumber, extension), 2).first->second;
  for (;;) {
    std::string candidate = numbered_name(name, next++, is_file);
    if (folder.used.insert(digest_of(candidate)).second) return candidate;
  }
}

std::size_t SafePaths::enter(std::size_t folder, std::string_view raw) {
  Folder& parent = folders_[folder];
  if (const auto known = parent.within.find(raw); known != parent.within.end()) return known->second;
  std::string name = safe_component(raw);
  const bool too_deep = parent.depth + 2 > limits::kNameDepth;
  if (too_deep || parent.path.size() + name.size() > limits::kFolderBytes) return folder;
  Folder child;
  child.path = parent.path + claim(parent, name, false) + "/";
  child.depth = parent.depth + 1;
  parent.within.emplace(std::string(raw), folders_.size());
  folders_.push_back(std::move(child));
  return folders_.size() - 1;
}

std::string SafePaths::add(const std::vector<std::string_view>& components) {
  std::size_t folder = 0;
  std::string_view last = "_";
  bool have_last = false;
  for (const std::string_view component : components) {
    if (component.empty() || component == ".") continue;
    if (have_last) folder = enter(folder, last);
    last = component;
    have_last = true;
  }
  return folders_[folder].path + claim(folders_[folder], safe_component(last), true);
}

}  // namespace rondo::peer
