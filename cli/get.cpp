// rondo get: ask the ring who has it, show what it is, fetch and verify it.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "cli/ask.hpp"
#include "cli/command.hpp"
#include "cli/format.hpp"
#include "cli/link.hpp"
#include "cli/resolve.hpp"
#include "dht/base/display.hpp"

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;
using control::ApiError;
using control::Code;
using Clock = std::chrono::steady_clock;

constexpr auto kTick = 1s;
/// Between two looks at the node while a question waits for its answer.
constexpr int kAskTickMs = 200;
constexpr std::size_t kListedFiles = 20;

std::string listing(const peer::Content& content) {
  std::vector<std::vector<std::string>> rows;
  const std::size_t listed = std::min(content.files.size(), kListedFiles);
  for (std::size_t i = 0; i < listed; ++i)
    rows.push_back({size_text(content.files[i].size), display(content.files[i].path)});
  std::string out = "'" + display(content.name) + "': " + count_text(content.files.size(), "file") + ", " +
                    size_text(content.bytes) + "\n" + table_text(rows, {0});
  if (listed < content.files.size()) out += "  and " + std::to_string(content.files.size() - listed) + " more\n";
  out.pop_back();
  return out;
}

/// One fetch, from its first event to its end.
class GetCommand {
 public:
  GetCommand(const GetOptions& options, Session& session)
      : options_(options), console_(session.console), input_(session.in_fd) {}

  int run(Conversation& conversation, control::GetRequest request) {
    conversation_ = &conversation;
    started_ = Clock::now();
    is_link_ = std::holds_alternative<peer::Magnet>(request.source);
    number_ = conversation.client().submit(std::move(request));
    while (!conversation.should_end() && !exit_) {
      const auto event = is_asking_ ? next_while_asking() : conversation.next(kTick);
      if (event && event->request == number_)
        std::visit(*this, event->body);
      else if (!is_asking_)
        show_searching();
    }
    if (exit_) return *exit_;
    console_.end_progress();
    const auto last = conversation.cancel(number_);
    // It may have been quicker than we.
    if (last && std::holds_alternative<control::Fetched>(*last)) {
      std::visit(*this, *last);
      return *exit_;
    }
    if (last && std::holds_alternative<control::Cancelled>(*last))
      say_what_is_kept(std::get<control::Cancelled>(*last));
    return conversation.unfinished_code();
  }

  // --- events --------------------------------------------------------------------------------------------------------

  void operator()(const control::Searching& event) {
    if (event.why != why_) console_.say(event.why);
    why_ = event.why;
    // A download that has lost its peers keeps its bar.
    is_searching_ = !is_found_;
    show_searching();
  }

  void operator()(const control::FoundContent& event) {
    is_found_ = true;
    is_searching_ = false;
    console_.say(listing(event.content));
    for (const std::string& note : event.notes) console_.say("note: " + note);
    if (options_.yes || !console_.can_ask()) return confirm();
    question_ = "Download to " + target(event.content) + "? [Y/n] ";
    console_.ask(question_);
    is_asking_ = true;
  }

  void operator()(const control::HashingNow& event) {
    const auto [done, total] = event.progress;
    console_.progress({"checking what is here already", done, total, std::nullopt, std::nullopt, std::nullopt});
  }

  void operator()(const control::Resumed& event) {
    const auto [kept, checked] = event.what;
    console_.say("going on: " + size_text(kept) + " " + (kept == 1 ? "is" : "are") + " here already" +
                 (checked > 0 ? " (" + size_text(checked) + " had to be checked)" : ""));
    started_ = Clock::now();
    resumed_ = kept;
  }

  void operator()(const control::Transferring& event) {
    if (is_asking_) return;
    const peer::TransferProgress& progress = event.progress;
    meter_.observe(Clock::now(), progress.done);
    console_.progress(
        {"fetching", progress.done, progress.total, meter_.rate(), meter_.eta(progress.total), progress.peers});
  }

