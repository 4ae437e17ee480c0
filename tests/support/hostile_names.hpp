// The table of hostile names (hostile_names.txt, which says how they are written).
#pragma once

#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dht/base/display.hpp"

namespace rondo::test {

/// One name as the table writes it.
inline std::string read_hostile_name(std::string_view rest) {
  std::string out;
  const auto take_until = [&rest](char end) {
    const std::size_t at = rest.find(end);
    if (at == std::string_view::npos) throw std::invalid_argument("unfinished: " + std::string(rest));
    const std::string taken(rest.substr(0, at));
    rest.remove_prefix(at + 1);
    return taken;
  };
  const auto begins = [&rest](std::string_view start) {
    if (!rest.starts_with(start)) return false;
    rest.remove_prefix(start.size());
    return true;
  };
  bool repeating = false;
  std::size_t repeated_from = 0;
  std::size_t times = 0;
  while (!rest.empty()) {
    if (begins("\\x")) {
      out += static_cast<char>(std::stoi(std::string(rest.substr(0, 2)), nullptr, 16));
      rest.remove_prefix(2);
    } else if (begins("\\u{")) {
      append_utf8(out, static_cast<char32_t>(std::stoul(take_until('}'), nullptr, 16)));
    } else if (begins("\\\\")) {
      out += '\\';
    } else if (begins("REP{")) {
      repeating = true;
      times = std::stoul(take_until(','));
      repeated_from = out.size();
    } else if (repeating && begins("}")) {
      const std::string part = out.substr(repeated_from);
      for (std::size_t i = 1; i < times; ++i) out += part;
      repeating = false;
    } else {
      out += rest[0];
      rest.remove_prefix(1);
    }
  }
  return out;
}

/// Tests run in the root of the tree.
inline std::vector<std::string> hostile_names() {
  std::ifstream file("tests/support/hostile_names.txt");
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with("# ")) continue;
    out.push_back(read_hostile_name(line));
  }
  if (out.size() < 500) throw std::runtime_error("the table of hostile names is not where the test runs");
  return out;
}

}  // namespace rondo::test
