// Request lines of `rondo daemon --stdio`: any bytes give a call or an answer of one line of ASCII, and so do the
// answers to a call.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "dht/base/assert.hpp"
#include "peer/control/json.hpp"

namespace {

using namespace rondo::control;

void check_line(const std::string& line) {
  const bool ascii = std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  RONDO_ASSERT(ascii && line.starts_with(R"({"jsonrpc":"2.0","id":)") && line.ends_with('}'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto call = parse_rpc(text);
  if (!call) {
    check_line(call.error());
    return 0;
  }
  RONDO_ASSERT(std::holds_alternative<LookupRequest>(call->request) ||
               std::holds_alternative<StatusRequest>(call->request));
  // A sentence may quote what a stranger sent.
  check_line(rpc_answer(call->id, Failed{{Code::kFailed, text}}));
  check_line(rpc_error(call->id, RpcError::kBusy, text));
  // The id comes back as it was: a call that carries it again is read the same.
  if (call->id.empty()) return 0;
  const auto again = parse_rpc(R"({"jsonrpc":"2.0","method":"status","id":)" + call->id + "}");
  RONDO_ASSERT(again.ok() && again->id == call->id);
  return 0;
}
