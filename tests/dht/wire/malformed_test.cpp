// Datagrams made wrong by hand, each with the error that it gets, and datagrams that look odd and are fine.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "dht/base/limits.hpp"
#include "dht/wire/codec/codec.hpp"
#include "tests/dht/wire/samples.hpp"

namespace rondo::dht::wire::test {
namespace {

const std::string kId = "2:id20:asker-id-20-bytes---";
const std::string kTokenField = "5:token8:token-8b";
const std::string kHash = "9:info_hash20:key-or-info-hash-20b";

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out.push_back(static_cast<char>(value));
  return out;
}
const std::string kTail = "1:t8:trans-011:v4:RO" + bytes({0, 1});

std::string field(std::string_view key, std::string_view value) {
  return std::to_string(key.size()) + ":" + std::string(key) + std::to_string(value.size()) + ":" + std::string(value);
}

std::string query(const std::string& method, const std::string& arguments) {
  return "d1:ad" + arguments + "e1:n4:ABCD" + field("q", method) + kTail + "1:y1:qe";
}

const std::string kIp4 = bytes({198, 51, 100, 200, 0x1a, 0xe1});
const std::string kIp6 = bytes({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x1a, 0xe1});
const std::string kContact4 = "contact-id-20-by-001" + kIp4;
const std::string kContact6 = "contact-id-20-by-001" + kIp6;

std::string reply_from(const std::string& ip, const std::string& method, const std::string& values) {
  return "d" + field("ip", ip) + "1:mi" + method + "e1:n4:ABCD1:rd" + values + "e" + kTail + "1:y1:re";
}
std::string reply(int method, const std::string& before_token, const std::string& after_token = "") {
  return reply_from(kIp4, std::to_string(method), kId + before_token + kTokenField + after_token);
}
std::string error(const std::string& list) { return "d1:e" + list + "1:n4:ABCD" + kTail + "1:y1:ee"; }

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

struct Case {
  const char* name;
  std::string datagram;
  DecodeError error;
  /// Whether the failure lets the caller answer: only queries with a good envelope.
  bool answerable = false;
  Family family = Family::kV4;
};

std::vector<Case> bencode_cases() {
  const std::string ping = query("ping", kId);
  return {
      {"empty", "", DecodeError::kNotBencode},
      {"text", "hello", DecodeError::kNotBencode},
      {"zeros", std::string(100, '\0'), DecodeError::kNotBencode},
      {"unclosed", "d1:a", DecodeError::kNotBencode},
      {"string_beyond_the_end", "d1:a9999999999:xe", DecodeError::kNotBencode},
      {"string_length_overflow", "d1:a99999999999999999999999:xe", DecodeError::kNotBencode},
      {"negative_string", "d1:a-1:xe", DecodeError::kNotBencode},
      {"integer_key", "di1ei2ee", DecodeError::kNotBencode},
      {"key_without_value", "d1:ae", DecodeError::kNotBencode},
      {"too_long", query("ping", kId + field("pad", std::string(limits::kDatagram, '\0'))), DecodeError::kTooLong},
      {"too_long_and_hostile", std::string(limits::kDatagram + 1, 'd'), DecodeError::kTooLong},
      {"deep_lists", "d1:a" + repeated("l", 500) + repeated("e", 500) + "e", DecodeError::kTooDeep},
      {"deep_dictionaries", repeated("d1:a", 200) + repeated("e", 200), DecodeError::kTooDeep},
      {"deep_and_unclosed", std::string(limits::kDatagram, 'l'), DecodeError::kTooDeep},
      {"too_many_tokens", "d1:al" + repeated("0:", 500) + "ee", DecodeError::kTooManyTokens},
      {"too_many_keys", "d" + repeated("0:0:", 250) + "e", DecodeError::kTooManyTokens},
      {"trailing_byte", ping + "e", DecodeError::kTrailingBytes},
      {"two_messages", ping + ping, DecodeError::kTrailingBytes},
      {"a_list", "l" + ping + "e", DecodeError::kWrongType},
      {"a_string", "4:ping", DecodeError::kWrongType},
      {"a_number", "i42e", DecodeError::kWrongType},
  };
}

std::vector<Case> envelope_cases() {
  const std::string arguments = "d1:ad" + kId + "e";
  const auto with = [&arguments](const std::string& rest) { return arguments + rest + "e"; };
  return {
      {"empty_dictionary", "de", DecodeError::kMissingField},
      {"no_transaction", with("1:n4:ABCD1:q4:ping1:y1:q"), DecodeError::kMissingField},
      {"no_network", with("1:q4:ping1:t8:trans-011:y1:q"), DecodeError::kMissingField},
      {"no_kind", with("1:n4:ABCD1:q4:ping1:t8:trans-01"), DecodeError::kMissingField},
      {"mainline_ping", "d1:ad" + kId + "e1:q4:ping1:t2:aa1:y1:qe", DecodeError::kWrongLength},
      {"short_transaction", with("1:n4:ABCD1:q4:ping1:t7:trans-01:y1:q"), DecodeError::kWrongLength},
      {"long_network", with("1:n5:ABCDE1:q4:ping1:t8:trans-011:y1:q"), DecodeError::kWrongLength},
      {"integer_transaction", with("1:n4:ABCD1:q4:ping1:ti1e1:y1:q"), DecodeError::kWrongType},
      {"read_only_text", with("1:n4:ABCD1:q4:ping2:ro1:11:t8:trans-011:y1:q"), DecodeError::kWrongType},
      {"read_only_two", with("1:n4:ABCD1:q4:ping2:roi2e1:t8:trans-011:y1:q"), DecodeError::kOutOfRange},
      {"kind_x", with("1:n4:ABCD1:q4:ping1:t8:trans-011:y1:x"), DecodeError::kUnknownKind},
      {"kind_qq", with("1:n4:ABCD1:q4:ping1:t8:trans-011:y2:qq"), DecodeError::kUnknownKind},
      {"kind_empty", with("1:n4:ABCD1:q4:ping1:t8:trans-011:y0:"), DecodeError::kUnknownKind},
      {"kind_number", with("1:n4:ABCD1:q4:ping1:t8:trans-011:yi1e"), DecodeError::kWrongType},
      {"no_method", with("1:n4:ABCD1:t8:trans-011:y1:q"), DecodeError::kMissingField, true},
      {"method_number", with("1:n4:ABCD1:qi1e1:t8:trans-011:y1:q"), DecodeError::kWrongType, true},
      {"no_arguments", "d1:n4:ABCD1:q4:ping1:t8:trans-011:y1:qe", DecodeError::kMissingField, true},
      {"arguments_list", "d1:al20:asker-id-20-bytes---e1:n4:ABCD1:q4:ping1:t8:trans-011:y1:qe", DecodeError::kWrongType,
       true},
  };
}

std::vector<Case> query_cases() {
  const std::string target = "6:target20:key-or-info-hash-20b";
  return {
      {"unknown_method", query("vote", kId), DecodeError::kUnknownMethod, true},
      {"method_in_capitals", query("PING", kId), DecodeError::kUnknownMethod, true},
      {"method_longer", query("pings", kId), DecodeError::kUnknownMethod, true},
      {"method_empty", query("", kId), DecodeError::kUnknownMethod, true},
      {"no_id", query("ping", ""), DecodeError::kMissingField, true},
      {"short_id", query("ping", "2:id19:asker-id-20-bytes--"), DecodeError::kWrongLength, true},
      {"id_list", query("ping", "2:idle"), DecodeError::kWrongType, true},
      {"short_token", query("ping", kId + "5:token7:token-8"), DecodeError::kWrongLength, true},
      {"token_number", query("ping", kId + "5:tokeni8e"), DecodeError::kWrongType, true},
      {"pad_number", query("ping", kId + "3:padi8e"), DecodeError::kWrongType, true},
      {"no_target", query("find_successor", kId), DecodeError::kMissingField, true},
      {"long_target", query("find_successor", kId + "6:target21:key-or-info-hash-20b+"), DecodeError::kWrongLength,
       true},
      {"target_for_peers", query("get_peers", kId + target), DecodeError::kMissingField, true},
      {"short_hash", query("neighbors", "1:h7:1234567" + kId), DecodeError::kWrongLength, true},
      {"hash_number", query("neighbors", "1:hi7e" + kId), DecodeError::kWrongType, true},
      {"no_port", query("announce_peer", kId + kHash), DecodeError::kMissingField, true},
      {"port_0", query("announce_peer", kId + kHash + "4:porti0e"), DecodeError::kOutOfRange, true},
      {"port_65536", query("announce_peer", kId + kHash + "4:porti65536e"), DecodeError::kOutOfRange, true},
      {"port_negative", query("announce_peer", kId + kHash + "4:porti-1e"), DecodeError::kOutOfRange, true},
      {"port_2_to_the_64_plus_80", query("announce_peer", kId + kHash + "4:porti18446744073709551696e"),
       DecodeError::kOutOfRange, true},
      {"port_text", query("announce_peer", kId + kHash + "4:port4:6881"), DecodeError::kWrongType, true},
      {"bye_2", query("announce_peer", "3:byei2e" + kId + kHash + "4:porti80e"), DecodeError::kOutOfRange, true},
      {"bye_text", query("announce_peer", "3:bye1:1" + kId + kHash + "4:porti80e"), DecodeError::kWrongType, true},
  };
}

std::vector<Case> reply_cases() {
  const std::string plain = kId + kTokenField;
  const auto nodes = [](std::size_t count) { return field("nodes", repeated(kContact4, count)); };
  const auto values = [](const std::string& peer, std::size_t count) {
    return "6:valuesl" + repeated(std::to_string(peer.size()) + ":" + peer, count) + "e";
  };
  return {
      {"reply_unknown_method", reply(6, ""), DecodeError::kUnknownMethod},
      {"reply_negative_method", reply(-1, ""), DecodeError::kOutOfRange},
      {"reply_huge_method", reply_from(kIp4, "9223372036854775808", plain), DecodeError::kOutOfRange},
      {"reply_without_method", "d" + field("ip", kIp4) + "1:n4:ABCD1:rd" + plain + "e1:t8:trans-011:y1:re",
       DecodeError::kMissingField},
      {"reply_without_ip", "d1:mi0e1:n4:ABCD1:rd" + plain + "e1:t8:trans-011:y1:re", DecodeError::kMissingField},
      {"reply_ip_short", reply_from(kIp4.substr(1), "0", plain), DecodeError::kWrongLength},
      {"reply_ip_of_v6", reply_from(kIp6, "0", plain), DecodeError::kWrongFamily},
      {"reply_ip_of_v4", reply_from(kIp4, "0", plain), DecodeError::kWrongFamily, false, Family::kV6},
      {"reply_ip_unusable", reply_from(std::string(6, '\0'), "0", plain), DecodeError::kOutOfRange},
      {"reply_without_values", "d" + field("ip", kIp4) + "1:mi0e1:n4:ABCD1:t8:trans-011:y1:re",
       DecodeError::kMissingField},
      {"reply_without_id", reply_from(kIp4, "0", kTokenField), DecodeError::kMissingField},
      {"reply_without_token", reply_from(kIp4, "0", kId), DecodeError::kMissingField},
      {"step_9_contacts", reply(1, nodes(9)), DecodeError::kTooManyEntries},
      {"step_half_a_contact", reply(1, field("nodes", kContact4 + kContact4.substr(0, 13))), DecodeError::kWrongLength},
      {"step_nodes6_in_v4", reply(1, field("nodes6", kContact6)), DecodeError::kWrongFamily},
      {"step_both_families", reply(1, nodes(1) + field("nodes6", kContact6)), DecodeError::kWrongFamily},
      {"step_nodes_list", reply(1, "5:nodesle"), DecodeError::kWrongType},
      {"step_covers_2", reply_from(kIp4, "1", "1:ci2e" + plain), DecodeError::kOutOfRange},
      {"step_previous_of_v6", reply(1, field("prev", kContact6)), DecodeError::kWrongFamily},
      {"step_previous_short", reply(1, field("prev", "contact")), DecodeError::kWrongLength},
      {"neighbors_17_contacts", reply(2, nodes(17)), DecodeError::kTooManyEntries},
      {"neighbors_predecessor_twice", reply(2, field("p", kContact4 + kContact4)), DecodeError::kWrongLength},
      {"neighbors_predecessor_of_v6", reply(2, field("p", kContact6)), DecodeError::kWrongFamily},
      {"neighbors_same_text", reply(2, "4:same1:1"), DecodeError::kWrongType},
      {"peers_33", reply(4, "", values(kIp4, 33)), DecodeError::kTooManyEntries},
      {"peers_of_v6", reply(4, "", values(kIp6, 2)), DecodeError::kWrongFamily},
      {"peers_short", reply(4, "", values("12345", 1)), DecodeError::kWrongLength},
      {"peers_numbers", reply(4, "", "6:valuesli1ee"), DecodeError::kWrongType},
      {"peers_dictionary", reply(4, "", "6:valuesde"), DecodeError::kWrongType},
  };
}

std::vector<Case> error_cases() {
  return {
      {"error_missing", "d1:n4:ABCD1:t8:trans-011:y1:ee", DecodeError::kMissingField},
      {"error_text_only", error("7:generic"), DecodeError::kWrongType},
      {"error_empty_list", error("le"), DecodeError::kWrongLength},
      {"error_code_only", error("li201ee"), DecodeError::kWrongLength},
      {"error_three_items", error("li201e1:xi1ee"), DecodeError::kTooManyEntries},
      {"error_code_text", error("l3:2011:xe"), DecodeError::kWrongType},
      {"error_text_number", error("li201ei1ee"), DecodeError::kWrongType},
      {"error_code_65536", error("li65536e1:xe"), DecodeError::kOutOfRange},
      {"error_code_negative", error("li-1e1:xe"), DecodeError::kOutOfRange},
  };
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& some : {bencode_cases(), envelope_cases(), query_cases(), reply_cases(), error_cases()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

TEST(Malformed, every_case_gets_its_error) {
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.name);
    const auto decoded = decode(as_bytes(each.datagram), each.family);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().error, each.error)
        << to_string(decoded.error().error) << " instead of " << to_string(each.error);
    ASSERT_EQ(decoded.error().header.has_value(), each.answerable);
    if (each.answerable) {
      EXPECT_EQ(to_hex(decoded.error().header->transaction), to_hex(as_bytes("trans-01")));
      EXPECT_EQ(to_hex(decoded.error().header->network), to_hex(as_bytes("ABCD")));
    }
  }
}

