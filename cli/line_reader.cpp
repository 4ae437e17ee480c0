#include "cli/line_reader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX's, with sigset_t
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dht/base/assert.hpp"

namespace rondo::cli {

LineReader::LineReader(int fd, std::size_t longest, std::function<void()> wake)
    : fd_(fd), longest_(longest), wake_(std::move(wake)) {
  const int status = pipe2(stop_, O_CLOEXEC);
  RONDO_ASSERT(status == 0);
  // Signals are for the thread that runs the command; a new thread inherits this mask.
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LineReader::~LineReader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
  close(stop_[1]);
  thread_.join();
  close(stop_[0]);
}

std::deque<LineReader::Line> LineReader::take() {
  std::deque<Line> out;
  {
    const std::lock_guard lock(mutex_);
    out.swap(lines_);
  }
  room_.notify_all();
  return out;
}

bool LineReader::is_over() const {
  const std::lock_guard lock(mutex_);
  return ended_ && lines_.empty();
}

void LineReader::run() {
  std::array<char, 16384> buffer{};
  for (;;) {
    std::array<pollfd, 2> waited{{{fd_, POLLIN, 0}, {stop_[0], POLLIN, 0}}};
    if (poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) break;
    if (waited[1].revents != 0) return;
    if (waited[0].revents == 0) continue;
    const ssize_t got = read(fd_, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    append(buffer.data(), static_cast<std::size_t>(got));
  }
  if (!current_.empty() || skipping_) push({std::exchange(current_, {}), skipping_});
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_();
}

void LineReader::append(const char* data, std::size_t size) {
  while (size > 0) {
    const void* found = std::memchr(data, '\n', size);
    const std::size_t part = found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - data) : size;
    skipping_ = skipping_ || current_.size() + part > longest_;
    if (skipping_)
      current_.clear();
    else
      current_.append(data, part);
    if (found == nullptr) return;
    push({std::exchange(current_, {}), std::exchange(skipping_, false)});
    data += part + 1;
    size -= part + 1;
  }
}

void LineReader::push(Line line) {
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return stopping_ || lines_.size() < kWaiting; });
    if (stopping_) return;
    lines_.push_back(std::move(line));
  }
  wake_();
}

}  // namespace rondo::cli
