// Whole nodes in this process, on loopback, with real transfers.
#include "peer/control/in_process_client.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "dht/base/crypto.hpp"
#include "peer/control/translate.hpp"
#include "tests/peer/control/temporary_folder.hpp"

namespace rondo::control::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class ControlTest : public ::testing::Test {
 protected:
  HostConfig config(const std::string& home, std::vector<Endpoint> join = {}) {
    HostConfig config;
    config.state_dir = folder_.path() / home;
    config.network = network_;
    config.listen = Endpoint::v4(127, 0, 0, 1, 0);
    config.join = std::move(join);
    config.only_ring = true;
    config.lan = false;
    return config;
  }
  std::unique_ptr<Client> host(const HostConfig& config) {
    auto client = host_node(config);
    EXPECT_TRUE(client.ok()) << (client ? "" : client.error().sentence);
    return client ? std::move(*client) : nullptr;
  }
  std::unique_ptr<Client> bootstrap() {
    HostConfig first = config("bootstrap");
    first.membership = Membership::kAtOnce;
    first.bootstrap = true;
    first.transfers = false;
    auto client = host(first);
    entry_ = status(*client).self.endpoint;
    return client;
  }

  /// The next event of this kind of that request; others are read over. Fails the test after `most`.
  template <class Body>
  std::optional<Body> wait_for(Client& client, RequestId request, std::chrono::milliseconds most = 20s) {
    const auto end = Clock::now() + most;
    while (Clock::now() < end) {
      auto event = client.next(100ms);
      if (!event || event->request != request) continue;
      if (auto* body = std::get_if<Body>(&event->body)) return std::optional<Body>(std::move(*body));
      if (const auto* failed = std::get_if<Failed>(&event->body)) {
        ADD_FAILURE() << failed->error.sentence;
        return std::nullopt;
      }
    }
    ADD_FAILURE() << "no such event";
    return std::nullopt;
  }
  Status status(Client& client) { return wait_for<Status>(client, client.submit(StatusRequest{})).value_or(Status{}); }
  ApiError failure_of(Client& client, RequestId request) {
    return wait_for<Failed>(client, request).value_or(Failed{}).error;
  }

  fs::path make_source() {
    const fs::path source = folder_.path() / "source" / "things";
    for (int i = 0; i < 20; ++i)
      write_file(source / ("folder " + std::to_string(i % 3)) / std::to_string(i),
                 std::string(static_cast<std::size_t>(i) * 10'007, static_cast<char>('a' + i)));
    return source;
  }
  void expect_same(const fs::path& source, const fs::path& copy) {
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
      if (!entry.is_regular_file()) continue;
      ++files;
      const fs::path other = copy / fs::relative(entry.path(), source);
      EXPECT_TRUE(fs::exists(other)) << other;
      EXPECT_EQ(read_file(entry.path()), read_file(other)) << other;
    }
    EXPECT_EQ(files, 20u);
  }
  /// Shares and waits until the ring knows.
  peer::Magnet share(Client& sharer, const fs::path& source, bool hybrid = false) {
    const RequestId request = sharer.submit(ShareRequest{{{source}, std::nullopt, hybrid}});
    const auto shared = wait_for<Shared>(sharer, request);
    if (!shared) return {};
    const auto announced = wait_for<AnnouncedNow>(sharer, request);
    EXPECT_TRUE(announced && announced->outcome.held > 0);
    auto magnet = peer::parse_magnet(shared->magnet);
    EXPECT_TRUE(magnet.ok());
    share_ = request;
    return *magnet;
  }
  GetRequest get_of(peer::Magnet magnet) {
    GetRequest get;
    magnet.peers.clear();
    get.source = std::move(magnet);
    get.into = folder_.path() / "out";
    get.patience = 20s;
    return get;
  }
  /// A link that nobody shares.
  static peer::Magnet unknown() {
    peer::Magnet magnet;
    random_bytes(magnet.info_hash.bytes);
    magnet.name = "x";
    return magnet;
  }
  static std::string random_network() {
    RingId id;
    random_bytes(id.bytes);
    return "test/" + id.hex();
  }

  TemporaryFolder folder_;
  std::string network_ = random_network();
  Endpoint entry_;
  RequestId share_ = 0;
};

TEST_F(ControlTest, a_bootstrap_daemon_is_a_member_at_once) {
  const auto daemon = bootstrap();
  const Status status = this->status(*daemon);
  EXPECT_EQ(status.role, dht::Role::kMember);
  EXPECT_EQ(status.network, network_);
  EXPECT_EQ(status.ring_size_estimate, 1);
  EXPECT_TRUE(status.ring_size_exact);
  EXPECT_EQ(status.transfer_port, 0);
  EXPECT_FALSE(status.reason.empty());
}

TEST_F(ControlTest, what_one_shares_another_gets_through_the_ring_alone) {
  const auto daemon = bootstrap();
  const auto sharer = host(config("sharer", {entry_}));
  const fs::path source = make_source();
  const peer::Magnet magnet = share(*sharer, source);
  EXPECT_EQ(magnet.entry_points, std::vector<Endpoint>{entry_});

  const auto getter = host(config("getter"));  // the link names the ring's entry point
  const RequestId request = getter->submit(get_of(magnet));
  const auto found = wait_for<FoundContent>(*getter, request);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->content.files.size(), 20u);
  EXPECT_FALSE(fs::exists(folder_.path() / "out" / "things"));
  getter->submit(ConfirmRequest{request});
  const auto fetched = wait_for<Fetched>(*getter, request);
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->path, folder_.path() / "out" / "things");
  ASSERT_TRUE(fetched->lookup);
  EXPECT_GE(fetched->lookup->hops, 1u);
  expect_same(source, folder_.path() / "out" / "things");
}

