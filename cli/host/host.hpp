// The composition root: what a command wants becomes a node in this process.
#pragma once

#include <memory>

#include "cli/command.hpp"
#include "cli/options.hpp"
#include "dht/base/result.hpp"
#include "peer/control/api.hpp"

namespace rondo::cli {

/// Resolves names, chooses addresses and the folder of the state, and hosts the node.
Result<std::unique_ptr<control::Client>, control::ApiError> host_node(const NodeOptions& options, Purpose purpose);

}  // namespace rondo::cli
