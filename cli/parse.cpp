#include "cli/parse.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <string_view>

#include "cli/help.hpp"
#include "cli/link.hpp"
#include "dht/base/bytes.hpp"
#include "dht/base/display.hpp"
#include "dht/base/ring_id.hpp"

namespace rondo::cli {
namespace {

constexpr unsigned kEveryVerb = kNoVerb | kDaemon | kShare | kGet | kLookup;
constexpr std::uint16_t kDaemonPort = 7400;
constexpr long kLongestPatience = 1'000'000;

Failure<UsageError> refuse(std::string sentence, Verb verb, std::string advice = {}) {
  return Failure<UsageError>{UsageError{std::move(sentence), verb, std::move(advice)}};
}

std::string shown(std::string_view word) { return "'" + display(word) + "'"; }

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

// --- finding the command ---------------------------------------------------------------------------------------------

/// Which option a word names, and whether its value is the next word.
struct ReadWord {
  const OptionRow* row = nullptr;
  bool value_follows = false;
};

ReadWord read_long(std::string_view word) {
  const OptionRow* row = find_option(word.substr(0, word.find('=')), kEveryVerb);
  const bool has_value = word.find('=') != std::string_view::npos;
  return {row, row != nullptr && row->takes_value() && !has_value};
}

/// "-q", "-yq", "-o", "-yo", "-oDIR".
ReadWord read_short(std::string_view word) {
  const OptionRow* row = nullptr;
  for (std::size_t i = 1; i < word.size(); ++i) {
    row = find_option(std::string{'-', word[i]}, kEveryVerb);
    if (row == nullptr) return {};
    if (row->takes_value()) return {row, i + 1 == word.size()};
  }
  return {row, false};
}

std::vector<std::string_view> option_names(unsigned of_verbs) {
  std::vector<std::string_view> names;
  for (const OptionRow& row : options())
    if ((row.verbs & of_verbs) != 0) names.push_back(row.name);
  return names;
}

Failure<UsageError> unknown_option(std::string_view word, Verb verb) {
  const std::string_view name = word.substr(0, word.find('='));
  const unsigned candidates = verb == kNoVerb ? kEveryVerb : unsigned{verb};
  for (const VerbRow& row : verbs()) {
    if (verb == kNoVerb || !find_option(name, row.verb) || find_option(name, verb)) continue;
    return refuse("the option " + shown(name) + " belongs to `rondo " + std::string(row.name) + "`", verb);
  }
  const auto guess = nearest(name, option_names(candidates));
  return refuse("there is no option " + shown(name), verb, guess ? "did you mean " + std::string(*guess) + "?" : "");
}

/// Where the first word that is no option stands; the size of the list when there is none.
Result<std::size_t, UsageError> find_verb(const std::vector<std::string>& words) {
  std::size_t first = words.size();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") return std::min(first, i + 1);
    if (!is_option(word)) {
      first = std::min(first, i);
      continue;
    }
    const ReadWord read = word.starts_with("--") ? read_long(word) : read_short(word);
    if (read.row == nullptr) {
      // Behind the command, its own list of options gives the better answer.
      if (first < words.size()) continue;
      return unknown_option(word, kNoVerb);
    }
    if (!read.row->takes_value() && word.starts_with("--") && word.find('=') != std::string::npos)
      return refuse("the option '" + std::string(read.row->name) + "' takes no value", kNoVerb);
    if (!read.value_follows) continue;
    const bool missing = i + 1 == words.size() || find_option(words[i + 1], kEveryVerb) != nullptr;
    if (missing)
      return refuse("the option " + shown(word) + " needs a value: " + std::string(read.row->name) + " " +
                        std::string(read.row->value),
                    kNoVerb);
    ++i;
  }
  return first;
}

const VerbRow* find_verb_row(std::string_view name) {
  for (const VerbRow& row : verbs())
    if (row.name == name) return &row;
  return nullptr;
}

Failure<UsageError> unknown_verb(const std::string& word) {
  std::vector<std::string_view> names{"help"};
  for (const VerbRow& row : verbs()) names.push_back(row.name);
  const auto guess = nearest(word, names);
  const VerbRow* row = guess ? find_verb_row(*guess) : nullptr;
  return refuse("there is no command " + shown(word), row != nullptr ? row->verb : kNoVerb,
                guess ? "did you mean `rondo " + std::string(*guess) + "`?" : "");
}

// --- splitting -------------------------------------------------------------------------------------------------------

void add_option(CLI::App& app, const OptionRow& row, RawOptions& raw) {
  const std::string names = (row.short_name.empty() ? "" : std::string(row.short_name) + ",") + std::string(row.name);
  std::visit(
      [&](auto member) {
        auto& target = raw.*member;
        if constexpr (std::is_same_v<decltype(target), bool&>)
          app.add_flag(names, target);
        else if constexpr (std::is_same_v<decltype(target), std::vector<std::string>&>)
          app.add_option(names, target)->allow_extra_args(false);
        else
          app.add_option(names, target)->take_last();
      },
      row.target);
}

Result<RawOptions, UsageError> split(std::vector<std::string> words, Verb verb) {
  RawOptions raw;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  for (const OptionRow& row : options())
    if ((row.verbs & verb) != 0) add_option(app, row, raw);
  app.add_option("words", raw.words);
  try {
    std::reverse(words.begin(), words.end());
    app.parse(std::move(words));
  } catch (const CLI::Error& error) {
    return refuse(display(error.what()), verb);
  }
  for (const std::string& word : app.remaining())
    if (is_option(word) && word != "--") return unknown_option(word, verb);
  return raw;
}

// --- reading values --------------------------------------------------------------------------------------------------

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return port;
}

