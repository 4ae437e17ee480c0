#include "dht/net/udp_driver.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "dht/base/limits.hpp"
#include "dht/net/limits.hpp"
#include "tests/dht/net/net_lab.hpp"

namespace rondo::dht::test {
namespace {

/// Sends one query and waits for what comes back; none within `most`.
std::optional<wire::Message> ask(NetLab& lab, const RawSocket& socket, const Endpoint& to, const wire::Query& query,
                                 std::chrono::milliseconds most = 2s) {
  socket.send(to, wire::encode(query, lab.family()));
  std::optional<Bytes> datagram;
  lab.until([&] { return (datagram = socket.receive()).has_value(); }, most);
  if (!datagram) return std::nullopt;
  auto message = wire::decode(*datagram, lab.family());
  if (!message) return std::nullopt;
  return *message;
}

bool answers_ping(NetLab& lab, const RawSocket& socket, const Host& host) {
  return ask(lab, socket, host.at(), query_of(wire::Method::kPing, lab.network(), lab.family(), true)).has_value();
}

TEST(UdpDriver, a_bootstrap_node_alone_is_a_member_and_answers) {
  NetLab lab;
  Host& first = lab.first();
  EXPECT_EQ(first.node().role(), Role::kMember);
  EXPECT_NE(first.at().port, 0);
  const RawSocket stranger;
  const auto answer = ask(lab, stranger, first.at(), query_of(wire::Method::kPing, lab.network(), Family::kV4, true));
  ASSERT_TRUE(answer);
  const auto& reply = std::get<wire::Reply>(*answer);
  EXPECT_EQ(reply.observed, stranger.at());
  EXPECT_EQ(reply.sender, first.node().self().id);
  EXPECT_FALSE(reply.header.read_only);
}

TEST(UdpDriver, two_nodes_find_each_other) {
  NetLab lab;
  Host& first = lab.first();
  Host& second = lab.join(first);
  ASSERT_TRUE(lab.until([&] { return lab.one_ring(); }));
  EXPECT_EQ(second.node().ring().successors().head(), first.node().self());
  EXPECT_EQ(first.node().ring().predecessor(), second.node().self());
  const auto& last = std::get<RoleChanged>(second.events.back());
  EXPECT_EQ(last.role, Role::kMember);
}

TEST(UdpDriver, five_nodes_form_one_ring_and_name_the_true_owner) {
  NetLab lab;
  Host& first = lab.first();
  for (int i = 1; i < 5; ++i) lab.join(first);
  ASSERT_TRUE(lab.until([&] { return lab.one_ring(); }));
  std::vector<Contact> members;
  for (const auto& host : lab.hosts()) members.push_back(host->node().self());
  std::sort(members.begin(), members.end());
  for (int i = 0; i < 50; ++i) {
    Host& asker = *lab.hosts()[static_cast<std::size_t>(i) % 5];
    const RingId key = random_id();
    const OperationId operation = asker.driver->look_up(key, LookupKind::kOwner);
    ASSERT_TRUE(lab.until([&] { return asker.answer<LookupFinished>(operation) != nullptr; }));
    const LookupResult& result = asker.answer<LookupFinished>(operation)->result;
    auto owner = std::find_if(members.begin(), members.end(), [&](const Contact& m) { return !(m.id < key); });
    if (owner == members.end()) owner = members.begin();
    ASSERT_TRUE(result.found());
    EXPECT_EQ(*result.owner, *owner);
  }
}

TEST(UdpDriver, what_one_announces_another_finds) {
  NetLab lab;
  Host& first = lab.first();
  Host& sharer = lab.join(first);
  ASSERT_TRUE(lab.until([&] { return lab.one_ring(); }));
  const RingId key = random_id();
  const OperationId write = sharer.driver->announce(key, 4711, false);
  ASSERT_TRUE(lab.until([&] { return sharer.answer<Announced>(write) != nullptr; }));
  EXPECT_EQ(sharer.answer<Announced>(write)->held, 2u);
  Host& client = lab.host();
  client.driver->add_contact(first.at());
  const OperationId read = client.driver->get_peers(key);
  ASSERT_TRUE(lab.until([&] { return client.answer<PeersRead>(read) != nullptr; }));
  EXPECT_EQ(client.answer<PeersRead>(read)->peers, std::vector<Endpoint>{loopback(Family::kV4, 4711)});
}

TEST(UdpDriver, a_client_on_all_addresses_can_ask_a_loopback_ring) {
  // Whatever addresses this machine has, public ones among them: a client is nobody before it is told who it is.
  NetLab lab;
  Host& first = lab.first();
  UdpDriverConfig config = lab.config(lab.network());
  config.listen = Endpoint::v4(0, 0, 0, 0, 0);
  Host& client = lab.host(config);
  client.driver->add_contact(first.at());
  const OperationId operation = client.driver->look_up(random_id(), LookupKind::kOwner);
  ASSERT_TRUE(lab.until([&] { return client.answer<LookupFinished>(operation) != nullptr; }));
  EXPECT_EQ(client.answer<LookupFinished>(operation)->result.owner, first.node().self());
  // And it may become a member under the address by which the ring sees it.
  client.driver->join({client.driver->local_endpoints(), std::nullopt});
  ASSERT_TRUE(lab.until([&] { return lab.one_ring(); }));
  EXPECT_EQ(client.node().self().endpoint, loopback(Family::kV4, client.at().port));
}

TEST(UdpDriver, a_leaving_node_is_gone_at_once) {
  NetLab lab;
  Host& first = lab.first();
  Host& second = lab.join(first);
  ASSERT_TRUE(lab.until([&] { return lab.one_ring(); }));
  const auto start = std::chrono::steady_clock::now();
  second.driver->leave();
  ASSERT_TRUE(lab.until([&] { return first.node().ring().successors().empty(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST(UdpDriver, events_never_come_inside_a_command) {
  NetLab lab;
  Host& lonely = lab.host();
  const OperationId operation = lonely.driver->look_up(random_id(), LookupKind::kRead);
  EXPECT_TRUE(lonely.events.empty());
  ASSERT_TRUE(lab.until([&] { return lonely.answer<LookupFinished>(operation) != nullptr; }));
  EXPECT_EQ(lonely.answer<LookupFinished>(operation)->result.failure, LookupFailure::kNoContacts);
}

TEST(UdpDriver, garbage_and_oversize_are_dropped_and_counted) {
  NetLab lab;
  Host& first = lab.first();
  const RawSocket stranger;
  const NetCounters before = first.driver->counters();
  Rng rng(5);
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes garbage(size);
    rng.fill(garbage);
    stranger.send(first.at(), garbage);
  }
  stranger.send(first.at(), Bytes(limits::kDatagram + 1, 'd'));
  stranger.send(first.at(), Bytes(60'000, 'd'));
  ASSERT_TRUE(lab.until([&] { return first.driver->counters().datagrams_in >= before.datagrams_in + 202; }));
  const NetCounters& after = first.driver->counters();
  EXPECT_EQ(after.drops(Drop::kMalformed), 200u);
  EXPECT_EQ(after.drops(Drop::kOversize), 2u);
  EXPECT_EQ(after.datagrams_out, before.datagrams_out);
  EXPECT_TRUE(answers_ping(lab, stranger, first));
}

TEST(UdpDriver, another_network_gets_no_answer) {
  NetLab lab;
  Host& first = lab.first();
  const RawSocket stranger;
  const NetCounters before = first.driver->counters();
  for (std::size_t i = 0; i < wire::kMethods; ++i)
    stranger.send(first.at(),
                  wire::encode(query_of(static_cast<wire::Method>(i), "other", Family::kV4, true), Family::kV4));
  ASSERT_TRUE(lab.until([&] { return first.driver->counters().drops(Drop::kNetwork) == wire::kMethods; }));
  EXPECT_EQ(first.driver->counters().datagrams_out, before.datagrams_out);
}

/// A ping whose method's name is another one of the same length.
Bytes unknown_method(const std::string& network) {
  Bytes datagram = wire::encode(query_of(wire::Method::kPing, network, Family::kV4, true), Family::kV4);
  const std::string_view known = "4:ping";
  const auto at = std::search(datagram.begin(), datagram.end(), known.begin(), known.end());
  *(at + 2) = 's';
  return datagram;
}

TEST(UdpDriver, an_unknown_method_is_answered_by_204_in_our_network_only) {
  NetLab lab;
  Host& first = lab.first();
  const RawSocket stranger;
  stranger.send(first.at(), unknown_method("other"));
  const Bytes query = unknown_method(lab.network());
  stranger.send(first.at(), query);
  std::optional<Bytes> datagram;
  ASSERT_TRUE(lab.until([&] { return (datagram = stranger.receive()).has_value(); }));
  EXPECT_LE(datagram->size(), query.size());
  const auto message = wire::decode(*datagram, Family::kV4);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(std::get<wire::Error>(*message).code, 204);
  EXPECT_EQ(first.driver->counters().drops(Drop::kNetwork), 1u);
  EXPECT_EQ(first.driver->counters().drops(Drop::kUnknownMethod), 1u);
  EXPECT_FALSE(stranger.receive());
}

TEST(UdpDriver, without_a_token_nobody_gets_more_bytes_than_he_sent) {
  NetLab lab;
  Host& first = lab.first();
  for (int i = 1; i < 5; ++i) lab.join(first);
  ASSERT_TRUE(lab.until([&] { return lab.one_ring(); }));
  const RingId key = random_id();
  for (std::uint16_t port = 1; port <= 40; ++port) {
    const OperationId write = first.driver->announce(key, port, false);
    ASSERT_TRUE(lab.until([&] { return first.answer<Announced>(write) != nullptr; }));
  }
  const RawSocket stranger;
  for (std::size_t i = 0; i < wire::kMethods; ++i)
    for (const bool padded : {false, true})
      for (const bool member : {false, true}) {
        const auto method = static_cast<wire::Method>(i);
        wire::Query query = query_of(method, lab.network(), Family::kV4, padded);
        if (auto* read = std::get_if<wire::GetPeers>(&query.body)) read->key = key;
        query.header.read_only = !member;
        const Bytes datagram = wire::encode(query, Family::kV4);
        const std::uint64_t seen = first.driver->counters().datagrams_in;
        stranger.send(first.at(), datagram);
        ASSERT_TRUE(lab.until([&] { return first.driver->counters().datagrams_in > seen; }));
        std::size_t received = 0;
        while (const auto answer = stranger.receive()) received += answer->size();
        EXPECT_LE(received, datagram.size()) << wire::name_of(method) << (padded ? ", padded" : "");
        if (padded) {
          EXPECT_GT(received, 0u) << wire::name_of(method);
        }
      }
}

TEST(UdpDriver, a_flood_from_one_source_is_cut_to_the_rate) {
  NetLab lab;
  Host& first = lab.first();
  const RawSocket loud;
  const RawSocket quiet;
  const Bytes datagram = wire::encode(query_of(wire::Method::kPing, lab.network(), Family::kV4, true), Family::kV4);
  const NetCounters& counters = first.driver->counters();
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t seen = counters.datagrams_in;
    loud.send(first.at(), datagram);
    ASSERT_TRUE(lab.until([&] { return counters.datagrams_in > seen; }));
  }
  EXPECT_GT(counters.drops(Drop::kRate), 500u);
  EXPECT_GE(counters.received.queries[0], 800u);
  EXPECT_TRUE(answers_ping(lab, quiet, first));
}

TEST(UdpDriver, a_port_in_use_says_so) {
  NetLab lab;
  Host& first = lab.host();
  UdpDriverConfig config = lab.config(lab.network());
  config.listen = first.at();
  const auto second = UdpDriver::open(lab.io(), config, nullptr);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, BindErrc::kPortInUse);
  EXPECT_EQ(second.error().sentence, "UDP " + first.at().text() + " is in use by another program");
}

TEST(UdpDriver, an_address_of_others_says_so) {
  NetLab lab;
  UdpDriverConfig config = lab.config(lab.network());
  config.listen = Endpoint::v4(198, 51, 100, 1, 0);
  const auto driver = UdpDriver::open(lab.io(), config, nullptr);
  ASSERT_FALSE(driver.ok());
  EXPECT_EQ(driver.error().code, BindErrc::kAddressNotHere);
}

TEST(UdpDriver, a_destroyed_driver_leaves_nothing_behind) {
  NetLab lab;
  Host& first = lab.first();
  Host& second = lab.join(first);
  second.driver->look_up(random_id(), LookupKind::kOwner);
  const Endpoint was = second.at();
  lab.crash(second);
  lab.io().poll();
  UdpDriverConfig config = lab.config(lab.network());
  config.listen = was;
  EXPECT_TRUE(UdpDriver::open(lab.io(), config, nullptr).ok());
}

/// Finds the process's own socket on a port and switches on what brings ICMP errors to an unconnected UDP socket.
bool report_icmp_errors(std::uint16_t port) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in in{};
    socklen_t length = sizeof in;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&in), &length) != 0 || in.sin_family != AF_INET) continue;
    if (ntohs(in.sin_port) != port) continue;
    const int on = 1;
    return ::setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0;
  }
  return false;
}

TEST(UdpDriver, the_receive_loop_survives_icmp_errors) {
  NetLab lab;
  Host& first = lab.first();
  ASSERT_TRUE(report_icmp_errors(first.at().port));
  const RawSocket stranger;
  for (int i = 0; i < 20; ++i) {  // each answer goes to a port that is closed by then
    RawSocket brief;
    brief.send(first.at(), wire::encode(query_of(wire::Method::kPing, lab.network(), Family::kV4, true), Family::kV4));
  }
  ASSERT_TRUE(lab.until([&] { return first.driver->counters().received.queries[0] >= 20; }));
  EXPECT_TRUE(answers_ping(lab, stranger, first) || answers_ping(lab, stranger, first));
  EXPECT_GT(first.driver->counters().receive_errors + first.driver->counters().drops(Drop::kSendFailed), 0u);
}

TEST(UdpDriver, a_ring_of_three_on_ipv6) {
  NetLab lab(Family::kV6);
  try {
    RawSocket probe(Family::kV6);
  } catch (const std::runtime_error&) {
    GTEST_SKIP() << "this machine has no ::1";
  }
  Host& first = lab.first();
  lab.join(first);
  lab.join(first);
  ASSERT_TRUE(lab.until([&] { return lab.one_ring(); }));
  const RingId key = random_id();
  const OperationId write = first.driver->announce(key, 99, false);
  ASSERT_TRUE(lab.until([&] { return first.answer<Announced>(write) != nullptr; }));
  EXPECT_EQ(first.answer<Announced>(write)->held, 3u);
  // The v4 port of the same number is free: the socket is v6 only.
  UdpDriverConfig v4 = NetLab(Family::kV4).config(lab.network());
  v4.listen = Endpoint::v4(0, 0, 0, 0, first.at().port);
  EXPECT_TRUE(UdpDriver::open(lab.io(), v4, nullptr).ok());
}

}  // namespace
}  // namespace rondo::dht::test
