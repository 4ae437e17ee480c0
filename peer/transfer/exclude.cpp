#include "peer/transfer/exclude.hpp"

#include <tuple>
#include <utility>

#include "dht/base/display.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {
namespace {

/// A character to compare: bytes that are no UTF-8 stand beyond all code points, so that they equal only themselves.
struct Character {
  char32_t value = 0;
  std::size_t length = 1;
};

Character first_character(std::string_view text) {
  const CodePoint point = first_code_point(text);
  if (point.valid) return {point.value, point.length};
  return {0x11'0000 + static_cast<char32_t>(static_cast<unsigned char>(text.front())), 1};
}

/// Takes one character of a pattern, behind '\' literally.
Character take_literal(std::string_view& pattern) {
  if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  const Character out = first_character(pattern);
  pattern.remove_prefix(out.length);
  return out;
}

/// Reads "[...]" from its '['. The length is 0 when it never closes.
struct Set {
  std::size_t length = 0;
  bool contains = false;
};

Set read_set(const std::string_view pattern, char32_t value) {
  std::string_view rest = pattern.substr(1);
  const bool negated = rest.starts_with('!') || rest.starts_with('^');
  if (negated) rest.remove_prefix(1);
  bool contains = false;
  // A ']' in front is a member.
  for (bool first = true; !rest.empty(); first = false) {
    if (rest.front() == ']' && !first) return {pattern.size() - rest.size() + 1, contains != negated};
    const char32_t low = take_literal(rest).value;
    char32_t high = low;
    if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
      rest.remove_prefix(1);
      high = take_literal(rest).value;
    }
    contains = contains || (low <= value && value <= high);
  }
  return {};
}

/// One step of a pattern that isn't '*' against one character. 0: no match, else the length of the step.
std::size_t step(std::string_view pattern, char32_t value) {
  if (pattern.front() == '?') return 1;
  if (pattern.front() == '[') {
    const Set set = read_set(pattern, value);
    return set.contains ? set.length : 0;
  }
  std::string_view rest = pattern;
  return take_literal(rest).value == value ? pattern.size() - rest.size() : 0;
}

/// One component. Only the last '*' is ever gone back to: an earlier one can't do better with more.
bool matches_name(std::string_view pattern, std::string_view name) {
  std::optional<std::pair<std::string_view, std::string_view>> star;
  while (!name.empty() || !pattern.empty()) {
    if (!pattern.empty() && pattern.front() == '*') {
      pattern.remove_prefix(1);
      star = {pattern, name};
      continue;
    }
    if (!pattern.empty() && !name.empty()) {
      const Character character = first_character(name);
      if (const std::size_t length = step(pattern, character.value); length != 0) {
        pattern.remove_prefix(length);
        name.remove_prefix(character.length);
        continue;
      }
    }
    if (!star || star->second.empty()) return false;
    star->second.remove_prefix(first_character(star->second).length);
    std::tie(pattern, name) = *star;
  }
  return true;
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) out.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return out;
}

/// As matches_name(), with components for characters and "**" for '*'.
bool matches_path(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  std::optional<std::pair<std::size_t, std::size_t>> star;
  std::size_t p = 0;
  std::size_t n = 0;
  while (n < path.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == "**") {
      // At the end it stands for what is in a folder, not for the folder.
      if (p + 1 == pattern.size()) return n < path.size();
      star = {++p, n};
      continue;
    }
    if (p < pattern.size() && n < path.size() && matches_name(pattern[p], path[n])) {
      ++p;
      ++n;
      continue;
    }
    if (!star || star->second == path.size()) return false;
    ++star->second;
    std::tie(p, n) = *star;
  }
  return true;
}

}  // namespace

std::optional<std::string> exclude_problem(const std::string& pattern) {
  const std::string shown = "'" + display(pattern) + "'";
  if (split(pattern).empty()) return shown + " names nothing";
  for (const std::string& component : split(pattern)) {
    if (component == "." || component == "..") return shown + " has a component that no path below a share has";
    for (std::string_view rest = component; !rest.empty();) {
      if (rest == "\\") return shown + " ends with a single backslash";
      const std::size_t length = rest.front() == '[' ? read_set(rest, 0).length : 0;
      if (rest.front() == '[' && length == 0) return shown + " has a [ that is never closed";
      if (rest.substr(0, length).find("[:") != std::string_view::npos)
        return shown + " has a class like [:digit:], which is not known here: write [0-9]";
      if (length != 0)
        rest.remove_prefix(length);
      else
        take_literal(rest);
    }
  }
  return std::nullopt;
}

ExcludePattern::ExcludePattern(const std::string& text) : text_(text), components_(split(text)) {
  folders_only_ = text.ends_with('/');
  anchored_ = text.find('/') < text.find_last_not_of('/');
}

bool ExcludePattern::matches(std::string_view below, std::string_view name, bool is_folder) const {
  if (folders_only_ && !is_folder) return false;
  if (!anchored_) return matches_name(components_.front(), name);
  return !below.empty() && matches_path(components_, split(below));
}

ExcludeList::ExcludeList(const std::vector<std::string>& patterns) : used_(patterns.size(), false) {
  for (const std::string& pattern : patterns) patterns_.emplace_back(pattern);
}

bool ExcludeList::leaves_out(std::string_view below, std::string_view name, bool is_folder) {
  bool out = false;
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    if (!patterns_[i].matches(below, name, is_folder)) continue;
    used_[i] = true;
    out = true;
  }
  if (out) ++(is_folder ? folders_ : files_);
  return out;
}

std::vector<std::string> ExcludeList::unused() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < patterns_.size(); ++i)
    if (!used_[i]) out.push_back(patterns_[i].text());
  return out;
}

}  // namespace rondo::peer
