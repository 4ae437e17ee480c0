#include "peer/control/json.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "dht/base/display.hpp"

namespace rondo::control {
namespace {

/// Keeps the order in which fields are written, so that lines read the same everywhere.
using Json = nlohmann::ordered_json;

/// Deeper requests are refused; ours need 2.
constexpr int kRpcDepth = 8;

std::string line_of(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

/// An empty list of files, as it is written. No text within strings looks like this: their quotes are escaped.
constexpr std::string_view kNoFiles = R"("files":[])";

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1000; }

/// A text that may hold any bytes.
void put_text(Json& json, const std::string& key, const std::string& text) {
  if (is_valid_utf8(text)) {
    json[key] = text;
    return;
  }
  json[key] = display(text);
  json[key + "_hex"] = to_hex(as_bytes(text));
}

Json to_json(const Contact& contact) { return {{"id", contact.id.hex()}, {"endpoint", contact.endpoint.text()}}; }

Json to_json(const std::optional<Contact>& contact) { return contact ? to_json(*contact) : Json(nullptr); }

Json to_json(const std::vector<Contact>& contacts) {
  Json out = Json::array();
  for (const Contact& contact : contacts) out.push_back(to_json(contact));
  return out;
}

Json to_json(const std::vector<Endpoint>& endpoints) {
  Json out = Json::array();
  for (const Endpoint& endpoint : endpoints) out.push_back(endpoint.text());
  return out;
}

std::string_view name_of(dht::StepOutcome outcome) {
  switch (outcome) {
    case dht::StepOutcome::kWaiting: return "waiting";
    case dht::StepOutcome::kAnswered: return "answered";
    case dht::StepOutcome::kUnanswered: return "unanswered";
    case dht::StepOutcome::kRefused: return "refused";
  }
  return "unknown";
}

Json to_json(const dht::LookupStep& step) {
  Json out{{"endpoint", step.endpoint.text()}, {"id", nullptr}, {"hop", step.hop}, {"check", step.check}};
  if (step.id) out["id"] = step.id->hex();
  out["outcome"] = name_of(step.outcome);
  if (step.outcome == dht::StepOutcome::kAnswered) out["round_trip_ms"] = milliseconds(step.round_trip);
  return out;
}

Json to_json(const dht::LookupResult& result) {
  Json out{{"key", result.target.hex()},
           {"kind", result.kind == dht::LookupKind::kOwner ? "owner" : "read"},
           {"found", result.found()},
           {"failure", nullptr},
           {"owner", to_json(result.owner)},
           {"replicas", to_json(result.replicas)},
           {"predecessor", to_json(result.predecessor)},
           {"hops", result.hops},
           {"timeouts", result.timeouts},
           {"elapsed_ms", milliseconds(result.elapsed)},
           {"steps", Json::array()}};
  if (!result.found()) out["failure"] = dht::describe(result.failure);
  for (const dht::LookupStep& step : result.steps) out["steps"].push_back(to_json(step));
  return out;
}

Json to_json(const std::vector<dht::ReplicaAnswer>& replicas) {
  Json out = Json::array();
  for (const dht::ReplicaAnswer& replica : replicas) {
    Json row = to_json(replica.replica);
    row["answered"] = replica.answered;
    row["peers"] = replica.peers;
    if (!replica.problem.empty()) put_text(row, "problem", replica.problem);
    out.push_back(std::move(row));
  }
  return out;
}

Json to_json(const peer::Content& content) {
  Json out{{"info_hash", content.info_hash.hex()}};
  if (content.has_v2) out["info_hash_v2"] = to_hex(content.info_hash_v2);
  put_text(out, "name", content.name);
  out["bytes"] = content.bytes;
  out["files"] = Json::array();
  return out;
}

/// With the files of `content`, which its own form leaves out: as values, 100,000 of them would take 60 MB.
std::string line_with_files(const Json& json, const peer::Content* content) {
  std::string line = line_of(json);
  const std::size_t at = content != nullptr ? line.find(kNoFiles) : std::string::npos;
  if (at == std::string::npos) return line;
  const std::string rest = line.substr(at + kNoFiles.size() - 1);
  line.resize(at + kNoFiles.size() - 1);
  std::size_t expected = line.size() + rest.size();
  // {"path":"...","size":1234567},
  for (const peer::ContentFile& file : content->files) expected += file.path.size() + 30;
  line.reserve(expected);
  for (const peer::ContentFile& file : content->files) {
    Json row = Json::object();
    put_text(row, "path", file.path);
    row["size"] = file.size;
    if (file.executable) row["executable"] = true;
    if (&file != &content->files.front()) line += ',';
    line += line_of(row);
  }
  return line += rest;
}

Json texts(const std::vector<std::string>& lines) {
  Json out = Json::array();
  for (const std::string& line : lines) out.push_back(line);
  return out;
}

std::string_view role_name(dht::Role role) { return dht::name_of(role); }

Json status_fields(const Status& status) {
  Json out{{"role", role_name(status.role)},
           {"reason", status.reason},
           {"network", status.network},
           {"self", to_json(status.self)},
           {"predecessor", to_json(status.predecessor)},
           {"successors", to_json(status.successors)},
           {"fingers", to_json(status.fingers)}};
  out["stored_keys"] = status.stored_keys;
  out["stored_announcements"] = status.stored_announcements;
  out["ring_size_estimate"] = status.ring_size_estimate;
  out["ring_size_exact"] = status.ring_size_exact;
  out["transfer_port"] = status.transfer_port;
  return out;
}

Json answer_fields(const RingAnswer& answer) {
  return {{"lookup", to_json(answer.lookup)}, {"replicas", to_json(answer.replicas)}, {"peers", to_json(answer.peers)}};
}

Json error_fields(const ApiError& error) {
  return {{"code", static_cast<int>(error.code)}, {"sentence", error.sentence}};
}

Json begun(std::string_view name) { return {{"event", name}, {"schema", kEventSchema}}; }

/// Writes the event's name and its own fields.
struct EventWriter {
  std::string_view name;
  Json fields = Json::object();
  /// Its files are not among the fields yet.
  const peer::Content* content = nullptr;

