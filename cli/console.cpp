#include "cli/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "dht/base/display.hpp"
#include "peer/control/json.hpp"

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kRedrawPeriod = 100ms;

unsigned columns_of_stderr() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

/// At most `columns` code points; ours are one column each.
std::string cut(std::string_view text, std::size_t columns) {
  std::string out;
  while (!text.empty() && columns-- > 0) {
    const std::size_t length = first_code_point(text).length;
    out.append(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

Terminal Terminal::of_process() {
  const char* term = std::getenv("TERM");
  const bool is_dumb = term == nullptr || std::string_view(term) == "dumb";
  Terminal out;
  out.err_is_terminal = isatty(STDERR_FILENO) == 1 && !is_dumb;
  out.can_ask = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  out.color = out.err_is_terminal && !is_set("NO_COLOR");
  out.width = columns_of_stderr;
  return out;
}

void Console::result(const std::string& text) {
  if (json_) return;
  end_progress();
  out_ << text;
  if (!text.ends_with('\n')) out_ << '\n';
  out_.flush();
}

void Console::json(const std::string& line) {
  if (!json_) return;
  out_ << line << '\n';
  out_.flush();
}

void Console::say(const std::string& line) {
  if (quiet_ || json_) return;
  end_progress();
  err_ << line << '\n';
  err_.flush();
}

void Console::error(const control::ApiError& error) {
  end_progress();
  const bool red = terminal_.color;
  err_ << (red ? "\x1b[1;31mrondo:\x1b[0m " : "rondo: ") << error.sentence << '\n';
  err_.flush();
  json_error(error);
}

void Console::json_error(const control::ApiError& error) { json(control::error_json(error)); }

void Console::ask(const std::string& question) {
  end_progress();
  err_ << question;
  err_.flush();
}

void Console::progress(const ProgressState& state) {
  if (quiet_ || json_) return;
  const auto now = std::chrono::steady_clock::now();
  if (terminal_.err_is_terminal) {
    const bool is_news = verb_ != state.verb || state.done >= state.total;
    if (line_is_drawn_ && !is_news && now - last_drawn_ < kRedrawPeriod) return;
    verb_ = state.verb;
    last_drawn_ = now;
    return redraw(bar_text(state, terminal_.width()));
  }
  if (verb_ != state.verb) throttle_ = {};
  verb_ = state.verb;
  if (throttle_.is_due(now, state.done, state.total)) err_ << progress_line(state) << std::endl;
}

void Console::status(const std::string& text) {
  if (quiet_ || json_ || !terminal_.err_is_terminal) return;
  const unsigned width = terminal_.width();
  redraw(cut(text, width > 0 ? width - 1 : 0));
}

void Console::redraw(const std::string& text) {
  err_ << '\r' << text << "\x1b[K";
  err_.flush();
  line_is_drawn_ = true;
}

void Console::end_progress() {
  if (!line_is_drawn_) return;
  err_ << "\r\x1b[K";
  err_.flush();
  line_is_drawn_ = false;
}

}  // namespace rondo::cli