TEST_F(ControlTest, a_torrent_file_is_enough_and_a_hybrid_is_found_by_either_hash) {
  const auto daemon = bootstrap();
  const auto sharer = host(config("sharer", {entry_}));
  const fs::path source = make_source();
  const RequestId sharing = sharer->submit(ShareRequest{{{source}, std::nullopt, true}});
  const auto shared = wait_for<Shared>(*sharer, sharing);
  ASSERT_TRUE(shared);
  std::set<RingId> keys;  // one announcement a hash
  while (keys.size() < 2) {
    const auto announced = wait_for<AnnouncedNow>(*sharer, sharing);
    ASSERT_TRUE(announced);
    keys.insert(announced->outcome.lookup.target);
  }
  const auto getter = host(config("getter", {entry_}));
  GetRequest by_file;
  by_file.source = shared->torrent_file;
  by_file.into = folder_.path() / "by file";
  peer::Magnet v2;
  v2.has_v1 = false;
  v2.info_hash_v2 = shared->content.info_hash_v2;
  std::copy_n(v2.info_hash_v2->begin(), RingId::kSize, v2.info_hash.bytes.begin());
  for (GetRequest get : {by_file, get_of(v2)}) {
    const fs::path into = get.into;
    const RequestId request = getter->submit(std::move(get));
    ASSERT_TRUE(wait_for<FoundContent>(*getter, request));
    getter->submit(ConfirmRequest{request});
    ASSERT_TRUE(wait_for<Fetched>(*getter, request));
    expect_same(source, into / "things");
  }
}

TEST_F(ControlTest, a_lookup_tells_owner_replicas_and_peers) {
  const auto daemon = bootstrap();
  const auto sharer = host(config("sharer", {entry_}));
  const peer::Magnet magnet = share(*sharer, make_source());
  HostConfig asker = config("asker", {entry_});
  asker.transfers = false;
  const auto client = host(asker);
  const RequestId request = client->submit(LookupRequest{magnet.info_hash, dht::LookupKind::kOwner, true});
  const auto answer = wait_for<RingAnswer>(*client, request);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->lookup.found());
  ASSERT_TRUE(answer->lookup.owner);
  EXPECT_EQ(answer->lookup.owner->endpoint, entry_);
  EXPECT_EQ(answer->peers, std::vector<Endpoint>{Endpoint::v4(127, 0, 0, 1, status(*sharer).transfer_port)});
  ASSERT_EQ(answer->replicas.size(), 1u);
  EXPECT_TRUE(answer->replicas[0].answered);
}

TEST_F(ControlTest, a_share_that_ends_is_withdrawn) {
  const auto daemon = bootstrap();
  auto sharer = host(config("sharer", {entry_}));
  share(*sharer, make_source());
  EXPECT_EQ(status(*daemon).stored_announcements, 1u);
  sharer->submit(CancelRequest{share_});
  EXPECT_TRUE(wait_for<Cancelled>(*sharer, share_));
  EXPECT_EQ(status(*daemon).stored_announcements, 0u);
}

TEST_F(ControlTest, a_sharer_that_goes_withdraws_and_is_quick) {
  const auto daemon = bootstrap();
  auto sharer = host(config("sharer", {entry_}));
  share(*sharer, make_source());
  EXPECT_EQ(status(*daemon).stored_announcements, 1u);
  const auto start = Clock::now();
  sharer.reset();
  EXPECT_LT(Clock::now() - start, 5s);
  EXPECT_EQ(status(*daemon).stored_announcements, 0u);
}

TEST_F(ControlTest, an_end_without_a_ring_is_within_the_bound) {
  auto daemon = bootstrap();
  auto sharer = host(config("sharer", {entry_}));
  share(*sharer, make_source());
  daemon.reset();
  const auto start = Clock::now();
  sharer.reset();
  EXPECT_LT(Clock::now() - start, 5s);
}

