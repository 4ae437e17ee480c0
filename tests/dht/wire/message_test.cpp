#include "dht/wire/messages/message.hpp"

#include <gtest/gtest.h>

#include <set>

#include "dht/base/limits.hpp"
#include "tests/dht/wire/samples.hpp"

namespace rondo::dht::wire::test {
namespace {

constexpr Family kFamilies[] = {Family::kV4, Family::kV6};

template <class Check>
void for_each_method(Check check) {
  for (std::size_t i = 0; i < kMethods; ++i) check(static_cast<Method>(i));
}

QueryBody body_of(Method method) {
  const std::array<QueryBody, kMethods> bodies = {Ping{},   FindSuccessor{}, Neighbors{},
                                                  Notify{}, GetPeers{},      AnnouncePeer{RingId{}, 6881, false}};
  return bodies[static_cast<std::size_t>(method)];
}

TEST(Message, methods_have_distinct_names) {
  std::set<std::string_view> names;
  for_each_method([&names](Method method) { names.insert(name_of(method)); });
  EXPECT_EQ(names, (std::set<std::string_view>{"ping", "find_successor", "neighbors", "notify", "get_peers",
                                               "announce_peer"}));
}

TEST(Message, bodies_stand_in_the_order_of_the_methods) {
  EXPECT_EQ(method_of(QueryBody{GetPeers{}}), Method::kGetPeers);
  EXPECT_EQ(method_of(ReplyBody{GetPeersReply{}}), Method::kGetPeers);
  EXPECT_EQ(method_of(QueryBody{AnnouncePeer{}}), Method::kAnnouncePeer);
  EXPECT_EQ(method_of(ReplyBody{AnnouncePeerReply{}}), Method::kAnnouncePeer);
  for_each_method([](Method method) { EXPECT_EQ(method_of(body_of(method)), method); });
}

TEST(Message, only_methods_that_change_state_need_a_token) {
  for_each_method([](Method method) {
    EXPECT_EQ(needs_token(method), method == Method::kNotify || method == Method::kAnnouncePeer) << name_of(method);
  });
}

TEST(Message, header_is_found_in_every_kind) {
  Header header;
  header.read_only = true;
  EXPECT_EQ(header_of(Query{header, {}, {}, 0, Ping{}}), header);
  EXPECT_EQ(header_of(Reply{header, {}, {}, {}, PingReply{}}), header);
  EXPECT_EQ(header_of(Error{header, 201, ""}), header);
}

TEST(Message, sizes_of_bare_messages) {
  // The table of docs/protocol.md, by hand: d 1:a d 2:id20:.. e 1:n4:.. 1:q4:ping 1:t8:.. 1:v4:.. 1:y1:q e
  Query ping = sample_query(Ping{});
  ping.token.reset();
  EXPECT_EQ(encoded_size(ping, Family::kV4), 1u + 3 + 1 + 4 + 23 + 1 + 9 + 9 + 13 + 9 + 6 + 1);
  EXPECT_EQ(encoded_size(ping, Family::kV6), encoded_size(ping, Family::kV4));
  const std::size_t bare = encoded_size(ping, Family::kV4);
  ping.header.read_only = true;
  EXPECT_EQ(encoded_size(ping, Family::kV4), bare + 7);
  ping.token = Token{};
  EXPECT_EQ(encoded_size(ping, Family::kV4), bare + 7 + 17);
  ping.pad = 1;
  EXPECT_EQ(encoded_size(ping, Family::kV4), bare + 7 + 17 + 8);
}

TEST(Message, the_largest_answers_fit_a_datagram) {
  for (const Family family : kFamilies)
    for_each_method(
        [family](Method method) { EXPECT_LE(largest_reply(method, family), limits::kDatagram) << name_of(method); });
  // The table of docs/protocol.md.
  const auto table = [](Family family) {
    std::array<std::size_t, kMethods> sizes{};
    for_each_method([&sizes, family](Method m) { sizes[static_cast<std::size_t>(m)] = largest_reply(m, family); });
    return sizes;
  };
  EXPECT_EQ(table(Family::kV4), (std::array<std::size_t, kMethods>{113, 373, 581, 113, 379, 113}));
  EXPECT_EQ(table(Family::kV6), (std::array<std::size_t, kMethods>{126, 495, 799, 126, 808, 126}));
}

TEST(Message, the_largest_answers_are_the_full_ones) {
  for (const Family family : kFamilies) {
    const auto size = [family](ReplyBody body) {
      Reply reply = sample_reply(std::move(body), family);
      reply.header.read_only = true;
      return encoded_size(reply, family);
    };
    EXPECT_EQ(largest_reply(Method::kPing, family), size(PingReply{}));
    EXPECT_EQ(largest_reply(Method::kFindSuccessor, family),
              size(FindSuccessorReply{true, sample_contact(9, family), sample_contacts(8, family)}));
    EXPECT_EQ(largest_reply(Method::kNeighbors, family),
              size(NeighborsReply{sample_contact(9, family), false, true, sample_contacts(16, family)}));
    EXPECT_EQ(largest_reply(Method::kGetPeers, family),
              size(GetPeersReply{std::vector<Endpoint>(32, sample_contact(1, family).endpoint)}));
  }
}

TEST(Message, an_asker_without_token_can_ask_for_every_largest_answer) {
  for (const Family family : kFamilies)
    for_each_method([family](Method method) {
      Query query = sample_query(body_of(method));
      query.token.reset();
      pad_to(query, largest_reply(method, family), family);
      EXPECT_GE(encoded_size(query, family), largest_reply(method, family)) << name_of(method);
      EXPECT_LE(encoded_size(query, family), limits::kDatagram) << name_of(method);
    });
}

/// The definition, by trying every pad.
std::size_t best_size(Query query, std::size_t wanted, Family family) {
  std::size_t best = 0;
  for (std::uint16_t pad = 0; pad <= limits::kDatagram; ++pad) {
    query.pad = pad;
    const std::size_t size = encoded_size(query, family);
    if (size > limits::kDatagram) break;
    best = size;
    if (size >= wanted) break;
  }
  return best;
}

TEST(PadTo, takes_the_smallest_size_that_is_enough) {
  for_each_method([](Method method) {
    Query query = sample_query(body_of(method));
    for (std::size_t wanted = 0; wanted <= limits::kDatagram + 50; ++wanted) {
      query.pad = 777;  // an earlier pad does not count
      pad_to(query, wanted, Family::kV4);
      ASSERT_EQ(encoded_size(query, Family::kV4), best_size(query, wanted, Family::kV4))
          << name_of(method) << " padded to " << wanted;
    }
  });
}

TEST(PadTo, leaves_a_query_that_is_long_enough) {
  Query query = sample_query(Ping{});
  const std::size_t bare = encoded_size(query, Family::kV4);
  pad_to(query, bare, Family::kV4);
  EXPECT_EQ(query.pad, 0);
  pad_to(query, bare + 1, Family::kV4);
  EXPECT_EQ(query.pad, 1);
  pad_to(query, bare + 8, Family::kV4);
  EXPECT_EQ(query.pad, 1);
  pad_to(query, bare + 9, Family::kV4);
  EXPECT_EQ(query.pad, 2);
  pad_to(query, bare + 17, Family::kV4);  // 9 zeros make 16, 10 make 18: 17 can't be had
  EXPECT_EQ(query.pad, 10);
}

TEST(ListHash, differs_when_the_list_does) {
  const auto contacts = sample_contacts(3, Family::kV4);
  std::set<std::uint64_t> seen;
  const auto is_new = [&seen](std::uint64_t hash) { return hash != 0 && seen.insert(hash).second; };
  EXPECT_TRUE(is_new(list_hash({}, false)));
  EXPECT_TRUE(is_new(list_hash({}, true)));
  EXPECT_TRUE(is_new(list_hash(contacts, false)));
  EXPECT_TRUE(is_new(list_hash(contacts, true)));
  EXPECT_TRUE(is_new(list_hash(sample_contacts(2, Family::kV4), true)));
  EXPECT_TRUE(is_new(list_hash(sample_contacts(3, Family::kV6), true)));
  auto changed = contacts;
  changed[2].endpoint.port ^= 0x100;
  EXPECT_TRUE(is_new(list_hash(changed, true)));
  changed = contacts;
  changed[0].id.bytes[19] ^= 1;
  EXPECT_TRUE(is_new(list_hash(changed, true)));
  changed = contacts;
  std::swap(changed[0], changed[1]);
  EXPECT_TRUE(is_new(list_hash(changed, true)));
}

TEST(ListHash, is_the_same_on_every_machine) {
  EXPECT_EQ(list_hash({}, false), 0xaf63bd4c8601b7dfu);  // FNV-1a of one zero byte
  EXPECT_EQ(list_hash({}, true), 0xaf63bc4c8601b62cu);   // FNV-1a of one byte 01
  EXPECT_EQ(list_hash(sample_contacts(2, Family::kV4), true), list_hash(sample_contacts(2, Family::kV4), true));
}

TEST(EncodedSize, refuses_what_the_structs_forbid) {
  const auto size = [](ReplyBody body) {
    return encoded_size(sample_reply(std::move(body), Family::kV4), Family::kV4);
  };
  const Contact contact = sample_contact(1, Family::kV4);
  EXPECT_DEATH(size(FindSuccessorReply{false, contact, {}}), "broken invariant");
  EXPECT_DEATH(size(FindSuccessorReply{true, {}, sample_contacts(9, Family::kV4)}), "broken invariant");
  EXPECT_DEATH(size(NeighborsReply{{}, true, false, {contact}}), "broken invariant");
  EXPECT_DEATH(size(NeighborsReply{{}, false, false, sample_contacts(17, Family::kV4)}), "broken invariant");
  EXPECT_DEATH(size(GetPeersReply{std::vector<Endpoint>(33)}), "broken invariant");
  EXPECT_DEATH(encoded_size(sample_query(AnnouncePeer{}), Family::kV4), "broken invariant");
  EXPECT_DEATH(encoded_size(Error{{}, 201, std::string(65, 'x')}, Family::kV4), "broken invariant");
}

}  // namespace
}  // namespace rondo::dht::wire::test
