#include "peer/control/json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rondo::control {
namespace {

using namespace std::chrono_literals;

RingId id_of(std::uint8_t first) {
  RingId out;
  out.bytes[0] = first;
  return out;
}

Contact contact(std::uint8_t number) { return {id_of(number), Endpoint::v4(127, 0, 0, number, 7400)}; }

constexpr const char* kId1 = "0100000000000000000000000000000000000000";
constexpr const char* kId2 = "0200000000000000000000000000000000000000";

dht::LookupResult lookup() {
  dht::LookupResult out;
  out.target = id_of(1);
  out.kind = dht::LookupKind::kOwner;
  out.owner = contact(2);
  out.replicas = {contact(2)};
  out.hops = 2;
  out.timeouts = 1;
  out.steps = {{contact(2).endpoint, contact(2).id, 1, dht::StepOutcome::kAnswered, false, 1250us},
               {contact(3).endpoint, std::nullopt, 2, dht::StepOutcome::kUnanswered, true, {}}};
  out.elapsed = 1500us;
  return out;
}

const std::string kLookupJson =
    std::string(R"({"key":")") + kId1 + R"(","kind":"owner","found":true,"failure":null,"owner":{"id":")" + kId2 +
    R"(","endpoint":"127.0.0.2:7400"},"replicas":[{"id":")" + kId2 +
    R"(","endpoint":"127.0.0.2:7400"}],"predecessor":null,"hops":2,"timeouts":1,"elapsed_ms":1.5,"steps":[)" +
    R"({"endpoint":"127.0.0.2:7400","id":")" + kId2 +
    R"(","hop":1,"check":false,"outcome":"answered","round_trip_ms":1.25},)" +
    R"({"endpoint":"127.0.0.3:7400","id":null,"hop":2,"check":true,"outcome":"unanswered"}]})";

peer::Content content() {
  peer::Content out;
  out.info_hash = id_of(1);
  out.name = "a";
  out.bytes = 3;
  out.files = {{"a/x", 3, true}, {"a/y", 0, false}};
  return out;
}

const std::string kContentJson = std::string(R"({"info_hash":")") + kId1 +
                                 R"(","name":"a","bytes":3,"files":[{"path":"a/x","size":3,"executable":true},)" +
                                 R"({"path":"a/y","size":0}]})";

TEST(EventJson, hashing) {
  EXPECT_EQ(event_json({7, HashingNow{{1, 2}}}),
            R"({"event":"hashing","schema":"rondo.event/1","request":7,"done":1,"total":2})");
}

TEST(EventJson, shared_without_the_bytes_of_the_torrent) {
  const std::string line = event_json({7, Shared{content(), "magnet:?x", {1, 2, 3}, {"left out: b"}, 3, 12}});
  EXPECT_EQ(line, R"({"event":"shared","schema":"rondo.event/1","request":7,"magnet":"magnet:?x","content":)" +
                      kContentJson + R"(,"notes":["left out: b"],"excluded":3,"hashed":12})");
}

TEST(EventJson, changed) {
  EXPECT_EQ(event_json({7, ChangedNow{{{"a/x"}, 3, 12, "a/x and 2 more changed"}}}),
            R"({"event":"changed","schema":"rondo.event/1","request":7,"files":["a/x"],"count":3,"bytes_left":12,)"
            R"("sentence":"a/x and 2 more changed"})");
}

TEST(EventJson, receivers_and_the_end_they_bring) {
  EXPECT_EQ(event_json({7, ReceiverNow{1, 2}}),
            R"({"event":"receiver","schema":"rondo.event/1","request":7,"complete":1,"wanted":2})");
  EXPECT_EQ(event_json({7, ShareEnded{2}}),
            R"({"event":"share_ended","schema":"rondo.event/1","request":7,"complete":2})");
  EXPECT_TRUE(is_final(ShareEnded{2}));
}

