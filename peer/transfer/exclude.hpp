// Patterns of what a share leaves out (`rondo share --exclude`). Pure: names in, an answer out.
//
//   *.tmp         a pattern without '/' matches the own name of a file or folder at any depth
//   /build        one with '/' matches the path below the shared path; '/' in front does nothing but make it one
//   src/**/*.o    '**' as a whole component stands for any number of folders, none among them
//   cache/        '/' at the end: folders only
//
// '*' is any run of characters, '?' one character (a code point, or a byte that is no UTF-8), '[a-z]' and '[!a-z]' one
// of a set, '\' takes the next character as it is. None of them matches '/'. A dot in front of a name is nothing
// special, and case counts. Matching needs time in proportion to pattern and name multiplied, whatever they hold.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::peer {

class ExcludePattern {
 public:
  /// REQUIRES: exclude_problem(text) found none.
  explicit ExcludePattern(const std::string& text);

  /// `below` is the path below the shared path, '/' between folders; empty for the shared path itself, which only
  /// patterns of names can match. `name` is its own name.
  [[nodiscard]] bool matches(std::string_view below, std::string_view name, bool is_folder) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> components_;
  bool anchored_ = false;
  bool folders_only_ = false;
};

/// All patterns of a share, and what each of them has left out.
class ExcludeList {
 public:
  explicit ExcludeList(const std::vector<std::string>& patterns);

  /// True when a pattern matches; every pattern that does counts as used.
  bool leaves_out(std::string_view below, std::string_view name, bool is_folder);
  [[nodiscard]] bool empty() const { return patterns_.empty(); }
  /// Files, and folders left out whole (what is in them was not looked at).
  [[nodiscard]] std::size_t files() const { return files_; }
  [[nodiscard]] std::size_t folders() const { return folders_; }
  [[nodiscard]] std::vector<std::string> unused() const;

 private:
  std::vector<ExcludePattern> patterns_;
  std::vector<bool> used_;
  std::size_t files_ = 0;
  std::size_t folders_ = 0;
};

}  // namespace rondo::peer
