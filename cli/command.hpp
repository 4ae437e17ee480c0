// What the commands share: where a node comes from, and a conversation with it that Ctrl-C can end.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/signals.hpp"
#include "dht/base/result.hpp"
#include "peer/control/api.hpp"

namespace rondo::cli {

/// What a node is hosted for; decides about membership and transfers.
enum class Purpose { kDaemon, kBootstrapDaemon, kShare, kGet, kLookup };

using HostNode =
    std::function<Result<std::unique_ptr<control::Client>, control::ApiError>(const NodeOptions&, Purpose)>;

struct Session {
  Console& console;
  HostNode host;
  int in_fd = 0;
};

inline int exit_code(control::Code code) { return static_cast<int>(code); }

/// Prints the error and returns its exit code.
int fail(Console& console, const control::ApiError& error);

/// Adds a link's entry points to those of the environment. An explicit --join says exactly where to begin: then they
/// are left out.
void add_entry_points(NodeOptions& node, const std::vector<Endpoint>& entry_points);

/// A node in this process for the life of a command.
class Conversation {
 public:
  explicit Conversation(Session& session) : session_(session) {}
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  /// Hosts the node. The error has not been printed.
  std::optional<control::ApiError> begin(const NodeOptions& node, Purpose purpose);

  [[nodiscard]] control::Client& client() { return *client_; }
  /// The next event, written to --json on its way; none after `timeout` or when the end is asked for.
  std::optional<control::Event> next(std::chrono::milliseconds timeout);

  /// A signal came, or nobody reads our output any more.
  [[nodiscard]] bool should_end() const;
  /// The exit code of work that should_end() cut off: 128 + signal, or "failed" when the output was closed.
  [[nodiscard]] int unfinished_code() const;
  [[nodiscard]] bool is_signalled() const { return guard_.caught() != 0; }

  /// Cancels a request and waits for its final event, at most 5 s.
  std::optional<control::EventBody> cancel(control::RequestId request);

 private:
  Session& session_;
  SignalGuard guard_;
  std::unique_ptr<control::Client> client_;
};

// --- the commands; each returns the exit code ------------------------------------------------------------------------

int run_daemon(const DaemonOptions& options, Session& session);
int run_share(const ShareOptions& options, Session& session);
int run_get(const GetOptions& options, Session& session);
int run_lookup(const LookupOptions& options, Session& session);

}  // namespace rondo::cli