TEST(Malformed, every_error_occurs_and_has_words) {
  std::vector<bool> seen(static_cast<std::size_t>(DecodeError::kUnknownMethod) + 1);
  for (const Case& each : cases()) seen[static_cast<std::size_t>(each.error)] = true;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_TRUE(seen[i]) << to_string(static_cast<DecodeError>(i));
    EXPECT_NE(to_string(static_cast<DecodeError>(i)), "unknown error");
  }
}

TEST(Malformed, the_fuzz_corpus_has_every_case) {
  for (const Case& each : cases()) {
    const std::string path = std::string("tests/fuzz/corpus/decode/malformed_") + each.name + ".bin";
    if (std::getenv("UPDATE_GOLDEN")) std::ofstream(path, std::ios::binary) << each.datagram;
    std::ifstream file(path, std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), each.datagram) << path;
  }
}

// --- odd, and fine --------------------------------------------------------------------------------------------------

Message accepted(const std::string& datagram, Family family = Family::kV4) {
  const auto decoded = decode(as_bytes(datagram), family);
  EXPECT_TRUE(decoded.ok()) << to_string(decoded.error().error);
  return decoded.ok() ? decoded.value() : Message{};
}

template <class Body>
Body reply_body(const std::string& datagram) {
  const Message message = accepted(datagram);
  const auto* reply = std::get_if<Reply>(&message);
  if (reply == nullptr || !std::holds_alternative<Body>(reply->body)) {
    ADD_FAILURE() << "not the answer that was expected";
    return {};
  }
  return std::get<Body>(reply->body);
}