  explicit EventWriter(const EventBody& body) { std::visit(*this, body); }

  void operator()(const HashingNow& event) {
    name = "hashing";
    fields = {{"done", event.progress.done}, {"total", event.progress.total}};
  }
  void operator()(const Shared& event) {
    name = "shared";
    content = &event.content;
    fields = {{"magnet", event.magnet},
              {"content", to_json(event.content)},
              {"notes", texts(event.notes)},
              {"excluded", event.excluded},
              {"hashed", event.hashed}};
  }
  void operator()(const ChangedNow& event) {
    name = "changed";
    fields["files"] = Json::array();
    for (const std::string& file : event.change.files) fields["files"].push_back(display(file));
    fields["count"] = event.change.count;
    fields["bytes_left"] = event.change.bytes_left;
    fields["sentence"] = event.change.sentence;
  }
  void operator()(const ReceiverNow& event) {
    name = "receiver";
    fields = {{"complete", event.complete}, {"wanted", event.wanted}};
  }
  void operator()(const ShareEnded& event) {
    name = "share_ended";
    fields = {{"complete", event.complete}};
  }
  void operator()(const AnnouncedNow& event) {
    name = "announced";
    fields = {{"held", event.outcome.held},
              {"replicas", to_json(event.outcome.replicas)},
              {"lookup", to_json(event.outcome.lookup)}};
  }
  void operator()(const Searching& event) {
    name = "searching";
    fields = {{"peers_known", event.peers_known}, {"why", event.why}};
    if (event.lookup) fields["lookup"] = to_json(*event.lookup);
  }
  void operator()(const FoundContent& event) {
    name = "found";
    content = &event.content;
    fields = {{"content", to_json(event.content)}, {"notes", texts(event.notes)}};
  }
  void operator()(const Resumed& event) {
    name = "resumed";
    fields = {{"kept", event.what.kept}, {"checked", event.what.checked}};
  }
  void operator()(const Transferring& event) {
    name = "transferring";
    const peer::TransferProgress& progress = event.progress;
    fields = {{"done", progress.done},
              {"total", progress.total},
              {"down_per_second", progress.down_per_second},
              {"up_per_second", progress.up_per_second},
              {"uploaded", progress.uploaded},
              {"peers", progress.peers}};
  }
  void operator()(const Fetched& event) {
    name = "fetched";
    content = &event.content;
    put_text(fields, "path", event.path.native());
    fields["content"] = to_json(event.content);
    fields["skipped"] = event.skipped;
    if (event.lookup) fields["lookup"] = to_json(*event.lookup);
  }
  void operator()(const RingAnswer& event) {
    name = "ring_answer";
    fields = answer_fields(event);
  }
  void operator()(const Status& event) {
    name = "status";
    fields = status_fields(event);
  }
  void operator()(const RoleChangedNow& event) {
    name = "role";
    fields = {{"role", role_name(event.role)}, {"reason", event.reason}};
  }
  void operator()(const Cancelled& event) {
    name = "cancelled";
    if (event.kept == 0) return;
    fields["kept"] = event.kept;
    put_text(fields, "kept_in", event.kept_in.native());
  }
  void operator()(const Failed& event) {
    name = "error";
    fields = error_fields(event.error);
  }
};

// --- JSON-RPC --------------------------------------------------------------------------------------------------------

/// An answer whose id is JSON text already. "null" where there is none.
std::string rpc_line(const std::string& id, const char* key, const Json& value,
                     const peer::Content* content = nullptr) {
  return R"({"jsonrpc":"2.0","id":)" + (id.empty() ? "null" : id) + ",\"" + key +
         "\":" + line_with_files(value, content) + "}";
}

struct BadParams {
  std::string sentence;
};

/// Unknown fields are refused: a misspelt one would silently mean something else.
Result<Request, BadParams> read_lookup(const Json& params) {
  LookupRequest request;
  bool has_key = false;
  for (const auto& [name, value] : params.items()) {
    if (name == "key" && value.is_string()) {
      const auto key = RingId::from_hex(value.get_ref<const std::string&>());
      if (!key) return Failure<BadParams>{{"key takes 40 hexadecimal digits"}};
      request.key = *key;
      has_key = true;
    } else if (name == "kind" && (value == "owner" || value == "read")) {
      request.kind = value == "owner" ? dht::LookupKind::kOwner : dht::LookupKind::kRead;
    } else if (name == "peers" && value.is_boolean()) {
      request.peers = value.get<bool>();
    } else {
      return Failure<BadParams>{
          {"lookup takes key (40 hexadecimal digits), kind (\"owner\" or \"read\"), peers "
           "(true or false), and not this " +
           display(name)}};
    }
  }
  if (!has_key) return Failure<BadParams>{{"lookup needs a key"}};
  return Request{request};
}

/// A line may hold thousands of brackets; beyond kRpcDepth no values are built of them.
Json parse_bounded(std::string_view line) {
  bool too_deep = false;
  const auto callback = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kRpcDepth;
    return !too_deep;
  };
  Json out = Json::parse(line, callback, false);
  return too_deep ? Json(Json::value_t::discarded) : out;
}

}  // namespace