/// "127.0.0.1:7001", "[::1]:0", and a port alone for all IPv4 addresses.
std::optional<Endpoint> parse_listen(const std::string& text) {
  if (const auto endpoint = Endpoint::parse(text)) return endpoint;
  const auto port = parse_port(text.starts_with(':') ? std::string_view(text).substr(1) : std::string_view(text));
  if (!port) return std::nullopt;
  return Endpoint::v4(0, 0, 0, 0, *port);
}

/// Values may hold several, separated by commas or blanks. The error is the one that is none.
Result<std::vector<HostPort>> parse_host_ports(const std::vector<std::string>& texts) {
  std::vector<HostPort> out;
  for (const std::string& text : texts) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find_first_of(", \t\n"), rest.size());
      const std::string part(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (part.empty()) continue;
      const auto parsed = parse_host_port(part);
      if (!parsed) return Failure<std::string>{part};
      out.push_back(*parsed);
    }
  }
  return out;
}

/// Turns raw texts into the options of a command; the first mistake ends it.
class Interpreter {
 public:
  Interpreter(RawOptions raw, Verb verb, const Environment& environment)
      : raw_(std::move(raw)), verb_(verb), environment_(environment) {}

  Result<Invocation, UsageError> run() {
    Invocation out;
    out.json = raw_.json || raw_.stdio;
    out.quiet = raw_.quiet;
    switch (verb_) {
      case kDaemon: out.command = daemon(); break;
      case kShare: out.command = share(); break;
      case kGet: out.command = get(); break;
      case kLookup: out.command = lookup(); break;
      case kNoVerb: out.command = ShowText{program_help()}; break;
    }
    if (error_) return Failure<UsageError>{*std::move(error_)};
    return out;
  }

 private:
  void wrong(std::string sentence, std::string advice = {}) {
    if (!error_) error_ = UsageError{std::move(sentence), verb_, std::move(advice)};
  }

  /// The one word that a command takes.
  std::string single_word(const char* what) {
    if (raw_.words.empty()) {
      wrong(std::string("`rondo ") + std::string(row_of(verb_).name) + "` needs " + what);
      return {};
    }
    if (raw_.words.size() > 1) wrong("one word too many: " + shown(raw_.words[1]), several_words_advice());
    return raw_.words.front();
  }

  std::string several_words_advice() const {
    return is_magnet(raw_.words.front()) ? "put the link in single quotes: the shell takes & and blanks for itself"
                                         : "";
  }

