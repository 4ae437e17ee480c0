// From argv and the environment to an Invocation.
//
// Flags may stand anywhere, also before the command. A first word that is no command but looks like a link means `get`.
// Options are split by CLI11; everything that is said about mistakes is ours (cli/usage.hpp), and so is the exit code.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "cli/usage.hpp"
#include "dht/base/result.hpp"

namespace rondo::cli {

/// The value of an environment variable, none when unset or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// `arguments`: argv without the program's name.
Result<Invocation, UsageError> parse(const std::vector<std::string>& arguments, const Environment& environment);

/// "magnet:...", 40 hexadecimal digits, "*.torrent" or "-": what may follow `rondo` without a command.
bool looks_like_link(const std::string& word);

/// "name:7400", "192.0.2.1:7400", "[2001:db8::1]:7400".
std::optional<HostPort> parse_host_port(const std::string& text);

}  // namespace rondo::cli
