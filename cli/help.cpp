#include "cli/help.hpp"

#include <algorithm>

namespace rondo::cli {
namespace {

constexpr std::size_t kColumns = 80;

constexpr std::string_view kExitCodes =
    "Exit codes:\n"
    "   0  ok                             8  partly done\n"
    "   1  failed                         9  disk full\n"
    "   2  wrong usage                   10  exists already\n"
    "   3  not found                     11  access denied\n"
    "   4  timed out                     12  bad link or data\n"
    "   5  no daemon runs                13  conflict with another process\n"
    "   6  network, no ring reachable   130  ended by Ctrl-C (128 + signal)\n"
    "   7  unfinished\n"
    "docs/exit-codes.md explains each with an example.\n";

/// Breaks a text at blanks, so that lines from column `indent` on end before kColumns.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column > indent && column + 1 + end > kColumns) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out.append(text.substr(0, end));
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string left_column(const OptionRow& row) {
  std::string out = row.short_name.empty() ? "    " : std::string(row.short_name) + ", ";
  out.append(row.name);
  if (row.takes_value()) out.append(" ").append(row.value);
  return out;
}

std::string option_lines(Verb verb) {
  constexpr std::size_t kLeft = 26;
  std::string out = "Options:\n";
  for (const OptionRow& row : options()) {
    if ((row.verbs & verb) == 0) continue;
    std::string left = "  " + left_column(row);
    left.resize(std::max(left.size() + 2, kLeft), ' ');
    out += left + wrapped(row.summary, left.size()) + "\n";
  }
  return out;
}

std::string example_lines(const std::vector<std::string_view>& examples) {
  std::string out = "Examples:\n";
  for (const std::string_view example : examples) out.append("  ").append(example).append("\n");
  return out;
}

}  // namespace

std::string program_help() {
  std::string out = "rondo shares files between machines without anyone's server.\n\n";
  out += example_lines({"rondo daemon --bootstrap --listen 127.0.0.1:7001",
                        "rondo share ~/holiday --public --join 127.0.0.1:7001",
                        "rondo get 'magnet:?xt=urn:btih:...' --join 127.0.0.1:7001 -o ~/Downloads",
                        "rondo lookup 'magnet:?xt=urn:btih:...' --join 127.0.0.1:7001"});
  out += "\nCommands:\n";
  for (const VerbRow& row : verbs()) {
    std::string left = "  " + std::string(row.name);
    left.resize(12, ' ');
    out += left + wrapped(row.summary, left.size()) + "\n";
  }
  out += "`rondo COMMAND --help` lists the options of a command; they may stand anywhere.\n\n";
  out += option_lines(kNoVerb) + "\n";
  out.append(kExitCodes);
  return out;
}

std::string verb_help(Verb verb) {
  const VerbRow& row = row_of(verb);
  std::string out = "rondo " + std::string(row.name);
  if (!row.words.empty()) out.append(" ").append(row.words);
  out += " [OPTION...]\n" + wrapped(row.summary, 0) + "\n\n";
  return out + example_lines(row.examples) + "\n" + option_lines(verb);
}

std::string version_text() { return "rondo " RONDO_VERSION "\n"; }

}  // namespace rondo::cli
