// `rondo`.
#include <malloc.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "cli/app.hpp"
#include "cli/host/host.hpp"
#include "cli/link.hpp"

int main(int argc, char** argv) {
  using namespace rondo;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  cli::scrub_links(argc, argv);
  // What a thread frees is there for all, and large blocks go back to the system: by default each thread keeps what it
  // had, which doubles the peak of a large torrent.
  mallopt(M_ARENA_MAX, 1);                // NOLINT(concurrency-mt-unsafe): no thread is there yet
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);  // NOLINT(concurrency-mt-unsafe): no thread is there yet
  // A closed pipe is an error to be told and cleaned up after, not a sudden death.
  std::signal(SIGPIPE, SIG_IGN);
  const auto environment = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
  return cli::run(arguments, {std::cout, std::cerr, cli::Terminal::of_process(), environment, cli::host_node});
}
