#include "cli/ask.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace rondo::cli {
namespace {

/// A terminal hands over at most 4 KiB a line; what is longer was not typed as an answer.
constexpr std::size_t kLongestLine = 4096;

}  // namespace

std::optional<bool> yes_or_no(const std::string& line) {
  std::string word;
  for (const char c : line)
    if (c != ' ' && c != '\t' && c != '\r') word += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  if (word.empty() || word == "y" || word == "yes") return true;
  if (word == "n" || word == "no") return false;
  return std::nullopt;
}

LineInput::Outcome LineInput::wait(int milliseconds) {
  if (take_line()) return Outcome::kLine;
  pollfd waited{fd_, POLLIN, 0};
  if (poll(&waited, 1, milliseconds) <= 0) return Outcome::kNothing;
  std::array<char, 512> buffer{};
  const ssize_t got = read(fd_, buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return Outcome::kNothing;
  if (got <= 0) return Outcome::kEnd;
  pending_.append(buffer.data(), static_cast<std::size_t>(got));
  if (take_line()) return Outcome::kLine;
  return pending_.size() > kLongestLine ? Outcome::kEnd : Outcome::kNothing;
}

bool LineInput::take_line() {
  const auto end = pending_.find('\n');
  if (end == std::string::npos) return false;
  line_ = pending_.substr(0, end);
  pending_.erase(0, end + 1);
  return true;
}

}  // namespace rondo::cli
