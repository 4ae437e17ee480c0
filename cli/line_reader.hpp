// Lines from a file descriptor, read by a thread of their own, so that a command can wait for them and for its node at
// once: each new line interrupts the node's next().
//
// Bounds: a line of at most `longest` bytes, a longer one is skipped and reported as such; at most kWaiting lines wait,
// then the thread reads no more until some are taken (the writer's pipe fills up and holds him).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace rondo::cli {

class LineReader {
 public:
  static constexpr std::size_t kWaiting = 64;

  struct Line {
    std::string text;
    /// True: the line was longer than allowed, and its text is gone.
    bool too_long = false;
  };

  /// `wake` is called in the thread after each line and at the end of the input.
  LineReader(int fd, std::size_t longest, std::function<void()> wake);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// All lines that wait, oldest first.
  std::deque<Line> take();
  /// True when the input has ended and all its lines were taken. A last line without its end counts.
  [[nodiscard]] bool is_over() const;

 private:
  void run();
  void append(const char* data, std::size_t size);
  void push(Line line);

  int fd_;
  std::size_t longest_;
  std::function<void()> wake_;
  /// Written to by the destructor: ends a waiting read.
  int stop_[2] = {-1, -1};

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Line> lines_;
  bool ended_ = false;
  bool stopping_ = false;

  // The thread's own.
  std::string current_;
  bool skipping_ = false;
  std::thread thread_;
};

}  // namespace rondo::cli
