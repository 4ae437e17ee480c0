#include "cli/command.hpp"

#include "peer/control/json.hpp"

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kCancelTime = 5s;

}  // namespace

int fail(Console& console, const control::ApiError& error) {
  console.error(error);
  return exit_code(error.code);
}

void add_entry_points(NodeOptions& node, const std::vector<Endpoint>& entry_points) {
  if (node.join_is_explicit) return;
  for (const Endpoint& entry : entry_points) node.join.push_back({entry.address_text(), entry.port});
}

Conversation::~Conversation() {
  guard_.detach();
  client_.reset();
}

std::optional<control::ApiError> Conversation::begin(const NodeOptions& node, Purpose purpose) {
  auto hosted = session_.host(node, purpose);
  if (!hosted) return hosted.error();
  client_ = std::move(hosted).value();
  guard_.attach(*client_);
  return std::nullopt;
}

std::optional<control::Event> Conversation::next(std::chrono::milliseconds timeout) {
  if (should_end()) return std::nullopt;
  auto event = client_->next(timeout);
  if (event && session_.console.is_json()) session_.console.json(control::event_json(*event));
  return event;
}

bool Conversation::should_end() const { return guard_.caught() != 0 || !session_.console.is_open(); }

int Conversation::unfinished_code() const {
  const int signal = guard_.caught();
  return signal != 0 ? 128 + signal : exit_code(control::Code::kFailed);
}

std::optional<control::EventBody> Conversation::cancel(control::RequestId request) {
  client_->submit(control::CancelRequest{request});
  const auto deadline = Clock::now() + kCancelTime;
  while (Clock::now() < deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    auto event = client_->next(left);
    if (!event || event->request != request || !control::is_final(event->body)) continue;
    session_.console.json(control::event_json(*event));
    return std::move(event->body);
  }
  return std::nullopt;
}

}  // namespace rondo::cli
