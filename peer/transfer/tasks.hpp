// Background work and the way back from it: work runs in threads of its own, what it found runs in the caller's thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace rondo::peer {

using Closure = std::function<void()>;

/// Closures that threads hand to the one caller of take(). Any thread may post; `wake` is called from there.
class Inbox {
 public:
  explicit Inbox(Closure wake);
  ~Inbox();

  void post(Closure closure);
  /// Wakes without handing over anything.
  void poke();
  std::vector<Closure> take();
  /// From its return on, `wake` isn't called and posts are dropped.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Runs work in up to limits::kWorkers threads; more work waits for its turn.
///
/// Threads are detached, for one can hang in a read from a dead file server, and a program must still be able to end:
/// work owns, or shares, everything that it touches.
class Tasks {
 public:
  Tasks();
  ~Tasks();

  void run(Closure work);
  /// Drops what waits. True when no work is running any more, false at the deadline.
  bool finish(std::chrono::steady_clock::time_point deadline);

 private:
  struct State;
  static void work_on(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace rondo::peer