TEST(Liberal, unknown_keys_are_ignored) {
  const Message plain = accepted(query("ping", kId));
  EXPECT_EQ(accepted(query("ping", "3:fooli1ei2ee" + kId + "4:zoned1:xi1ee")), plain);
  EXPECT_EQ(accepted("d1:ad" + kId + "e1:n4:ABCD1:q4:ping" + kTail + "1:y1:q3:zzz1:ze"), plain);
}

TEST(Liberal, keys_may_come_in_any_order_and_the_first_of_two_counts) {
  const Message plain = accepted(query("ping", kId));
  EXPECT_EQ(accepted("d1:y1:q1:t8:trans-011:q4:ping1:n4:ABCD1:ad" + kId + "ee"), plain);
  EXPECT_EQ(accepted("d1:y1:q1:y1:r1:t8:trans-011:q4:ping1:n4:ABCD1:ad" + kId + "ee"), plain);
}

TEST(Liberal, the_version_is_not_read) {
  const Message plain = accepted(query("ping", kId));
  for (const char* version : {"", "1:v0:", "1:v9:something", "1:vi7e", "1:vle"})
    EXPECT_EQ(accepted("d1:ad" + kId + "e1:n4:ABCD1:q4:ping1:t8:trans-01" + version + "1:y1:qe"), plain);
}

