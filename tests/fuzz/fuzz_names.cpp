// Names from strangers: what is shown and what is written to disk is safe whatever comes in, and safe names stay as
// they are. Names are separated by line ends, folders by slashes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dht/base/assert.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/sanitize.hpp"

namespace {

using namespace rondo;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t end = text.find(at);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

void check_shown(const std::string& shown) {
  RONDO_ASSERT(is_valid_utf8(shown) && display(shown) == shown);
  for (std::string_view rest = shown; !rest.empty();) {
    const CodePoint next = first_code_point(rest);
    RONDO_ASSERT(next.valid && !is_deceptive(next.value));
    rest.remove_prefix(next.length);
  }
}

void check_component(const std::string& name) {
  RONDO_ASSERT(!name.empty() && name.size() <= peer::limits::kNameBytes && name != "." && name != "..");
  RONDO_ASSERT(name.find_first_of(std::string_view("\\/:*?\"<>|\0", 10)) == std::string::npos);
  RONDO_ASSERT(name.front() != ' ' && name.back() != ' ' && name.back() != '.');
  RONDO_ASSERT(display(name) == name && peer::safe_component(name) == name);
}

/// Counts what decodes and what does not: the same text in the same order, with nothing left out.
void check_decoding(std::string_view text) {
  std::string again;
  for (std::string_view rest = text; !rest.empty();) {
    const CodePoint next = first_code_point(rest);
    RONDO_ASSERT(next.length >= 1 && next.length <= rest.size() && (next.valid || next.length == 1));
    if (next.valid)
      append_utf8(again, next.value);
    else
      again += rest[0];
    rest.remove_prefix(next.length);
  }
  RONDO_ASSERT(again == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_decoding(text);
  check_shown(display(text));
  check_shown(display_short(text, 20));
  RONDO_ASSERT(peer::fold_case(peer::fold_case(text)) == peer::fold_case(text));
  peer::SafePaths paths;
  std::set<std::string> seen;
  for (const std::string_view line : split(text, '\n')) {
    check_component(peer::safe_component(line));
    const std::string top = peer::safe_top_name(line);
    check_component(top);
    RONDO_ASSERT(top.front() != '.' && peer::safe_top_name(top) == top);
    const std::string path = paths.add(split(line, '/'));
    const auto components = split(path, '/');
    for (const std::string_view component : components) check_component(std::string(component));
    RONDO_ASSERT(components.size() < peer::limits::kNameDepth && seen.insert(path).second);
  }
  return 0;
}
