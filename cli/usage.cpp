#include "cli/usage.hpp"

#include <algorithm>

namespace rondo::cli {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Rows of the table of optimal string alignment: two back, one back, current.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + differs});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t kFarthest = 2;
  std::optional<std::string_view> best;
  std::size_t best_distance = std::min(kFarthest + 1, word.size());
  // Words much longer than any of ours are not compared: the cost is quadratic.
  if (word.size() > 64) return best;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::string usage_text(const UsageError& error) {
  std::string out = "rondo: " + error.sentence + "\n";
  if (!error.advice.empty()) out += "  " + error.advice + "\n";
  const Verb verb = error.verb == kNoVerb ? kShare : error.verb;
  out.append("  example: ").append(row_of(verb).examples.front()).append("\n");
  out += error.verb == kNoVerb ? "  more: rondo --help\n"
                               : "  more: rondo " + std::string(row_of(verb).name) + " --help\n";
  return out;
}

}  // namespace rondo::cli
