// Events on their way from the node's thread to the one that uses the client.
//
// Bounds: of progress and state (HashingNow, Searching, Transferring, RoleChangedNow, AnnouncedNow of one key) only the
// latest of a request waits, the older unread one is dropped; all others a request has a few times at most, and
// requests are bounded by the client.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>

#include "peer/control/api.hpp"

namespace rondo::control {

class EventQueue {
 public:
  EventQueue();
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  /// From any thread.
  void push(Event event);
  /// Waits at most `timeout`; returns early, with none, after interrupt(). One thread at a time.
  std::optional<Event> next(std::chrono::milliseconds timeout);
  /// From any thread and from signal handlers. An interrupt that finds nobody waiting is for the next one to wait.
  void interrupt();

 private:
  std::optional<Event> take();
  void wake() const;

  std::mutex mutex_;
  std::deque<Event> events_;
  std::atomic<bool> interrupted_ = false;
  int wake_fd_;  // an eventfd: what poll() can wait for and a signal handler may write
};

}  // namespace rondo::control
