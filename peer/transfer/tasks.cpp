#include "peer/transfer/tasks.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "peer/transfer/limits.hpp"

namespace rondo::peer {

struct Inbox::State {
  std::mutex mutex;
  Closure wake;
  std::vector<Closure> closures;
};

Inbox::Inbox(Closure wake) : state_(std::make_unique<State>()) { state_->wake = std::move(wake); }
Inbox::~Inbox() = default;

void Inbox::post(Closure closure) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->wake) return;
  state_->closures.push_back(std::move(closure));
  state_->wake();
}

void Inbox::poke() {
  // Under the lock, so that close() can promise that no call is on its way.
  const std::lock_guard lock(state_->mutex);
  if (state_->wake) state_->wake();
}

std::vector<Closure> Inbox::take() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->closures, {});
}

void Inbox::close() {
  std::vector<Closure> dropped;
  const std::lock_guard lock(state_->mutex);
  state_->wake = nullptr;
  dropped.swap(state_->closures);
}

struct Tasks::State {
  std::mutex mutex;
  std::condition_variable idle;
  std::deque<Closure> waiting;
  std::size_t running = 0;
};

Tasks::Tasks() : state_(std::make_shared<State>()) {}
Tasks::~Tasks() = default;

void Tasks::run(Closure work) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.push_back(std::move(work));
    if (state_->running == limits::kWorkers) return;
    ++state_->running;
  }
  std::thread(&Tasks::work_on, state_).detach();
}

void Tasks::work_on(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->waiting.empty()) {
    Closure work = std::move(state->waiting.front());
    state->waiting.pop_front();
    lock.unlock();
    work();
    // What the work shares is let go before finish() can see it as done.
    work = nullptr;
    lock.lock();
  }
  --state->running;
  state->idle.notify_all();
}

bool Tasks::finish(std::chrono::steady_clock::time_point deadline) {
  std::deque<Closure> dropped;
  std::unique_lock lock(state_->mutex);
  dropped.swap(state_->waiting);
  return state_->idle.wait_until(lock, deadline, [this] { return state_->running == 0; });
}

}  // namespace rondo::peer
