// rondo daemon: a node of the ring in the foreground; with --stdio it answers JSON-RPC requests line by line.
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "cli/command.hpp"
#include "cli/line_reader.hpp"
#include "dht/base/display.hpp"
#include "peer/control/json.hpp"

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;
using control::Code;
using control::RpcError;

/// A daemon has nothing to do but wait; a signal, a line or an event wakes it.
constexpr auto kTick = 1s;
/// Requests in flight over stdio; one more is answered as busy. The ring's own bound (limits::kLookups) is 256.
constexpr std::size_t kInFlight = 128;

class DaemonCommand {
 public:
  DaemonCommand(const DaemonOptions& options, Session& session) : options_(options), console_(session.console) {}

  int run(Conversation& conversation, int in_fd) {
    conversation_ = &conversation;
    first_status_ = conversation.client().submit(control::StatusRequest{});
    std::optional<LineReader> reader;
    while (!conversation.should_end() && !exit_) {
      if (auto event = conversation_->client().next(kTick)) on_event(*event);
      // Requests are read once the daemon has said where it listens.
      if (options_.stdio && is_up_ && !reader)
        reader.emplace(in_fd, control::kRpcLine, [client = &conversation.client()] { client->interrupt(); });
      if (!reader) continue;
      for (const LineReader::Line& line : reader->take()) on_line(line);
      if (reader->is_over() && calls_.empty()) exit_ = exit_code(Code::kOk);
    }
    if (exit_) return *exit_;
    if (!conversation.is_signalled()) return conversation.unfinished_code();
    console_.say("leaving the ring (Ctrl-C again: at once)");
    return exit_code(Code::kOk);
  }

 private:
  void on_event(const control::Event& event) {
    if (event.request == first_status_) return on_first_status(event.body);
    if (const auto call = calls_.find(event.request); call != calls_.end()) return on_answer(call, event.body);
    console_.json(control::event_json(event));
    const auto* change = std::get_if<control::RoleChangedNow>(&event.body);
    if (change != nullptr && is_up_) say_role(change->role, change->reason);
  }

  void on_first_status(const control::EventBody& body) {
    const auto* status = std::get_if<control::Status>(&body);
    if (status == nullptr) {
      const auto* failed = std::get_if<control::Failed>(&body);
      const control::ApiError otherwise{Code::kFailed, "the node ended"};
      exit_ = fail(console_, failed != nullptr ? failed->error : otherwise);
      return;
    }
    is_up_ = true;
    const std::string place = status->role == dht::Role::kMember ? "member of " : "network ";
    console_.result("listening on " + status->self.endpoint.text() + ", " + place + display(status->network));
    console_.json(control::listening_json(*status));
    if (status->role == dht::Role::kMember) return;
    say_role(status->role, status->reason);
    if (options_.node.join.empty() && !options_.bootstrap)
      console_.say("no entry point is known: name a node with --join HOST:PORT, or begin a ring with --bootstrap");
  }

  void say_role(dht::Role role, const std::string& reason) {
    std::string line = role == dht::Role::kMember ? "member of the ring" : "not in the ring: ";
    if (role != dht::Role::kMember) line += dht::name_of(role);
    if (!reason.empty()) line += " (" + display(reason) + ")";
    console_.say(line);
  }

  void on_line(const LineReader::Line& line) {
    if (line.too_long) {
      console_.json(control::rpc_error("", RpcError::kInvalidRequest, "the line is longer than 64 KiB"));
      return;
    }
    if (line.text.find_first_not_of(" \t\r") == std::string::npos) return;
    auto call = control::parse_rpc(line.text);
    if (!call) return console_.json(call.error());
    if (calls_.size() >= kInFlight)
      return console_.json(control::rpc_error(call->id, RpcError::kBusy, "too many requests are in flight"));
    const auto number = conversation_->client().submit(std::move(call->request));
    calls_.emplace(number, std::move(call->id));
  }

  void on_answer(std::map<control::RequestId, std::string>::iterator call, const control::EventBody& body) {
    if (!control::is_final(body)) return;
    if (!call->second.empty()) console_.json(control::rpc_answer(call->second, body));
    calls_.erase(call);
  }

  const DaemonOptions& options_;
  Console& console_;
  Conversation* conversation_ = nullptr;
  control::RequestId first_status_ = 0;
  bool is_up_ = false;
  /// Requests in flight and the ids of their calls; empty for notifications.
  std::map<control::RequestId, std::string> calls_;
  std::optional<int> exit_;
};

}  // namespace

int run_daemon(const DaemonOptions& options, Session& session) {
  Conversation conversation(session);
  const Purpose purpose = options.bootstrap ? Purpose::kBootstrapDaemon : Purpose::kDaemon;
  if (const auto error = conversation.begin(options.node, purpose)) return fail(session.console, *error);
  return DaemonCommand(options, session).run(conversation, session.in_fd);
}

}  // namespace rondo::cli