TEST(Liberal, numbers_may_have_leading_zeros_and_false_may_be_said) {
  const Message plain = accepted(query("announce_peer", kId + kHash + "4:porti80e"));
  EXPECT_EQ(accepted(query("announce_peer", kId + kHash + "4:porti0080e")), plain);
  EXPECT_EQ(accepted(query("announce_peer", "3:byei0e" + kId + kHash + "4:porti80e")), plain);
  EXPECT_EQ(accepted(query("neighbors", field("h", std::string(8, '\0')) + kId)), accepted(query("neighbors", kId)));
}

TEST(Liberal, pad_is_measured_and_not_read) {
  const auto pad_of = [](const std::string& content) {
    return std::get<Query>(accepted(query("ping", kId + field("pad", content)))).pad;
  };
  EXPECT_EQ(pad_of(""), 0);
  EXPECT_EQ(pad_of("not zeros at all"), 16);
  EXPECT_EQ(pad_of(std::string(1000, '\0')), 1000);
}

TEST(Liberal, long_error_texts_are_cut) {
  const auto error_of = [](const std::string& list) { return std::get<Error>(accepted(error(list))); };
  EXPECT_EQ(error_of("li201e" + std::to_string(200) + ":" + std::string(200, 'x') + "e").text,
            std::string(limits::kErrorText, 'x'));
  EXPECT_EQ(error_of("li0e0:e").code, 0);
  EXPECT_EQ(error_of("li65535e0:e").code, 65535);
}

