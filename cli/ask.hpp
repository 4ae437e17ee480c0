// Questions on the terminal.
#pragma once

#include <optional>
#include <string>

namespace rondo::cli {

/// What a line typed at [Y/n] means: yes for nothing, "y", "yes"; none for what is neither yes nor no.
std::optional<bool> yes_or_no(const std::string& line);

/// Collects the line that is being typed, without blocking longer than asked.
class LineInput {
 public:
  enum class Outcome { kNothing, kLine, kEnd };

  explicit LineInput(int fd) : fd_(fd) {}

  /// Waits up to `milliseconds` for a whole line or the end of input. A signal ends the wait early.
  Outcome wait(int milliseconds);
  /// The line of the last kLine, without its end.
  [[nodiscard]] const std::string& line() const { return line_; }

 private:
  bool take_line();

  int fd_;
  std::string pending_;
  std::string line_;
};

}  // namespace rondo::cli
