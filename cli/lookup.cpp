// rondo lookup: what the ring says of a key, and how it was found out.
#include <fmt/format.h>

#include <string>
#include <variant>
#include <vector>

#include "cli/command.hpp"
#include "cli/format.hpp"
#include "cli/link.hpp"
#include "dht/base/display.hpp"

namespace rondo::cli {
namespace {

using control::ApiError;
using control::Code;
using control::RingAnswer;
using Clock = std::chrono::steady_clock;

std::string outcome_text(const dht::LookupStep& step) {
  switch (step.outcome) {
    case dht::StepOutcome::kAnswered: return step.check ? "is alive" : "answered";
    case dht::StepOutcome::kUnanswered: return "no answer";
    case dht::StepOutcome::kRefused: return "no member";
    case dht::StepOutcome::kWaiting: return "not waited for";
  }
  return "";
}

std::string steps_table(const std::vector<dht::LookupStep>& steps) {
  std::vector<std::vector<std::string>> rows{{"hop", "asked", "id", "round trip", "outcome"}};
  for (const dht::LookupStep& step : steps) {
    const bool answered = step.outcome == dht::StepOutcome::kAnswered;
    rows.push_back({std::to_string(step.hop), step.endpoint.text(), step.id ? step.id->hex() : "-",
                    answered ? round_trip_text(step.round_trip) : "-", outcome_text(step)});
  }
  return table_text(rows, {0, 3});
}

std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string replicas_table(const RingAnswer& answer) {
  std::vector<std::vector<std::string>> rows{{"replica", "id", "peers", "answer"}};
  for (const dht::ReplicaAnswer& replica : answer.replicas) {
    const std::string problem = replica.answered ? "ok" : display(replica.problem);
    rows.push_back({replica.replica.endpoint.text(), replica.replica.id.hex(),
                    replica.answered ? std::to_string(replica.peers) : "-", problem});
  }
  // Without answers of their own the replicas are what the lookup named.
  if (answer.replicas.empty())
    for (const Contact& contact : answer.lookup.replicas)
      rows.push_back({contact.endpoint.text(), contact.id.hex(), "-", "not asked"});
  return table_text(rows, {2});
}

std::string found_text(const RingAnswer& answer) {
  const dht::LookupResult& lookup = answer.lookup;
  std::string out = "key       " + lookup.target.hex() + "\n";
  if (lookup.owner) out += "owner     " + lookup.owner->endpoint.text() + "  " + lookup.owner->id.hex() + "\n";
  out += fmt::format("hops      {}\ntimeouts  {}\ntime      {}\n", lookup.hops, lookup.timeouts,
                     round_trip_text(lookup.elapsed));
  if (!answer.replicas.empty() || !lookup.replicas.empty()) out += "\n" + replicas_table(answer);
  if (!answer.peers.empty()) out += "\npeers\n";
  for (const Endpoint& peer : answer.peers) out += "  " + peer.text() + "\n";
  if (!lookup.steps.empty()) out += "\n" + steps_table(lookup.steps);
  return out;
}

ApiError error_of(dht::LookupFailure failure) {
  const std::string sentence = "the ring gave no answer: " + std::string(dht::describe(failure));
  switch (failure) {
    case dht::LookupFailure::kTimedOut: return {Code::kTimedOut, sentence};
    case dht::LookupFailure::kNoOwner: return {Code::kNotFound, sentence};
    case dht::LookupFailure::kOverloaded: return {Code::kFailed, sentence};
    case dht::LookupFailure::kNoContacts:
      return {Code::kNetwork, sentence + "; name a node of the ring with --join HOST:PORT"};
    case dht::LookupFailure::kNone:
    case dht::LookupFailure::kNoAnswer: break;
  }
  return {Code::kNetwork, sentence + "; check the addresses behind --join, and --network"};
}

int show(const RingAnswer& answer, Console& console) {
  if (answer.lookup.found()) {
    console.result(found_text(answer));
    return exit_code(Code::kOk);
  }
  // Whom it asked in vain is no result, but it tells where to look.
  if (!answer.lookup.steps.empty()) console.say(without_line_end(steps_table(answer.lookup.steps)));
  return fail(console, error_of(answer.lookup.failure));
}

/// Until the answer, a signal or the end of patience.
int wait_for_answer(Conversation& conversation, control::RequestId request, std::chrono::seconds patience,
                    Console& console) {
  const auto deadline = Clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    const auto event = conversation.next(left);
    if (conversation.should_end()) return conversation.unfinished_code();
    if (!event || event->request != request) continue;
    if (const auto* answer = std::get_if<RingAnswer>(&event->body)) return show(*answer, console);
    if (const auto* failed = std::get_if<control::Failed>(&event->body)) return fail(console, failed->error);
    if (control::is_final(event->body)) break;
  }
  const std::string sentence =
      "the ring gave no answer within " + count_text(static_cast<std::uint64_t>(patience.count()), "second");
  return fail(console, {Code::kTimedOut, sentence});
}

}  // namespace

int run_lookup(const LookupOptions& options, Session& session) {
  const auto target = read_key(options.key);
  if (!target) return fail(session.console, target.error());
  NodeOptions node = options.node;
  add_entry_points(node, target.value().entry_points);

  Conversation conversation(session);
  if (const auto error = conversation.begin(node, Purpose::kLookup)) return fail(session.console, *error);
  control::LookupRequest request;
  request.key = target.value().key;
  request.kind = options.read ? dht::LookupKind::kRead : dht::LookupKind::kOwner;
  request.peers = true;
  const auto number = conversation.client().submit(request);
  const auto patience = options.patience.count() == 0 ? std::chrono::seconds(3600) : options.patience;
  return wait_for_answer(conversation, number, patience, session.console);
}

}  // namespace rondo::cli
