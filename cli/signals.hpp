// Ctrl-C and its kin. The first signal asks for a polite end, the second ends the process at once.
//
// While a guard lives, SIGINT, SIGTERM and SIGHUP reach only the thread that made it: they are blocked from its
// construction to attach(), so threads started in between are born deaf. The handler does nothing but note the number
// and call Client::interrupt(), which is async-signal-safe.
#pragma once

#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX's, with sigset_t

#include "peer/control/api.hpp"

namespace rondo::cli {

/// One at a time.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  /// From here on signals are delivered and wake `client`.
  void attach(control::Client& client);
  /// The client is about to end: a signal from here on ends the process at once.
  void detach();
  /// The first signal that came, or 0.
  [[nodiscard]] int caught() const;

 private:
  sigset_t before_{};
};

}  // namespace rondo::cli
