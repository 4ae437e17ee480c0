// A node that answers from a script, for tests of the commands.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/app.hpp"
#include "peer/control/api.hpp"

namespace rondo::cli {

class FakeClient : public control::Client {
 public:
  /// Called for each request; answers with push().
  using Script = std::function<void(FakeClient&, control::RequestId, const control::Request&)>;

  explicit FakeClient(Script script) : script_(std::move(script)) {}

  control::RequestId submit(control::Request request) override {
    requests.push_back(request);
    const control::RequestId number = next_number_++;
    script_(*this, number, requests.back());
    return number;
  }

  std::optional<control::Event> next(std::chrono::milliseconds) override {
    if (events_.empty() && on_idle) on_idle(*this);
    if (events_.empty()) return std::nullopt;
    auto event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  void interrupt() override { interrupts = interrupts + 1; }

  void push(control::RequestId request, control::EventBody body) { events_.push_back({request, std::move(body)}); }

  /// When next() finds nothing.
  std::function<void(FakeClient&)> on_idle;
  std::vector<control::Request> requests;
  volatile int interrupts = 0;

 private:
  Script script_;
  std::deque<control::Event> events_;
  control::RequestId next_number_ = 1;
};

/// One run of the program on a fake node, and everything that is left of it.
struct FakeRun {
  std::string out;
  std::string err;
  int code = -1;
  NodeOptions node;
  Purpose purpose{};
  std::vector<control::Request> requests;
};

struct FakeWorld {
  FakeClient::Script script = [](FakeClient&, control::RequestId, const control::Request&) {};
  std::function<void(FakeClient&)> on_idle;
  std::optional<control::ApiError> host_error;
  Terminal terminal;
  int in_fd = 0;
  std::function<std::optional<std::string>(std::string_view)> environment = [](auto) { return std::nullopt; };
};

inline FakeRun run_fake(const std::vector<std::string>& arguments, const FakeWorld& world) {
  FakeRun result;
  std::ostringstream out;
  std::ostringstream err;
  // Remembers what was asked, also after the command has ended the client.
  class Reporting : public FakeClient {
   public:
    Reporting(const FakeWorld& world, FakeRun& result) : FakeClient(world.script), result_(result) {
      on_idle = world.on_idle;
    }
    ~Reporting() override { result_.requests = requests; }

   private:
    FakeRun& result_;
  };
  const HostNode host = [&](const NodeOptions& node,
                            Purpose purpose) -> Result<std::unique_ptr<control::Client>, control::ApiError> {
    result.node = node;
    result.purpose = purpose;
    if (world.host_error) return Failure<control::ApiError>{*world.host_error};
    return std::unique_ptr<control::Client>(std::make_unique<Reporting>(world, result));
  };
  const Environment environment = [&](const char* name) { return world.environment(name); };
  result.code = run(arguments, {out, err, world.terminal, environment, host, world.in_fd});
  result.out = out.str();
  result.err = err.str();
  return result;
}

}  // namespace rondo::cli