std::string event_json(const Event& event) {
  EventWriter writer(event.body);
  Json out = begun(writer.name);
  if (event.request != 0) out["request"] = event.request;
  out.update(writer.fields);
  return line_with_files(out, writer.content);
}

std::string error_json(const ApiError& error) {
  Json out = begun("error");
  out.update(error_fields(error));
  return line_of(out);
}

std::string listening_json(const Status& status) {
  Json out = begun("listening");
  out["endpoint"] = status.self.endpoint.text();
  out["id"] = status.self.id.hex();
  out["network"] = status.network;
  out["role"] = role_name(status.role);
  return line_of(out);
}

Result<RpcCall, std::string> parse_rpc(std::string_view line) {
  const Json json = parse_bounded(line);
  if (json.is_discarded()) return Failure<std::string>{rpc_error("", RpcError::kParse, "this line is no JSON")};
  const auto invalid = [](const std::string& id, RpcError code, std::string_view sentence) {
    return Failure<std::string>{rpc_error(id, code, sentence)};
  };
  if (!json.is_object()) return invalid("", RpcError::kInvalidRequest, "a request is one JSON object");

  RpcCall call;
  if (const auto id = json.find("id"); id != json.end()) {
    if (!id->is_string() && !id->is_number_integer() && !id->is_null())
      return invalid("", RpcError::kInvalidRequest, "id takes a string or an integer");
    call.id = line_of(*id);
  }
  const auto method = json.find("method");
  if (json.value("jsonrpc", Json()) != "2.0" || method == json.end() || !method->is_string())
    return invalid(call.id, RpcError::kInvalidRequest, "a request has \"jsonrpc\":\"2.0\" and a method");
  const Json params = json.value("params", Json::object());
  if (!params.is_object()) return invalid(call.id, RpcError::kInvalidParams, "params takes an object");

  if (*method == "status") {
    if (!params.empty()) return invalid(call.id, RpcError::kInvalidParams, "status takes no params");
    call.request = StatusRequest{};
    return call;
  }
  if (*method != "lookup") return invalid(call.id, RpcError::kUnknownMethod, "the methods are lookup and status");
  auto request = read_lookup(params);
  if (!request) return invalid(call.id, RpcError::kInvalidParams, request.error().sentence);
  call.request = std::move(request).value();
  return call;
}

std::string rpc_answer(const std::string& id, const EventBody& final_event) {
  if (const auto* failed = std::get_if<Failed>(&final_event)) {
    const Json error{{"code", static_cast<int>(failed->error.code)}, {"message", failed->error.sentence}};
    return rpc_line(id, "error", error);
  }
  const EventWriter writer(final_event);
  return rpc_line(id, "result", writer.fields, writer.content);
}

std::string rpc_error(const std::string& id, RpcError code, std::string_view sentence) {
  return rpc_line(id, "error", Json{{"code", static_cast<int>(code)}, {"message", sentence}});
}

}  // namespace rondo::control
