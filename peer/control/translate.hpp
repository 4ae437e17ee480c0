// From what a node tells to what the API says.
#pragma once

#include <string>

#include "peer/control/api.hpp"
#include "peer/node/node_event.hpp"
#include "peer/node/node_host.hpp"

namespace rondo::control {

/// `network` goes into Status.
Event to_event(peer::NodeEvent event, const std::string& network);

Code code_of(peer::TransferErrc error);
Code code_of(peer::SearchErrc error);
ApiError to_error(const peer::HostError& error);

}  // namespace rondo::control