TEST_F(ControlTest, members_leave_so_that_the_others_notice) {
  const auto daemon = bootstrap();
  HostConfig second = config("second", {entry_});
  second.membership = Membership::kAtOnce;
  second.transfers = false;
  auto member = host(second);
  const auto until = [&](std::size_t successors) {
    const auto end = Clock::now() + 20s;
    while (status(*daemon).successors.size() != successors && Clock::now() < end) std::this_thread::yield();
    return status(*daemon).successors.size() == successors;
  };
  ASSERT_TRUE(until(1));
  EXPECT_EQ(status(*daemon).ring_size_estimate, 2);
  member.reset();
  const auto start = Clock::now();
  EXPECT_TRUE(until(0));
  EXPECT_LT(Clock::now() - start, 3s);
}

TEST_F(ControlTest, contacts_survive_a_restart) {
  const auto daemon = bootstrap();
  HostConfig asker = config("asker", {entry_});
  asker.transfers = false;
  const auto ask = [&](Client& client) {
    return wait_for<RingAnswer>(client, client.submit(LookupRequest{RingId{}, dht::LookupKind::kRead, false}));
  };
  {
    const auto first = host(asker);
    ASSERT_TRUE(ask(*first)->lookup.found());
  }
  asker.join.clear();
  const auto second = host(asker);
  EXPECT_TRUE(ask(*second)->lookup.found());
}

// --- errors ----------------------------------------------------------------------------------------------------------

TEST_F(ControlTest, a_port_in_use_is_named) {
  const auto daemon = bootstrap();
  HostConfig second = config("second");
  second.listen = entry_;
  const auto client = host_node(second);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, Code::kNetwork);
  EXPECT_EQ(client.error().sentence,
            "UDP " + entry_.text() + " is in use by another program; choose another with --listen");
}

TEST_F(ControlTest, a_second_daemon_on_one_home_is_a_conflict) {
  const auto daemon = bootstrap();
  HostConfig second = config("bootstrap");
  second.membership = Membership::kAtOnce;
  second.transfers = false;
  const auto client = host_node(second);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, Code::kConflict);
}

TEST_F(ControlTest, a_taken_tcp_port_moves_the_transfers) {
  // The ring's UDP port is free, its TCP twin is not.
  const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(taken, generic, length), 0);
  ASSERT_EQ(::listen(taken, 1), 0);
  ASSERT_EQ(::getsockname(taken, generic, &length), 0);
  HostConfig node = config("node");
  node.listen.port = ntohs(address.sin_port);
  const auto client = host(node);
  ASSERT_TRUE(client);
  const Status status = this->status(*client);
  EXPECT_EQ(status.self.endpoint.port, node.listen.port);
  EXPECT_NE(status.transfer_port, node.listen.port);
  EXPECT_NE(status.transfer_port, 0);
  ::close(taken);
}

TEST_F(ControlTest, transfers_use_the_rings_port_number_when_it_is_free) {
  // The system chose the UDP port, and anybody may hold the TCP port of that number: not five times in a row.
  bool equal = false;
  for (int i = 0; i < 5 && !equal; ++i) {
    const auto client = host(config("node" + std::to_string(i)));
    const Status status = this->status(*client);
    equal = status.transfer_port == status.self.endpoint.port;
  }
  EXPECT_TRUE(equal);
}

TEST_F(ControlTest, a_ring_that_is_cut_off_is_named) {
  const auto client = host(config("getter", {Endpoint::v4(127, 0, 0, 1, 1)}));
  const peer::Magnet magnet = unknown();
  GetRequest get = get_of(magnet);
  get.patience = 1s;
  const ApiError error = failure_of(*client, client->submit(std::move(get)));
  EXPECT_EQ(error.code, Code::kNetwork);
  EXPECT_EQ(error.sentence, "no node of the ring answered: tried 127.0.0.1:1");
  EXPECT_TRUE(!fs::exists(folder_.path() / "out") || fs::is_empty(folder_.path() / "out"));
}

TEST_F(ControlTest, a_hash_that_nobody_announces_times_out_with_that_reason) {
  const auto daemon = bootstrap();
  const auto client = host(config("getter", {entry_}));
  const peer::Magnet magnet = unknown();
  GetRequest get = get_of(magnet);
  get.patience = 1s;
  const ApiError error = failure_of(*client, client->submit(std::move(get)));
  EXPECT_EQ(error.code, Code::kTimedOut);
  EXPECT_EQ(error.sentence, "nobody announces " + magnet.info_hash.hex() + " on the ring (asked 1 replica)");
}