TEST(EventJson, announced) {
  AnnouncedNow event;
  event.outcome.lookup = lookup();
  event.outcome.held = 1;
  event.outcome.replicas = {{contact(2), true, "", 0}, {contact(3), false, "no answer", 0}};
  EXPECT_EQ(event_json({7, event}),
            std::string(R"({"event":"announced","schema":"rondo.event/1","request":7,"held":1,"replicas":[{"id":")") +
                kId2 + R"(","endpoint":"127.0.0.2:7400","answered":true,"peers":0},{"id":")" + id_of(3).hex() +
                R"(","endpoint":"127.0.0.3:7400","answered":false,"peers":0,"problem":"no answer"}],"lookup":)" +
                kLookupJson + "}");
}

TEST(EventJson, searching) {
  EXPECT_EQ(event_json({7, Searching{0, "nobody has it", {}}}),
            R"({"event":"searching","schema":"rondo.event/1","request":7,"peers_known":0,"why":"nobody has it"})");
  EXPECT_EQ(event_json({7, Searching{1, "", lookup()}}),
            R"({"event":"searching","schema":"rondo.event/1","request":7,"peers_known":1,"why":"","lookup":)" +
                kLookupJson + "}");
}

TEST(EventJson, found_and_fetched) {
  FoundContent found;
  found.content = content();
  EXPECT_EQ(event_json({7, found}),
            R"({"event":"found","schema":"rondo.event/1","request":7,"content":)" + kContentJson + R"(,"notes":[]})");
  Fetched fetched;
  fetched.content = content();
  fetched.path = "/tmp/a";
  fetched.skipped = 3;
  fetched.lookup = lookup();
  EXPECT_EQ(event_json({7, fetched}),
            R"({"event":"fetched","schema":"rondo.event/1","request":7,"path":"/tmp/a","content":)" + kContentJson +
                R"(,"skipped":3,"lookup":)" + kLookupJson + "}");
}

TEST(EventJson, what_an_interrupted_get_keeps) {
  EXPECT_EQ(event_json({7, Resumed{{100, 20}}}),
            R"({"event":"resumed","schema":"rondo.event/1","request":7,"kept":100,"checked":20})");
  EXPECT_EQ(event_json({7, Cancelled{100, "/tmp/.rondo-x.part"}}),
            R"({"event":"cancelled","schema":"rondo.event/1","request":7,"kept":100,"kept_in":"/tmp/.rondo-x.part"})");
}

TEST(EventJson, a_hybrid_names_both_hashes) {
  FoundContent found;
  found.content = content();
  found.content.has_v2 = true;
  found.content.info_hash_v2[31] = 0xff;
  const std::string expected = R"("info_hash_v2":")" + std::string(62, '0') + "ff\"";
  EXPECT_NE(event_json({7, found}).find(expected), std::string::npos);
}

TEST(EventJson, transferring) {
  EXPECT_EQ(event_json({7, Transferring{{1, 2, 3, 4, 5, 6}}}),
            R"({"event":"transferring","schema":"rondo.event/1","request":7,"done":1,"total":2,)"
            R"("down_per_second":3,"up_per_second":4,"uploaded":5,"peers":6})");
}

TEST(EventJson, ring_answer) {
  RingAnswer answer;
  answer.lookup = lookup();
  answer.replicas = {{contact(2), true, "", 4}};
  answer.peers = {Endpoint::v4(192, 0, 2, 1, 6881)};
  EXPECT_EQ(event_json({7, answer}), R"({"event":"ring_answer","schema":"rondo.event/1","request":7,"lookup":)" +
                                         kLookupJson + R"(,"replicas":[{"id":")" + kId2 +
                                         R"(","endpoint":"127.0.0.2:7400","answered":true,"peers":4}],)" +
                                         R"("peers":["192.0.2.1:6881"]})");
}

TEST(EventJson, a_failed_lookup_says_why) {
  RingAnswer answer;
  answer.lookup.failure = dht::LookupFailure::kNoContacts;
  const auto json = nlohmann::json::parse(event_json({7, answer}));
  EXPECT_FALSE(json["lookup"]["found"].get<bool>());
  EXPECT_EQ(json["lookup"]["failure"], dht::describe(dht::LookupFailure::kNoContacts));
  EXPECT_TRUE(json["lookup"]["owner"].is_null());
}

