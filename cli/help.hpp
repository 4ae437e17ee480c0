// The texts of --help: examples first, then what there is.
#pragma once

#include <string>

#include "cli/option_table.hpp"

namespace rondo::cli {

/// `rondo --help`.
std::string program_help();
/// `rondo VERB --help`.
std::string verb_help(Verb verb);
/// `rondo --version`.
std::string version_text();

}  // namespace rondo::cli
