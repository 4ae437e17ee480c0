// What a protocol machine wants sent. Outputs are data: the driver takes them out and puts them on a wire, real or
// simulated, so that a machine's answer is a function of its inputs.
#pragma once

#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/wire/messages/message.hpp"

namespace rondo::dht {

struct Send {
  Endpoint to;
  wire::Message message;
};

struct Outbox {
  std::vector<Send> sends;
};

}  // namespace rondo::dht