Status status() {
  Status out;
  out.role = dht::Role::kMember;
  out.reason = "began a ring";
  out.network = "rondo/1";
  out.self = contact(1);
  out.predecessor = contact(2);
  out.successors = {contact(2)};
  out.stored_keys = 1;
  out.stored_announcements = 2;
  out.ring_size_estimate = 2;
  out.ring_size_exact = true;
  return out;
}

TEST(EventJson, status_and_listening) {
  const std::string self = std::string(R"({"id":")") + kId1 + R"(","endpoint":"127.0.0.1:7400"})";
  const std::string other = std::string(R"({"id":")") + kId2 + R"(","endpoint":"127.0.0.2:7400"})";
  EXPECT_EQ(event_json({7, status()}),
            R"({"event":"status","schema":"rondo.event/1","request":7,"role":"member","reason":"began a ring",)"
            R"("network":"rondo/1","self":)" +
                self + R"(,"predecessor":)" + other + R"(,"successors":[)" + other +
                R"(],"fingers":[],"stored_keys":1,"stored_announcements":2,"ring_size_estimate":2.0,)"
                R"("ring_size_exact":true,"transfer_port":0})");
  EXPECT_EQ(listening_json(status()),
            std::string(R"({"event":"listening","schema":"rondo.event/1","endpoint":"127.0.0.1:7400","id":")") + kId1 +
                R"(","network":"rondo/1","role":"member"})");
}

TEST(EventJson, role_answers_nobody_so_it_has_no_request) {
  EXPECT_EQ(event_json({0, RoleChangedNow{dht::Role::kJoining, "why"}}),
            R"({"event":"role","schema":"rondo.event/1","role":"joining","reason":"why"})");
}

TEST(EventJson, cancelled_and_errors) {
  EXPECT_EQ(event_json({7, Cancelled{}}), R"({"event":"cancelled","schema":"rondo.event/1","request":7})");
  EXPECT_EQ(event_json({7, Failed{{Code::kExists, "'x' is there"}}}),
            R"({"event":"error","schema":"rondo.event/1","request":7,"code":10,"sentence":"'x' is there"})");
  EXPECT_EQ(error_json({Code::kUsage, "no"}), R"({"event":"error","schema":"rondo.event/1","code":2,"sentence":"no"})");
}

TEST(EventJson, names_cannot_steer_a_terminal_or_break_a_line) {
  FoundContent found;
  found.content.name = "a\n\x1b[31m\xe2\x80\xae\x7f\xc3\xa4";
  const std::string line = event_json({7, found});
  for (const char c : line) EXPECT_TRUE(c >= ' ' && c < 0x7f) << line;
  EXPECT_EQ(nlohmann::json::parse(line)["content"]["name"], found.content.name);
}

TEST(EventJson, names_that_are_no_utf8_keep_their_bytes) {
  Fetched fetched;
  fetched.path = "/tmp/\xff";
  const auto json = nlohmann::json::parse(event_json({7, fetched}));
  EXPECT_EQ(json["path"], "/tmp/\\xff");
  EXPECT_EQ(json["path_hex"], "2f746d702fff");
  EXPECT_NO_THROW(error_json({Code::kFailed, "\xff"}));
}

// --- JSON-RPC --------------------------------------------------------------------------------------------------------

const std::string kKey(40, 'a');

TEST(ParseRpc, lookup) {
  const auto call = parse_rpc(R"({"jsonrpc":"2.0","id":1,"method":"lookup","params":{"key":")" + kKey +
                              R"(","kind":"read","peers":true}})");
  ASSERT_TRUE(call);
  EXPECT_EQ(call.value().id, "1");
  const auto& request = std::get<LookupRequest>(call.value().request);
  EXPECT_EQ(request.key.hex(), kKey);
  EXPECT_EQ(request.kind, dht::LookupKind::kRead);
  EXPECT_TRUE(request.peers);
}

TEST(ParseRpc, lookup_has_defaults) {
  const auto call = parse_rpc(R"({"jsonrpc":"2.0","id":"a","method":"lookup","params":{"key":")" + kKey + R"("}})");
  ASSERT_TRUE(call);
  EXPECT_EQ(call.value().id, "\"a\"");
  const auto& request = std::get<LookupRequest>(call.value().request);
  EXPECT_EQ(request.kind, dht::LookupKind::kOwner);
  EXPECT_FALSE(request.peers);
}