TEST_F(ControlTest, without_a_ring_and_without_peers_it_fails_at_once) {
  const auto client = host(config("getter"));
  const auto start = Clock::now();
  const peer::Magnet magnet = unknown();
  const ApiError error = failure_of(*client, client->submit(get_of(magnet)));
  EXPECT_EQ(error.code, Code::kNetwork);
  EXPECT_EQ(error.sentence, "no node of the ring is known: name one with --join HOST:PORT");
  EXPECT_LT(Clock::now() - start, 5s);
}

TEST_F(ControlTest, nothing_to_share_is_an_error_of_its_own) {
  const auto client = host(config("sharer"));
  const ApiError none =
      failure_of(*client, client->submit(ShareRequest{{{folder_.path() / "none"}, std::nullopt, false}}));
  EXPECT_EQ(none.code, Code::kNotFound);
  fs::create_directories(folder_.path() / "empty");
  const ApiError empty =
      failure_of(*client, client->submit(ShareRequest{{{folder_.path() / "empty"}, std::nullopt, false}}));
  EXPECT_EQ(empty.code, Code::kUsage);
  EXPECT_FALSE(empty.sentence.empty());
}

TEST_F(ControlTest, without_transfers_a_share_fails) {
  const auto daemon = bootstrap();
  const ApiError error = failure_of(*daemon, daemon->submit(ShareRequest{{{folder_.path()}, std::nullopt, false}}));
  EXPECT_EQ(error.code, Code::kFailed);
}

TEST_F(ControlTest, a_cancelled_get_ends_and_leaves_nothing) {
  const auto daemon = bootstrap();
  const auto sharer = host(config("sharer", {entry_}));
  const peer::Magnet magnet = share(*sharer, make_source());
  {
    const auto getter = host(config("getter", {entry_}));
    const RequestId request = getter->submit(get_of(magnet));
    ASSERT_TRUE(wait_for<FoundContent>(*getter, request));
    getter->submit(CancelRequest{request});
    EXPECT_TRUE(wait_for<Cancelled>(*getter, request));
  }
  EXPECT_TRUE(!fs::exists(folder_.path() / "out") || fs::is_empty(folder_.path() / "out"));
}

TEST_F(ControlTest, open_requests_are_bounded) {
  const auto daemon = bootstrap();
  for (std::size_t i = 0; i < InProcessClient::kOpenRequests; ++i) daemon->submit(StatusRequest{});
  const RequestId surplus = daemon->submit(StatusRequest{});
  EXPECT_EQ(failure_of(*daemon, surplus).code, Code::kFailed);
  while (daemon->next(200ms)) continue;
  EXPECT_EQ(status(*daemon).role, dht::Role::kMember);
}

TEST_F(ControlTest, a_ring_on_ipv6_works_the_same) {
  HostConfig first = config("first");
  first.listen = *Endpoint::parse("[::1]:0");
  first.membership = Membership::kAtOnce;
  first.bootstrap = true;
  first.transfers = false;
  auto daemon = host_node(first);
  if (!daemon) GTEST_SKIP() << daemon.error().sentence;
  const Endpoint entry = status(**daemon).self.endpoint;
  HostConfig second = config("sharer", {entry});
  second.listen = first.listen;
  HostConfig third = config("getter", {entry});
  third.listen = first.listen;
  const auto sharer = host(second);
  const fs::path source = make_source();
  const peer::Magnet magnet = share(*sharer, source);
  const auto getter = host(third);
  const RequestId request = getter->submit(get_of(magnet));
  ASSERT_TRUE(wait_for<FoundContent>(*getter, request));
  getter->submit(ConfirmRequest{request});
  ASSERT_TRUE(wait_for<Fetched>(*getter, request));
  expect_same(source, folder_.path() / "out" / "things");
}

TEST(Translate, every_error_has_its_exit_code) {
  using peer::TransferErrc;
  const std::vector<std::pair<TransferErrc, int>> codes = {
      {TransferErrc::kNotFound, 3},   {TransferErrc::kUnreadable, 11}, {TransferErrc::kEmpty, 2},
      {TransferErrc::kBadPattern, 2}, {TransferErrc::kBadTorrent, 12}, {TransferErrc::kExists, 10},
      {TransferErrc::kDiskFull, 9},   {TransferErrc::kDenied, 11},     {TransferErrc::kBusy, 13},
      {TransferErrc::kListen, 6},     {TransferErrc::kInternal, 1}};
  for (const auto& [error, code] : codes) EXPECT_EQ(static_cast<int>(code_of(error)), code);
  EXPECT_EQ(code_of(peer::SearchErrc::kNoRing), Code::kNetwork);
  EXPECT_EQ(code_of(peer::SearchErrc::kNobodyAnnounces), Code::kTimedOut);
  EXPECT_EQ(code_of(peer::SearchErrc::kSlowRing), Code::kTimedOut);
  EXPECT_EQ(code_of(peer::SearchErrc::kNotConnected), Code::kTimedOut);
}

}  // namespace
}  // namespace rondo::control::test
