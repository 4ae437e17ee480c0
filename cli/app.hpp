// The program behind main(): from arguments to an exit code.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/parse.hpp"

namespace rondo::cli {

struct Program {
  std::ostream& out;
  std::ostream& err;
  Terminal terminal;
  Environment environment;
  HostNode host;
  int in_fd = 0;
};

int run(const std::vector<std::string>& arguments, const Program& program);

}  // namespace rondo::cli
