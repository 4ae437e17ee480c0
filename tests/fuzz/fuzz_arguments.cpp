// The command line: any words give an invocation or a mistake that can be shown. NUL bytes separate words, as in
// /proc/PID/cmdline; what stands behind the first double NUL are values of environment variables.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/parse.hpp"
#include "dht/base/assert.hpp"
#include "dht/base/display.hpp"

namespace {

using namespace rondo::cli;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

void check_text(const std::string& text) {
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    RONDO_ASSERT(rondo::display(line) == line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
}

void check_node(const NodeOptions& node) {
  RONDO_ASSERT(!node.network.empty());
  for (const HostPort& entry : node.join) RONDO_ASSERT(!entry.host.empty() && entry.port != 0);
}

struct CheckCommand {
  void operator()(const ShowText& show) const { check_text(show.text); }
  void operator()(const DaemonOptions& options) const { check_node(options.node); }
  void operator()(const ShareOptions& options) const {
    check_node(options.node);
    RONDO_ASSERT(!options.paths.empty());
    RONDO_ASSERT(!options.name || (!options.name->empty() && options.name->find('/') == std::string::npos));
  }
  void operator()(const GetOptions& options) const {
    check_node(options.node);
    RONDO_ASSERT(!options.into.empty() && options.patience.count() >= 0);
  }
  void operator()(const LookupOptions& options) const {
    check_node(options.node);
    RONDO_ASSERT(options.patience.count() >= 0);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t words_end = std::min(text.find(std::string_view("\0\0", 2)), text.size());
  const auto values = split(text.substr(std::min(words_end + 2, text.size())));
  const auto environment = [&values](const char* name) -> std::optional<std::string> {
    const std::size_t i = std::string_view(name) == "RONDO_JOIN"      ? 0
                          : std::string_view(name) == "RONDO_NETWORK" ? 1
                                                                      : 2;
    if (i >= values.size() || values[i].empty()) return std::nullopt;
    return values[i];
  };
  const auto invocation = parse(split(text.substr(0, words_end)), environment);
  if (invocation)
    std::visit(CheckCommand{}, invocation->command);
  else
    check_text(usage_text(invocation.error()));
  return 0;
}