std::string contact_at(std::initializer_list<int> address_and_port) {
  return "contact-id-20-by-666" + bytes(address_and_port);
}

TEST(Liberal, contacts_that_no_host_can_own_are_dropped) {
  const std::string bad = contact_at({198, 51, 100, 1, 0, 0}) + contact_at({0, 0, 0, 0, 1, 1}) +
                          contact_at({224, 0, 0, 1, 1, 1}) + contact_at({255, 255, 255, 255, 1, 1});
  const auto step = reply_body<FindSuccessorReply>(reply(1, field("nodes", bad + kContact4 + bad.substr(0, 78))));
  ASSERT_EQ(step.contacts.size(), 1u);
  EXPECT_EQ(step.contacts[0].endpoint.text(), "198.51.100.200:6881");

  const auto neighbors =
      reply_body<NeighborsReply>(reply(2, field("nodes", bad) + field("p", contact_at({127, 0, 0, 1, 0, 0}))));
  EXPECT_TRUE(neighbors.successors.empty());
  EXPECT_FALSE(neighbors.predecessor);

  const auto peers =
      reply_body<GetPeersReply>(reply(4, "", "6:valuesl6:" + bytes({1, 2, 3, 4, 0, 0}) + "6:" + kIp4 + "e"));
  ASSERT_EQ(peers.peers.size(), 1u);
  EXPECT_EQ(peers.peers[0].text(), "198.51.100.200:6881");
}

TEST(Liberal, a_list_that_is_unchanged_is_empty_and_only_a_covering_step_has_a_previous) {
  const auto neighbors = reply_body<NeighborsReply>(reply(2, field("nodes", kContact4) + "4:samei1e"));
  EXPECT_TRUE(neighbors.unchanged);
  EXPECT_TRUE(neighbors.successors.empty());
  EXPECT_FALSE(reply_body<FindSuccessorReply>(reply(1, field("prev", kContact4))).previous);
  EXPECT_TRUE(
      reply_body<FindSuccessorReply>(reply_from(kIp4, "1", "1:ci1e" + kId + field("prev", kContact4) + kTokenField))
          .previous);
}

TEST(Encode, refuses_what_would_not_be_understood) {
  Query padded = sample_query(Ping{});
  padded.pad = limits::kDatagram;
  EXPECT_DEATH(encode(padded, Family::kV4), "broken invariant");
  EXPECT_DEATH(encode(sample_reply(PingReply{}, Family::kV6), Family::kV4), "broken invariant");
  const ReplyBody foreign = FindSuccessorReply{false, {}, sample_contacts(1, Family::kV6)};
  EXPECT_DEATH(encode(sample_reply(foreign, Family::kV4), Family::kV4), "broken invariant");
}

}  // namespace
}  // namespace rondo::dht::wire::test
