#include "peer/control/event_queue.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>
#include <thread>

namespace rondo::control {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Event progress(RequestId request, std::uint64_t done) {
  peer::TransferProgress progress;
  progress.done = done;
  return {request, Transferring{progress}};
}

TEST(EventQueue, events_come_in_order) {
  EventQueue queue;
  queue.push({1, FoundContent{}});
  queue.push({2, Cancelled{}});
  EXPECT_EQ(queue.next(0ms)->request, 1u);
  EXPECT_EQ(queue.next(0ms)->request, 2u);
  EXPECT_FALSE(queue.next(0ms));
}

TEST(EventQueue, unread_progress_is_replaced_by_newer) {
  EventQueue queue;
  for (std::uint64_t i = 0; i < 100'000; ++i) queue.push(progress(1, i));
  queue.push(progress(2, 7));
  queue.push({1, FoundContent{}});
  queue.push(progress(1, 100'000));
  EXPECT_EQ(queue.next(0ms)->request, 2u);
  EXPECT_TRUE(std::holds_alternative<FoundContent>(queue.next(0ms)->body));
  EXPECT_EQ(std::get<Transferring>(queue.next(0ms)->body).progress.done, 100'000u);
  EXPECT_FALSE(queue.next(0ms));
}

TEST(EventQueue, announcements_of_two_keys_do_not_replace_each_other) {
  EventQueue queue;
  const auto announced = [](std::uint8_t key, std::size_t held) {
    dht::Announced outcome;
    outcome.lookup.target.bytes[0] = key;
    outcome.held = held;
    return Event{1, AnnouncedNow{outcome}};
  };
  queue.push(announced(1, 1));
  queue.push(announced(2, 2));
  queue.push(announced(1, 3));
  EXPECT_EQ(std::get<AnnouncedNow>(queue.next(0ms)->body).outcome.held, 2u);
  EXPECT_EQ(std::get<AnnouncedNow>(queue.next(0ms)->body).outcome.held, 3u);
  EXPECT_FALSE(queue.next(0ms));
}

TEST(EventQueue, what_matters_is_never_replaced) {
  EventQueue queue;
  for (RequestId i = 0; i < 1000; ++i) queue.push({i, Cancelled{}});
  for (RequestId i = 0; i < 1000; ++i) EXPECT_EQ(queue.next(0ms)->request, i);
}

TEST(EventQueue, next_waits_for_an_event_and_no_longer_than_asked) {
  EventQueue queue;
  const auto start = Clock::now();
  EXPECT_FALSE(queue.next(20ms));
  EXPECT_GE(Clock::now() - start, 20ms);
  std::thread other([&] { queue.push({5, Cancelled{}}); });
  const auto event = queue.next(10s);
  other.join();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->request, 5u);
  EXPECT_LT(Clock::now() - start, 5s);
}

TEST(EventQueue, interrupt_wakes_whoever_waits) {
  EventQueue queue;
  const auto start = Clock::now();
  std::thread other([&] { queue.interrupt(); });
  EXPECT_FALSE(queue.next(10s));
  other.join();
  EXPECT_LT(Clock::now() - start, 5s);
}

TEST(EventQueue, an_interrupt_before_the_wait_counts_and_loses_no_event) {
  EventQueue queue;
  queue.interrupt();
  EXPECT_FALSE(queue.next(10s));
  queue.interrupt();
  queue.push({1, Cancelled{}});
  EXPECT_TRUE(queue.next(10s));
  EXPECT_FALSE(queue.next(10s));
  EXPECT_FALSE(queue.next(0ms));
}

EventQueue* signalled_queue = nullptr;

TEST(EventQueue, interrupt_works_in_a_signal_handler) {
  EventQueue queue;
  signalled_queue = &queue;
  const auto before = std::signal(SIGUSR1, [](int) { signalled_queue->interrupt(); });
  const auto waiting = pthread_self();
  const auto start = Clock::now();
  std::thread other([&] { pthread_kill(waiting, SIGUSR1); });
  EXPECT_FALSE(queue.next(10s));
  other.join();
  EXPECT_LT(Clock::now() - start, 5s);
  std::signal(SIGUSR1, before);
}

TEST(EventQueue, many_writers_and_one_reader_lose_nothing) {
  EventQueue queue;
  constexpr RequestId kEach = 2000;
  std::vector<std::thread> writers;
  for (RequestId writer = 0; writer < 4; ++writer)
    writers.emplace_back([&queue, writer] {
      for (RequestId i = 0; i < kEach; ++i) queue.push({writer * kEach + i, Cancelled{}});
    });
  std::vector<bool> seen(4 * kEach);
  for (RequestId i = 0; i < 4 * kEach; ++i) {
    const auto event = queue.next(10s);
    ASSERT_TRUE(event);
    EXPECT_FALSE(seen[event->request]);
    seen[event->request] = true;
  }
  for (std::thread& writer : writers) writer.join();
}

}  // namespace
}  // namespace rondo::control
