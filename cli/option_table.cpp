#include "cli/option_table.hpp"

#include "dht/base/assert.hpp"

namespace rondo::cli {
namespace {

constexpr unsigned kNode = kDaemon | kShare | kGet | kLookup;
constexpr unsigned kAll = kNode | kNoVerb;

const std::vector<VerbRow>& verb_table() {
  static const std::vector<VerbRow> kTable{
      {kShare,
       "share",
       "PATH... --public",
       "share files and folders; prints the magnet link and serves until Ctrl-C",
       {"rondo share ~/holiday --public", "rondo share a.pdf b.pdf --public --name papers --torrent-out papers.torrent",
        "rondo share ~/project --public --exclude .git --exclude '*.o' --exclude /build",
        "rondo share talk.pdf --public --until-complete 1",
        "rondo share ~/holiday --public --join ring.example.org:7400"}},
      {kGet,
       "get",
       "LINK|FILE.torrent|-",
       "fetch what a link or a .torrent file names; `rondo LINK` is the same",
       {"rondo get 'magnet:?xt=urn:btih:...' -o ~/Downloads", "rondo get papers.torrent --join ring.example.org:7400",
        "rondo get - < link.txt"}},
      {kLookup,
       "lookup",
       "KEY|LINK",
       "ask the ring who keeps a key, which peers it knows, and show how the answer was found",
       {"rondo lookup 'magnet:?xt=urn:btih:...' --join ring.example.org:7400",
        "rondo lookup 0123456789abcdef0123456789abcdef01234567 --json"}},
      {kDaemon,
       "daemon",
       "",
       "run a node of the ring in the foreground",
       {"rondo daemon --bootstrap --listen 203.0.113.5:7400", "rondo daemon --join ring.example.org:7400",
        "rondo daemon --stdio --listen 127.0.0.1:0 --join 127.0.0.1:7400"}},
  };
  return kTable;
}

const std::vector<OptionRow>& option_rows() {
  static const std::vector<OptionRow> kRows{
      {"--public", "", "", "everybody who has the link can fetch (required: private shares are not there yet)", kShare,
       &RawOptions::is_public},
      {"--name", "", "NAME", "what the share is called (default: the name of the path)", kShare, &RawOptions::name},
      {"--exclude", "", "GLOB",
       "leave out files and folders of that name ('*.tmp'), or at that place below PATH ('/build', 'src/**/*.o'); "
       "'/' at the end: folders only; several are allowed",
       kShare, &RawOptions::exclude},
      {"--until-complete", "", "N", "end, with exit code 0, when N receivers have everything", kShare,
       &RawOptions::until_complete},
      {"--torrent-out", "", "FILE", "also write a .torrent file; never overwrites", kShare, &RawOptions::torrent_out},
      {"--v2", "", "", "a hybrid torrent (v1 and v2) instead of v1", kShare, &RawOptions::hybrid},
      {"--out", "-o", "DIR", "the folder to put it in, made when missing (default: here)", kGet, &RawOptions::out},
      {"--overwrite", "", "", "files replace those of the same name; nothing else in an existing folder is touched",
       kGet, &RawOptions::overwrite},
      {"--rename", "", "", "when the name is taken, take the next free one: \"holiday (2)\"", kGet,
       &RawOptions::rename},
      {"--skip", "", "", "files that are there stay as they are; only the missing ones are fetched", kGet,
       &RawOptions::skip},
      {"--peer", "", "HOST:PORT", "a peer that has it; several are allowed", kGet, &RawOptions::peers},
      {"--yes", "-y", "", "download without asking", kGet, &RawOptions::yes},
      {"--read", "", "", "end at the first node that covers the key, as readers do, instead of asking the owner",
       kLookup, &RawOptions::read},
      {"--timeout", "", "SECONDS",
       "give up after this long without an answer (get: without a peer or a byte; 0: never)", kGet | kLookup,
       &RawOptions::timeout},
      {"--bootstrap", "", "", "begin a ring alone when no other node answers", kDaemon, &RawOptions::bootstrap},
      {"--stdio", "", "", "answer JSON-RPC requests, one a line, from standard input; ends with it (implies --json)",
       kDaemon, &RawOptions::stdio},
      {"--join", "", "HOST:PORT", "a node of the ring to begin with; several are allowed (also RONDO_JOIN)", kNode,
       &RawOptions::join},
      {"--listen", "", "ADDR:PORT", "where to listen (default: all addresses; daemon: port 7400, else any port)", kNode,
       &RawOptions::listen},
      {"--network", "", "NAME", "the ring's name (default: rondo/1; also RONDO_NETWORK)", kNode, &RawOptions::network},
      {"--no-lan", "", "", "don't look for peers in the local network", kNode, &RawOptions::no_lan},
      {"--only-ring", "", "", "find peers by the ring alone: no LAN, trackers or exchange between peers", kNode,
       &RawOptions::only_ring},
      {"--home", "", "DIR", "keep all state under DIR, so that several nodes run on one machine (also RONDO_HOME)",
       kNode, &RawOptions::home},
      {"--json", "", "", "one JSON object a line on standard output", kAll, &RawOptions::json},
      {"--quiet", "-q", "", "results and errors only", kAll, &RawOptions::quiet},
      {"--help", "-h", "", "this text", kAll, &RawOptions::help},
      {"--version", "", "", "the version", kNoVerb, &RawOptions::version},
  };
  return kRows;
}

}  // namespace

std::span<const VerbRow> verbs() { return verb_table(); }

const VerbRow& row_of(Verb verb) {
  for (const VerbRow& row : verbs())
    if (row.verb == verb) return row;
  RONDO_ASSERT(false);
}

std::span<const OptionRow> options() { return option_rows(); }

const OptionRow* find_option(std::string_view name, unsigned of_verbs) {
  for (const OptionRow& row : options())
    if ((row.verbs & of_verbs) != 0 && (row.name == name || (!row.short_name.empty() && row.short_name == name)))
      return &row;
  return nullptr;
}

}  // namespace rondo::cli
