// The API as JSON: what --json prints, and JSON-RPC 2.0 requests and answers. docs/control-api.md is its dictionary.
//
// Every text is one line of ASCII without the line break: other characters are escaped, so a name from the network can
// neither break a line nor steer a terminal. Names that are not UTF-8 are written out as display() does, with their
// bytes beside them in hexadecimal (`..._hex`).
#pragma once

#include <string>
#include <string_view>

#include "dht/base/result.hpp"
#include "peer/control/api.hpp"

namespace rondo::control {

/// `schema` of every line. Fields are added, never changed, while it stays.
inline constexpr std::string_view kEventSchema = "rondo.event/1";

std::string event_json(const Event& event);
/// The same shape for an error that no request answers.
std::string error_json(const ApiError& error);
/// The first line of a daemon.
std::string listening_json(const Status& status);

/// Longest request line; longer ones are refused unread.
inline constexpr std::size_t kRpcLine = 64 * 1024;

struct RpcCall {
  /// The id as JSON text, to be handed back. Empty: a notification, which is not answered.
  std::string id;
  Request request;
};
/// The error is the answer to send.
Result<RpcCall, std::string> parse_rpc(std::string_view line);
/// The answer to a call, from the final event of its request.
std::string rpc_answer(const std::string& id, const EventBody& final_event);

enum class RpcError : int {
  kParse = -32700,
  kInvalidRequest = -32600,
  kUnknownMethod = -32601,
  kInvalidParams = -32602,
  kBusy = -32000,
};
/// `id` as in RpcCall; empty where it could not be read.
std::string rpc_error(const std::string& id, RpcError code, std::string_view sentence);

}  // namespace rondo::control
