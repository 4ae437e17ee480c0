// The one table of commands and options. It feeds the parser, --help and the search for the nearest word.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rondo::cli {

/// The texts of a command line, as they were typed.
struct RawOptions {
  bool help = false;
  bool version = false;
  bool json = false;
  bool quiet = false;
  bool bootstrap = false;
  bool stdio = false;
  bool is_public = false;
  bool hybrid = false;
  bool overwrite = false;
  bool rename = false;
  bool skip = false;
  bool yes = false;
  bool read = false;
  bool no_lan = false;
  bool only_ring = false;
  std::optional<std::string> listen;
  std::optional<std::string> network;
  std::optional<std::string> home;
  std::optional<std::string> name;
  std::optional<std::string> torrent_out;
  std::optional<std::string> out;
  std::optional<std::string> timeout;
  std::optional<std::string> until_complete;
  std::vector<std::string> join;
  std::vector<std::string> peers;
  std::vector<std::string> exclude;
  std::vector<std::string> words;
};

/// Bits, so that a row can name several.
enum Verb : std::uint8_t { kNoVerb = 1, kDaemon = 2, kShare = 4, kGet = 8, kLookup = 16 };

struct VerbRow {
  Verb verb;
  std::string_view name;
  /// "PATH..." behind the name.
  std::string_view words;
  std::string_view summary;
  std::vector<std::string_view> examples;
};
std::span<const VerbRow> verbs();
const VerbRow& row_of(Verb verb);

struct OptionRow {
  /// "--out"
  std::string_view name;
  /// "-o" or nothing.
  std::string_view short_name;
  /// What the value is called; empty: a flag.
  std::string_view value;
  std::string_view summary;
  /// Verbs that have it.
  unsigned verbs;
  std::variant<bool RawOptions::*, std::optional<std::string> RawOptions::*, std::vector<std::string> RawOptions::*>
      target;

  [[nodiscard]] bool takes_value() const { return !value.empty(); }
};
/// In the order of --help: those of a verb first, common ones last.
std::span<const OptionRow> options();
/// By "--out", "-o"; nullptr when `verb` has no such option.
const OptionRow* find_option(std::string_view name, unsigned of_verbs);

}  // namespace rondo::cli