TEST(ParseRpc, status_and_notifications) {
  const auto call = parse_rpc(R"({"jsonrpc":"2.0","method":"status"})");
  ASSERT_TRUE(call);
  EXPECT_EQ(call.value().id, "");
  EXPECT_TRUE(std::holds_alternative<StatusRequest>(call.value().request));
  EXPECT_TRUE(parse_rpc(R"({"jsonrpc":"2.0","id":null,"method":"status","params":{}})"));
}

int code_of_refusal(std::string_view line) {
  const auto call = parse_rpc(line);
  if (call) return 0;
  const auto json = nlohmann::json::parse(call.error());
  EXPECT_EQ(json["jsonrpc"], "2.0");
  EXPECT_TRUE(json.contains("id"));
  EXPECT_FALSE(json["error"]["message"].get<std::string>().empty());
  return json["error"]["code"].get<int>();
}

TEST(ParseRpc, refuses_what_it_does_not_know) {
  EXPECT_EQ(code_of_refusal(""), -32700);
  EXPECT_EQ(code_of_refusal("hello"), -32700);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":1)"), -32700);
  EXPECT_EQ(code_of_refusal(std::string("\xff\xfe", 2)), -32700);
  EXPECT_EQ(code_of_refusal("[]"), -32600);
  EXPECT_EQ(code_of_refusal("5"), -32600);
  EXPECT_EQ(code_of_refusal("{}"), -32600);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"1.0","id":1,"method":"status"})"), -32600);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":2,"id":1,"method":"status"})"), -32600);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":1,"method":7})"), -32600);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":{},"method":"status"})"), -32600);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":1,"method":"explode"})"), -32601);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":1,"method":"status","params":[]})"), -32602);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":1,"method":"status","params":{"x":1}})"), -32602);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":1,"method":"lookup"})"), -32602);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":1,"method":"lookup","params":{"key":"xyz"}})"), -32602);
  EXPECT_EQ(code_of_refusal(R"({"jsonrpc":"2.0","id":1,"method":"lookup","params":{"key":7}})"), -32602);
  const std::string key = R"({"jsonrpc":"2.0","id":1,"method":"lookup","params":{"key":")" + kKey + "\"";
  EXPECT_EQ(code_of_refusal(key + R"(,"kind":"any"}})"), -32602);
  EXPECT_EQ(code_of_refusal(key + R"(,"peers":1}})"), -32602);
  EXPECT_EQ(code_of_refusal(key + R"(,"extra":1}})"), -32602);
}

TEST(ParseRpc, deep_nesting_is_refused) {
  const std::string deep(30'000, '[');
  EXPECT_EQ(code_of_refusal(deep), -32700);
  EXPECT_EQ(
      code_of_refusal(R"({"jsonrpc":"2.0","id":1,"method":"status","params":)" + deep + std::string(30'000, ']') + "}"),
      -32700);
}

TEST(RpcAnswer, carries_the_fields_of_the_event) {
  RingAnswer answer;
  answer.lookup = lookup();
  EXPECT_EQ(rpc_answer("1", answer),
            R"({"jsonrpc":"2.0","id":1,"result":{"lookup":)" + kLookupJson + R"(,"replicas":[],"peers":[]}})");
  const auto json = nlohmann::json::parse(rpc_answer("\"a\"", status()));
  EXPECT_EQ(json["id"], "a");
  EXPECT_EQ(json["result"]["role"], "member");
}

TEST(RpcAnswer, a_failure_is_an_error_with_our_exit_code) {
  EXPECT_EQ(rpc_answer("1", Failed{{Code::kNetwork, "no ring"}}),
            R"({"jsonrpc":"2.0","id":1,"error":{"code":6,"message":"no ring"}})");
  EXPECT_EQ(rpc_error("", RpcError::kBusy, "busy"),
            R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"busy"}})");
}

}  // namespace
}  // namespace rondo::control
