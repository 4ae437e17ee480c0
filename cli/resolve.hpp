// Names to numbers. Only what the user typed is ever resolved: links carry numeric addresses.
#pragma once

#include <vector>

#include "cli/options.hpp"
#include "dht/base/result.hpp"
#include "peer/control/api.hpp"

namespace rondo::cli {

/// The addresses of all entries, in order, without duplicates. Blocks as long as the system's resolver does. An entry
/// that can't be resolved is left out; the error comes only when none is left.
Result<std::vector<Endpoint>, control::ApiError> resolve(const std::vector<HostPort>& entries);

}  // namespace rondo::cli
