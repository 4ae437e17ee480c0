#include "peer/control/event_queue.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "dht/base/assert.hpp"

namespace rondo::control {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// poll() takes an int; a longer wait is several.
constexpr milliseconds kLongestPoll = std::chrono::hours(1);

static_assert(std::atomic<bool>::is_always_lock_free, "interrupt() must be safe in a signal handler");

bool is_replaceable(const EventBody& body) {
  return std::holds_alternative<HashingNow>(body) || std::holds_alternative<Searching>(body) ||
         std::holds_alternative<Transferring>(body) || std::holds_alternative<RoleChangedNow>(body);
}

bool replaces(const Event& newer, const Event& older) {
  if (older.request != newer.request || older.body.index() != newer.body.index()) return false;
  const auto* announced = std::get_if<AnnouncedNow>(&newer.body);
  if (announced == nullptr) return is_replaceable(newer.body);
  // A hybrid torrent is announced under two keys.
  return announced->outcome.lookup.target == std::get<AnnouncedNow>(older.body).outcome.lookup.target;
}

}  // namespace

EventQueue::EventQueue() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { RONDO_ASSERT(wake_fd_ >= 0); }

EventQueue::~EventQueue() { ::close(wake_fd_); }

void EventQueue::push(Event event) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(events_, [&](const Event& older) { return replaces(event, older); });
    events_.push_back(std::move(event));
  }
  wake();
}

void EventQueue::wake() const {
  const int before = errno;  // a signal handler must leave it alone
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
  errno = before;
}

void EventQueue::interrupt() {
  interrupted_ = true;
  wake();
}

std::optional<Event> EventQueue::take() {
  const std::lock_guard lock(mutex_);
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Event> EventQueue::next(milliseconds timeout) {
  const auto end = Clock::now() + std::min(timeout, milliseconds(std::chrono::hours(24 * 365)));
  for (;;) {
    if (auto event = take()) return event;
    if (interrupted_.exchange(false)) return std::nullopt;
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd waited{wake_fd_, POLLIN, 0};
    if (::poll(&waited, 1, static_cast<int>(std::min(left, kLongestPoll).count())) > 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof count);
    }
  }
}

}  // namespace rondo::control
