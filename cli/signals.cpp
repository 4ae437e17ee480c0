#include "cli/signals.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace rondo::cli {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

std::atomic<int> caught_signal{0};
std::atomic<bool> ends_at_once{false};
std::atomic<control::Client*> woken_client{nullptr};
static_assert(std::atomic<control::Client*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_signal(int signal) {
  const int saved = errno;
  if (ends_at_once.exchange(true)) _exit(128 + signal);
  int none = 0;
  caught_signal.compare_exchange_strong(none, signal);
  if (control::Client* client = woken_client.load()) client->interrupt();
  errno = saved;
}

/// `nohup` asks for a life without a terminal. (A shell's background job ignores SIGINT too, but then somebody who
/// sends it by hand means it.)
bool is_ignored_on_purpose(int signal) {
  struct sigaction current {};
  sigaction(signal, nullptr, &current);
  return signal == SIGHUP && current.sa_handler == SIG_IGN;
}

}  // namespace

SignalGuard::SignalGuard() {
  caught_signal = 0;
  ends_at_once = false;
  sigset_t blocked{};
  sigemptyset(&blocked);
  for (const int signal : kSignals) sigaddset(&blocked, signal);
  pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  for (const int signal : kSignals) {
    if (is_ignored_on_purpose(signal)) continue;
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
  }
}

SignalGuard::~SignalGuard() {
  detach();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalGuard::attach(control::Client& client) {
  woken_client = &client;
  sigset_t heard{};
  sigemptyset(&heard);
  for (const int signal : kSignals) sigaddset(&heard, signal);
  pthread_sigmask(SIG_UNBLOCK, &heard, nullptr);
}

void SignalGuard::detach() {
  woken_client = nullptr;
  ends_at_once = true;
}

int SignalGuard::caught() const { return caught_signal.load(); }

}  // namespace rondo::cli
