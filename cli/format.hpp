// Numbers, times and words for people. Sizes are decimal, as disks are sold and file managers count.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::cli {

/// "0 B", "999 B", "1.0 kB", "99.9 MB", "100 MB", "4.1 GB".
std::string size_text(std::uint64_t bytes);
/// "2.5/4.1 GB", "0.9/4.1 MB": both in the unit of the second.
std::string size_pair_text(std::uint64_t done, std::uint64_t total);
/// "11.3 MB/s".
std::string rate_text(double bytes_per_second);
/// A time that has passed: "0.3 s", "42 s", "3 min 12 s", "2 h 5 min".
std::string elapsed_text(std::chrono::milliseconds time);
/// A time that is guessed: "42 s", "12 min", "about 3 h", "about 5 d"; "-" when unknown.
std::string eta_text(std::optional<std::chrono::seconds> time);
/// A round trip: "0.42 ms", "12.3 ms", "1.20 s".
std::string round_trip_text(std::chrono::microseconds time);
/// "1 file", "3 files".
std::string count_text(std::uint64_t count, std::string_view noun);
/// One word for a POSIX shell: quoted with '' unless every character is harmless.
std::string shell_quoted(std::string_view text);

/// Columns separated by two spaces, every row with an indent of two; the last column is not padded. Cells are ASCII.
/// A column named in `right` is right-aligned.
std::string table_text(const std::vector<std::vector<std::string>>& rows, const std::vector<std::size_t>& right = {});

}  // namespace rondo::cli