  std::vector<HostPort> host_ports(const std::vector<std::string>& texts, const std::string& option) {
    auto parsed = parse_host_ports(texts);
    if (parsed) return *std::move(parsed);
    wrong(option + " takes HOST:PORT, and " + shown(parsed.error()) + " is none");
    return {};
  }

  std::optional<std::string> or_environment(const std::optional<std::string>& given, const char* name) const {
    return given ? given : environment_(name);
  }

  NodeOptions node() {
    NodeOptions out;
    if (raw_.listen) {
      out.listen = parse_listen(*raw_.listen);
      if (!out.listen) wrong("--listen takes a numeric ADDR:PORT, and " + shown(*raw_.listen) + " is none");
    }
    out.join_is_explicit = !raw_.join.empty();
    const auto inherited = environment_("RONDO_JOIN");
    if (out.join_is_explicit)
      out.join = host_ports(raw_.join, "--join");
    else if (inherited)
      out.join = host_ports({*inherited}, "RONDO_JOIN");
    if (const auto network = or_environment(raw_.network, "RONDO_NETWORK")) out.network = *network;
    if (out.network.empty()) wrong("--network needs a name");
    out.lan = !raw_.no_lan;
    out.only_ring = raw_.only_ring;
    if (const auto home = or_environment(raw_.home, "RONDO_HOME")) out.home = *home;
    if (out.home && out.home->empty()) wrong("--home needs a folder");
    return out;
  }

  std::chrono::seconds patience(std::chrono::seconds otherwise) {
    if (!raw_.timeout) return otherwise;
    long seconds = -1;
    const char* end = raw_.timeout->data() + raw_.timeout->size();
    const auto [stop, error] = std::from_chars(raw_.timeout->data(), end, seconds);
    const bool fine = error == std::errc{} && stop == end && seconds >= 0 && seconds <= kLongestPatience;
    if (!fine) wrong("--timeout takes whole seconds, and " + shown(*raw_.timeout) + " is none");
    return std::chrono::seconds(fine ? seconds : 0);
  }

  DaemonOptions daemon() {
    if (!raw_.words.empty()) wrong("`rondo daemon` takes no " + shown(raw_.words.front()));
    DaemonOptions out{node(), raw_.bootstrap, raw_.stdio};
    if (!out.node.listen) {
      const bool v6 = !out.node.join.empty() && out.node.join.front().host.find(':') != std::string::npos;
      out.node.listen =
          v6 ? Endpoint::parse("[::]:" + std::to_string(kDaemonPort)) : Endpoint::v4(0, 0, 0, 0, kDaemonPort);
    }
    return out;
  }

  std::uint32_t receivers() {
    if (!raw_.until_complete) return 0;
    std::uint32_t out = 0;
    const char* end = raw_.until_complete->data() + raw_.until_complete->size();
    const auto [stop, error] = std::from_chars(raw_.until_complete->data(), end, out);
    if (error != std::errc{} || stop != end || out == 0)
      wrong("--until-complete takes a number of receivers from 1 on, and " + shown(*raw_.until_complete) + " is none");
    return out;
  }

  ShareOptions share() {
    ShareOptions out;
    out.node = node();
    if (raw_.words.empty()) wrong("`rondo share` needs the path of a file or folder");
    if (!raw_.is_public)
      wrong(
          "--public is needed: private shares come later, and a public one can be read by everybody who has the link");
    for (const std::string& word : raw_.words) {
      if (word.empty()) wrong("an empty word is no path");
      if (word == "-") wrong("`rondo share` takes no standard input: name a file or folder");
      out.paths.emplace_back(word);
    }
    out.hybrid = raw_.hybrid;
    out.name = raw_.name;
    const bool bad_name = out.name && (out.name->empty() || *out.name == "." || *out.name == ".." ||
                                       out.name->find('/') != std::string::npos);
    if (bad_name) wrong("--name takes one name without slashes, and " + shown(*out.name) + " is none");
    if (raw_.torrent_out) out.torrent_out = *raw_.torrent_out;
    if (raw_.torrent_out && raw_.torrent_out->empty()) wrong("--torrent-out needs a file");
    for (const std::string& pattern : raw_.exclude)
      if (const auto problem = peer::exclude_problem(pattern)) wrong("--exclude takes a pattern, and " + *problem);
    out.exclude = raw_.exclude;
    out.until_complete = receivers();
    return out;
  }

