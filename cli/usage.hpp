// Wrong command lines: the nearest right word, and what is printed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/option_table.hpp"

namespace rondo::cli {

struct UsageError {
  /// What is wrong, with the offending word.
  std::string sentence;
  /// Whose example is shown: kNoVerb for the program's.
  Verb verb = kNoVerb;
  /// Further help in words; may be empty.
  std::string advice{};
};

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, when at most 2 edits away and less than its length; the first one of equals.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);

/// The lines for stderr: sentence, advice, one example, where more help is.
std::string usage_text(const UsageError& error);

}  // namespace rondo::cli