  void operator()(const control::Fetched& event) {
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
    std::string line = "fetched and verified: " + count_text(event.content.files.size() - event.skipped, "file") +
                       (event.skipped == 0 ? ", " + size_text(event.content.bytes) : "") + " in " + elapsed_text(time);
    // A rate over less than that is noise, and one over what was here already is a boast.
    if (time >= 100ms && event.skipped == 0 && resumed_ == 0)
      line +=
          " (" + rate_text(static_cast<double>(event.content.bytes) * 1000 / static_cast<double>(time.count())) + ")";
    console_.say(line);
    if (event.skipped > 0)
      console_.say(count_text(event.skipped, "file") + " " + (event.skipped == 1 ? "was" : "were") +
                   " there already, left as " + (event.skipped == 1 ? "it is" : "they are"));
    console_.result(display(event.path.native()));
    exit_ = exit_code(Code::kOk);
  }

  void operator()(const control::Failed& event) {
    ApiError error = event.error;
    // The node saw bytes; people gave a file.
    if (error.code == Code::kBadInput && !is_link_) error.sentence = display(options_.source) + ": " + error.sentence;
    exit_ = fail(console_, error);
  }

  void operator()(const control::Cancelled&) { exit_ = exit_code(Code::kFailed); }

  /// No answers to a get.
  template <class Other>
  void operator()(const Other&) {}

 private:
  std::string target(const peer::Content& content) const {
    return display((options_.into / content.name).lexically_normal().native());
  }

  void say_what_is_kept(const control::Cancelled& event) {
    if (event.kept == 0) return console_.say("ended: nothing unfinished was left behind");
    console_.say("ended: " + size_text(event.kept) +
                 " are kept, and the same command goes on from there; to give it up, remove " +
                 display(event.kept_in.lexically_normal().native()));
  }

  void confirm() { conversation_->client().submit(control::ConfirmRequest{number_}); }

  void show_searching() {
    if (!is_searching_) return;
    const auto time = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_);
    console_.status("looking for peers, " + std::to_string(time.count()) + " s");
  }

  /// The node goes on while somebody thinks: its events are taken as they come.
  std::optional<control::Event> next_while_asking() {
    const auto outcome = input_.wait(kAskTickMs);
    if (outcome == LineInput::Outcome::kNothing) return conversation_->next(0ms);
    const auto answer = outcome == LineInput::Outcome::kEnd ? false : yes_or_no(input_.line());
    if (!answer) {
      console_.ask("Please answer y or n. " + question_);
      return std::nullopt;
    }
    is_asking_ = false;
    if (*answer) {
      started_ = Clock::now();
      confirm();
      return std::nullopt;
    }
    conversation_->cancel(number_);
    console_.say("nothing was downloaded");
    exit_ = exit_code(Code::kFailed);
    return std::nullopt;
  }

  const GetOptions& options_;
  Console& console_;
  LineInput input_;
  Conversation* conversation_ = nullptr;
  control::RequestId number_ = 0;
  Clock::time_point started_{};
  RateMeter meter_;
  std::string why_;
  std::string question_;
  std::uint64_t resumed_ = 0;
  bool is_link_ = false;
  bool is_found_ = false;
  bool is_searching_ = false;
  bool is_asking_ = false;
  std::optional<int> exit_;
};

}  // namespace

int run_get(const GetOptions& options, Session& session) {
  auto source = read_source(options.source, session.in_fd);
  if (!source) return fail(session.console, source.error());
  auto peers = resolve(options.peers);
  if (!peers) return fail(session.console, peers.error());

  NodeOptions node = options.node;
  if (auto* magnet = std::get_if<peer::Magnet>(&source.value())) {
    add_entry_points(node, magnet->entry_points);
    if (node.join_is_explicit) magnet->entry_points.clear();
  }
  Conversation conversation(session);
  if (const auto error = conversation.begin(node, Purpose::kGet)) return fail(session.console, *error);

  control::GetRequest request;
  request.source = std::move(source).value();
  request.into = options.into;
  request.when_exists = options.when_exists;
  request.peers = std::move(peers).value();
  request.patience = options.patience;
  return GetCommand(options, session).run(conversation, std::move(request));
}

}  // namespace rondo::cli
