// What a command line asks for, typed and checked: the only thing that the commands see of argv and the environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "peer/control/api.hpp"

namespace rondo::cli {

/// A host by name or number, and a port. Names become numbers in resolve().
struct HostPort {
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// Options of every command that hosts a node.
struct NodeOptions {
  /// Default: any address, chosen port (daemon: port 7400), in the family of the entry points.
  std::optional<Endpoint> listen;
  std::vector<HostPort> join;
  /// True: --join was given, so the entry points of a link don't count. A default from RONDO_JOIN adds to them.
  bool join_is_explicit = false;
  std::string network = "rondo/1";
  bool lan = true;
  bool only_ring = false;
  /// --home or RONDO_HOME; default: the XDG folder.
  std::optional<std::filesystem::path> home;
};

struct DaemonOptions {
  NodeOptions node;
  bool bootstrap = false;
  bool stdio = false;
};

struct ShareOptions {
  NodeOptions node;
  std::vector<std::filesystem::path> paths;
  bool hybrid = false;
  std::optional<std::string> name;
  std::optional<std::filesystem::path> torrent_out;
  std::vector<std::string> exclude;
  /// Receivers that have everything, at which the share ends; 0: it doesn't.
  std::uint32_t until_complete = 0;
};

struct GetOptions {
  NodeOptions node;
  /// A link, the path of a .torrent file, or "-".
  std::string source;
  std::filesystem::path into = ".";
  peer::WhenExists when_exists = peer::WhenExists::kRefuse;
  std::vector<HostPort> peers;
  bool yes = false;
  std::chrono::seconds patience{60};
};

struct LookupOptions {
  NodeOptions node;
  /// 40 hexadecimal digits or a magnet link.
  std::string key;
  /// A read instead of an owner lookup.
  bool read = false;
  /// The lookup ends itself after limits::kLookupTime; a shorter patience cuts it off.
  std::chrono::seconds patience{60};
};

/// --help, --version, `rondo help`: a text for stdout, and nothing else happens.
struct ShowText {
  std::string text;
};

struct Invocation {
  bool json = false;
  bool quiet = false;
  std::variant<ShowText, DaemonOptions, ShareOptions, GetOptions, LookupOptions> command;
};

}  // namespace rondo::cli