  peer::WhenExists when_exists() {
    if (raw_.overwrite + raw_.rename + raw_.skip > 1)
      wrong("of --overwrite, --rename and --skip only one can be meant");
    if (raw_.overwrite) return peer::WhenExists::kOverwrite;
    if (raw_.rename) return peer::WhenExists::kRename;
    return raw_.skip ? peer::WhenExists::kSkip : peer::WhenExists::kRefuse;
  }

  GetOptions get() {
    GetOptions out;
    out.source = single_word("a link, a .torrent file or -");
    out.node = node();
    if (raw_.out) out.into = *raw_.out;
    if (out.into.empty()) wrong("--out needs a folder");
    out.when_exists = when_exists();
    out.peers = host_ports(raw_.peers, "--peer");
    out.yes = raw_.yes;
    out.patience = patience(out.patience);
    return out;
  }

  LookupOptions lookup() {
    LookupOptions out;
    out.key = single_word("a key of 40 hexadecimal digits or a link");
    out.node = node();
    out.read = raw_.read;
    out.patience = patience(out.patience);
    return out;
  }

  RawOptions raw_;
  Verb verb_;
  const Environment& environment_;
  std::optional<UsageError> error_;
};

Invocation show(std::string text) {
  Invocation out;
  out.command = ShowText{std::move(text)};
  return out;
}

/// `rondo help [COMMAND]`; `words` are those behind "help".
Result<Invocation, UsageError> help_on(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (is_option(word)) continue;
    const VerbRow* row = find_verb_row(word);
    if (row == nullptr) return unknown_verb(word);
    return show(verb_help(row->verb));
  }
  return show(program_help());
}

Result<Invocation, UsageError> parse_verb(std::vector<std::string> words, Verb verb, const Environment& environment) {
  auto raw = split(std::move(words), verb);
  if (!raw) return Failure<UsageError>{raw.error()};
  if (raw->help) return show(verb == kNoVerb ? program_help() : verb_help(verb));
  if (raw->version) return show(version_text());
  if (verb == kNoVerb) return refuse("a command is missing", kNoVerb);
  return Interpreter(std::move(raw).value(), verb, environment).run();
}

}  // namespace

bool looks_like_link(const std::string& word) {
  return is_magnet(word) || word == "-" || word.ends_with(".torrent") || RingId::from_hex(word).has_value();
}

std::optional<HostPort> parse_host_port(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  const auto port = parse_port(std::string_view(text).substr(colon + 1));
  if (!port || *port == 0) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.front() == '[') {
    if (!Endpoint::parse(text)) return std::nullopt;
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(std::string_view(":[]\0", 4)) != std::string::npos) {
    return std::nullopt;
  }
  return HostPort{std::move(host), *port};
}

Result<Invocation, UsageError> parse(const std::vector<std::string>& arguments, const Environment& environment) {
  const auto at = find_verb(arguments);
  if (!at) return Failure<UsageError>{at.error()};
  const std::size_t index = at.value();
  if (index >= arguments.size()) return parse_verb(arguments, kNoVerb, environment);
  const std::string& word = arguments[index];
  const auto place = arguments.begin() + static_cast<std::ptrdiff_t>(index);
  if (word == "help") return help_on({place + 1, arguments.end()});
  if (const VerbRow* row = find_verb_row(word)) {
    std::vector<std::string> rest(arguments.begin(), place);
    rest.insert(rest.end(), place + 1, arguments.end());
    return parse_verb(std::move(rest), row->verb, environment);
  }
  if (looks_like_link(word)) return parse_verb(arguments, kGet, environment);
  return unknown_verb(word);
}

}  // namespace rondo::cli
