#include "cli/app.hpp"

#include <algorithm>
#include <variant>

namespace rondo::cli {
namespace {

struct RunCommand {
  Session& session;

  int operator()(const ShowText& show) const {
    session.console.result(show.text);
    return exit_code(control::Code::kOk);
  }
  int operator()(const DaemonOptions& options) const { return run_daemon(options, session); }
  int operator()(const ShareOptions& options) const { return run_share(options, session); }
  int operator()(const GetOptions& options) const { return run_get(options, session); }
  int operator()(const LookupOptions& options) const { return run_lookup(options, session); }
};

int refuse(const UsageError& error, Console& console, const Program& program) {
  program.err << usage_text(error);
  program.err.flush();
  console.json_error({control::Code::kUsage, error.sentence});
  return exit_code(control::Code::kUsage);
}

}  // namespace

int run(const std::vector<std::string>& arguments, const Program& program) {
  Console console(program.out, program.err, program.terminal);
  const auto invocation = parse(arguments, program.environment);
  if (!invocation) {
    // The line could not be read, so the wish for JSON is taken from its words.
    console.set_json(std::find(arguments.begin(), arguments.end(), "--json") != arguments.end());
    return refuse(invocation.error(), console, program);
  }
  const bool is_text = std::holds_alternative<ShowText>(invocation.value().command);
  console.set_json(invocation.value().json && !is_text);
  console.set_quiet(invocation.value().quiet);
  Session session{console, program.host, program.in_fd};
  const int code = std::visit(RunCommand{session}, invocation.value().command);
  if (console.is_open()) return code;
  program.err << "rondo: standard output could not be written\n";
  return code != exit_code(control::Code::kOk) ? code : exit_code(control::Code::kFailed);
}

}  // namespace rondo::cli
