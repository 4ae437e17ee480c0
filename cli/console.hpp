// What a command prints: results on standard output, everything else on standard error.
//
// With --json standard output carries one JSON object a line and nothing else; error sentences stay on standard error.
// Progress is one redrawn line on a terminal, and plain lines now and then elsewhere. Nothing raw is printed: texts are
// ours or went through display().
#pragma once

#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

#include "cli/progress.hpp"
#include "peer/control/api.hpp"

namespace rondo::cli {

/// What is known of the streams.
struct Terminal {
  bool err_is_terminal = false;
  /// Standard input and standard error are terminals: a question can be asked.
  bool can_ask = false;
  bool color = false;
  /// Columns of standard error now; asked again each time, windows are resized.
  std::function<unsigned()> width = [] { return 80u; };

  /// Of this process: isatty, TERM, NO_COLOR, TIOCGWINSZ.
  static Terminal of_process();
};

class Console {
 public:
  Console(std::ostream& out, std::ostream& err, Terminal terminal)
      : out_(out), err_(err), terminal_(std::move(terminal)) {}

  void set_json(bool json) { json_ = json; }
  void set_quiet(bool quiet) { quiet_ = quiet; }
  [[nodiscard]] bool is_json() const { return json_; }
  [[nodiscard]] bool can_ask() const { return terminal_.can_ask && !json_; }

  /// A line (or several) of the result, on standard output; not with --json.
  void result(const std::string& text);
  /// A line of --json; nothing without it.
  void json(const std::string& line);
  /// A line for people on standard error; not with --quiet or --json.
  void say(const std::string& line);
  /// Always printed, and an event with --json.
  void error(const control::ApiError& error);
  /// Only the event; the sentence was printed elsewhere.
  void json_error(const control::ApiError& error);
  /// A question on the terminal, without line break.
  void ask(const std::string& question);

  /// Redraws the line, or logs it when it is due.
  void progress(const ProgressState& state);
  /// The same for what has no measure. On a terminal only.
  void status(const std::string& text);
  /// Takes the redrawn line away.
  void end_progress();

  /// False once standard output can't be written (closed pipe, full disk): whoever wanted the results is gone.
  [[nodiscard]] bool is_open() const { return out_.good(); }

 private:
  void redraw(const std::string& text);

  std::ostream& out_;
  std::ostream& err_;
  Terminal terminal_;
  bool json_ = false;
  bool quiet_ = false;
  bool line_is_drawn_ = false;
  std::chrono::steady_clock::time_point last_drawn_{};
  std::string verb_;
  LineThrottle throttle_;
};

}  // namespace rondo::cli
