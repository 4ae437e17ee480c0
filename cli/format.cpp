#include "cli/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 7> kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};

/// The power of 1000 in which a size has at most three digits before the point, once rounded.
std::size_t unit_of(double bytes) {
  std::size_t unit = 0;
  // 999.95 rounds to "1000.0", 999.5 to "1000": both belong to the next unit.
  while (unit + 1 < kUnits.size() && bytes >= (unit == 0 ? 1000.0 : 999.5)) {
    bytes /= 1000;
    ++unit;
  }
  return unit;
}

double scaled(double bytes, std::size_t unit) {
  for (std::size_t i = 0; i < unit; ++i) bytes /= 1000;
  return bytes;
}

/// One decimal below 100, so that three digits tell the size.
std::string digits(double value, std::size_t unit) {
  const bool whole = unit == 0 || value >= 99.95;
  return whole ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value);
}

std::string size_text(double bytes) {
  const std::size_t unit = unit_of(bytes);
  return fmt::format("{} {}", digits(scaled(bytes, unit), unit), kUnits[unit]);
}

bool is_harmless(char c) {
  constexpr std::string_view kMarks = "-_./:=@%+,";
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos;
}

}  // namespace

std::string size_text(std::uint64_t bytes) { return size_text(static_cast<double>(bytes)); }

std::string size_pair_text(std::uint64_t done, std::uint64_t total) {
  const std::size_t unit = unit_of(static_cast<double>(total));
  const auto part = [unit](std::uint64_t bytes) { return digits(scaled(static_cast<double>(bytes), unit), unit); };
  return fmt::format("{}/{} {}", part(done), part(total), kUnits[unit]);
}

std::string rate_text(double bytes_per_second) { return size_text(std::max(bytes_per_second, 0.0)) + "/s"; }

std::string elapsed_text(std::chrono::milliseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  if (time < 10s) return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

std::string eta_text(std::optional<std::chrono::seconds> time) {
  if (!time || *time < 0s) return "-";
  const auto seconds = time->count();
  if (seconds < 90) return fmt::format("{} s", seconds);
  if (seconds < 90 * 60) return fmt::format("{} min", (seconds + 30) / 60);
  if (seconds < 48 * 3600) return fmt::format("about {} h", (seconds + 1800) / 3600);
  return fmt::format("about {} d", (seconds + 43200) / 86400);
}

std::string round_trip_text(std::chrono::microseconds time) {
  const double milliseconds = static_cast<double>(time.count()) / 1000;
  if (milliseconds < 10) return fmt::format("{:.2f} ms", milliseconds);
  if (milliseconds < 1000) return fmt::format("{:.1f} ms", milliseconds);
  return fmt::format("{:.2f} s", milliseconds / 1000);
}

std::string count_text(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string shell_quoted(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_harmless)) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out += '\'';
}

std::string table_text(const std::vector<std::vector<std::string>>& rows, const std::vector<std::size_t>& right) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - row[i].size(), ' ');
      const bool is_right = std::find(right.begin(), right.end(), i) != right.end();
      const bool is_last = i + 1 == row.size();
      out += "  ";
      if (is_right) out += blanks;
      out += row[i];
      if (!is_right && !is_last) out += blanks;
    }
    out += '\n';
  }
  return out;
}

}  // namespace rondo::cli
