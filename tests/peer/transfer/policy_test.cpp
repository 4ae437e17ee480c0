// Who is asked for peers, and which torrents of others can be fetched.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <libtorrent/create_torrent.hpp>
#include <libtorrent/file_storage.hpp>
#include <utility>

#include "tests/peer/transfer/raw_seeder.hpp"

namespace rondo::peer::test {
namespace {

/// A TCP port that notices whether anyone calls.
class Doorbell {
 public:
  Doorbell() {
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<::sockaddr*>(&address);
    if (::bind(fd_, generic, size) != 0 || ::listen(fd_, 4) != 0 || ::getsockname(fd_, generic, &size) != 0)
      throw std::runtime_error("no port");
    port_ = ntohs(address.sin_port);
  }
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell() { ::close(fd_); }

  [[nodiscard]] bool rang() const {
    ::pollfd wait{fd_, POLLIN, 0};
    return ::poll(&wait, 1, 0) == 1;
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/announce"; }

 private:
  int fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
  std::uint16_t port_ = 0;
};

TEST(OnlyRing, peers_and_trackers_of_a_link_are_for_others) {
  const TempDir from;
  const TempDir to;
  const Doorbell tracker;
  write_file(from / "file", random_text(1, 100'000));
  TestPeer sharer;
  Magnet magnet = magnet_of(sharer.share({from / "file"}).content);
  magnet.peers = {sharer.endpoint()};
  magnet.trackers = {tracker.url()};

  TestPeer careful(true);
  careful->fetch(7, {magnet, to / "careful"});
  EXPECT_FALSE(careful.wait<MetadataReady>(7, 500ms));
  EXPECT_FALSE(tracker.rang());

  TestPeer open(false);
  open->fetch(7, {magnet, to / "open"});
  ASSERT_TRUE(open.wait<MetadataReady>(7)) << open.failure.sentence;
  open->accept(7);
  ASSERT_TRUE(open.wait<Fetched>(7)) << open.failure.sentence;
  EXPECT_TRUE(open.wait_until([&] { return tracker.rang(); }));
}

TEST(OnlyRing, trackers_and_web_seeds_of_a_torrent_file_are_not_called) {
  const TempDir data;
  const TempDir to;
  const Doorbell tracker;
  const Doorbell web;
  RawTorrent torrent = raw_single("file", random_text(1, 100'000));
  write_file(data / "file", torrent.payload);
  RawSeeder seeder;
  seeder.seed(torrent.bytes(), {{0, (data / "file").string()}});
  torrent.dict["announce"] = tracker.url();
  torrent.dict["url-list"] = web.url();
  TestPeer getter(true);
  ASSERT_TRUE(getter.fetch(torrent.bytes(), to / "into", seeder.endpoint())) << getter.failure.sentence;
  EXPECT_FALSE(tracker.rang());
  EXPECT_FALSE(web.rang());
}

TEST(Foreign, a_pure_v2_torrent_by_file_and_by_magnet) {
  const TempDir data;
  const TempDir to;
  write_file(data / "tree" / "a", random_text(1, 70'000));
  write_file(data / "tree" / "b" / "c", random_text(2, 100));
  write_file(data / "tree" / "b" / "d", "");
  lt::file_storage files;
  lt::add_files(files, (data / "tree").string());
  lt::create_torrent maker(files, 16 * 1024, lt::create_torrent::v2_only);
  lt::error_code error;
  lt::set_piece_hashes(
      maker, data.path().string(), [](lt::piece_index_t) {}, error);
  ASSERT_FALSE(error) << error.message();
  RawTorrent torrent;
  torrent.dict = maker.generate();

  RawSeeder seeder;
  std::map<int, std::string> paths;
  for (const lt::file_index_t i : maker.files().file_range())
    paths[static_cast<int>(i)] = maker.files().file_path(i, data.path().string());
  seeder.seed(torrent.bytes(), paths);

  TestPeer by_file;
  const auto first = by_file.fetch(torrent.bytes(), to / "file", seeder.endpoint());
  ASSERT_TRUE(first) << by_file.failure.sentence;
  EXPECT_TRUE(!first->content.has_v1 && first->content.has_v2);
  EXPECT_EQ(tree_of(to / "file"), tree_of(data.path()));

  TestPeer by_magnet;
  ASSERT_TRUE(by_magnet.fetch(magnet_of(first->content), to / "magnet", seeder.endpoint()))
      << by_magnet.failure.sentence;
  EXPECT_EQ(tree_of(to / "magnet"), tree_of(data.path()));
}

TEST(Foreign, many_getters_at_once) {
  const TempDir from;
  const TempDir to;
  write_file(from / "tree" / "file", random_text(1, 2'000'000));
  TestPeer sharer;
  const Magnet magnet = magnet_of(sharer.share({from / "tree"}).content);
  std::vector<std::unique_ptr<TestPeer>> getters;
  for (int i = 0; i < 12; ++i) {
    getters.push_back(std::make_unique<TestPeer>());
    TestPeer& getter = *getters.back();
    getter->fetch(7, {magnet, to / std::to_string(i)});
    getter->connect_peer(7, sharer.endpoint());
  }
  for (auto& getter : getters) {
    ASSERT_TRUE(getter->wait<MetadataReady>(7)) << getter->failure.sentence;
    (*getter)->accept(7);
  }
  for (auto& getter : getters) ASSERT_TRUE(getter->wait<Fetched>(7)) << getter->failure.sentence;
  for (int i = 0; i < 12; ++i) EXPECT_EQ(tree_of(to / std::to_string(i)), tree_of(from.path()));
}

}  // namespace
}  // namespace rondo::peer::test
