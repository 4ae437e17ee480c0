// What goes wrong gets a code and a sentence, and what is left of it is of use to the next try.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <algorithm>

#include "peer/transfer/torrent_file.hpp"
#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

/// A small file system of its own, where this process may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size) {
    mounted_ = ::mount("rondo-test", dir_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const fs::path& path() const { return dir_.path(); }

 private:
  TempDir dir_;
  bool mounted_;
};

class Failures : public ::testing::Test {
 protected:
  TransferError share_error(std::vector<fs::path> paths) {
    TestPeer peer;
    CreateRequest request;
    request.paths = std::move(paths);
    peer->share(1, request);
    EXPECT_FALSE(peer.wait<Seeding>(1));
    return peer.failure;
  }

  /// A torrent of one folder with one file; its sharer is sharer_.
  Seeding share_one(std::size_t bytes) {
    write_file(from_ / "tree" / "file", random_text(1, bytes));
    return sharer_.share({from_ / "tree"});
  }

  /// As far as MetadataReady.
  void offer(TestPeer& peer, const Bytes& torrent, const fs::path& into) {
    peer->fetch(7, {torrent, into});
    ASSERT_TRUE(peer.wait<MetadataReady>(7)) << peer.failure.sentence;
  }

  TransferError fetch_error(TestPeer& peer) {
    EXPECT_FALSE(peer.wait<Fetched>(7));
    return peer.failure;
  }

  TempDir from_;
  TempDir to_;
  TestPeer sharer_;
  TestPeer getter_;
};

TEST_F(Failures, no_such_path) {
  const auto error = share_error({from_ / "nowhere"});
  EXPECT_EQ(error.code, TransferErrc::kNotFound);
  EXPECT_EQ(error.sentence, "there is no " + (from_ / "nowhere").string());
  EXPECT_EQ(share_error({""}).code, TransferErrc::kNotFound);
  EXPECT_EQ(share_error({}).code, TransferErrc::kEmpty);
}

TEST_F(Failures, nothing_to_share) {
  fs::create_directories(from_ / "hollow" / "deep");
  const auto error = share_error({from_ / "hollow"});
  EXPECT_EQ(error.code, TransferErrc::kEmpty);
  EXPECT_EQ(error.sentence, "there is nothing to share in " + (from_ / "hollow").string() + ": no file");
  write_file(from_ / "zero" / "a", "");
  EXPECT_EQ(share_error({from_ / "zero"}).sentence,
            "there is nothing to share in " + (from_ / "zero").string() + ": every file is empty");
}

/// For its life root is nobody: root can read everything.
class AsNobody {
 public:
  AsNobody() : was_root_(::geteuid() == 0 && ::seteuid(65534) == 0) {}
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() {
    if (was_root_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool was_root_;
};

TEST_F(Failures, an_unreadable_file_or_folder_is_named) {
  ::chmod(from_.path().c_str(), 0755);
  write_file(from_ / "tree" / "good", "x");
  write_file(from_ / "tree" / "secret", "x");
  fs::create_directories(from_ / "other" / "closed");
  ::chmod((from_ / "tree" / "secret").c_str(), 0);
  ::chmod((from_ / "other" / "closed").c_str(), 0);
  const AsNobody nobody;
  const auto file = share_error({from_ / "tree"});
  EXPECT_EQ(file.code, TransferErrc::kUnreadable);
  EXPECT_EQ(file.sentence, "can't read " + (from_ / "tree" / "secret").string() + ": Permission denied");
  const auto folder = share_error({from_ / "other"});
  EXPECT_EQ(folder.code, TransferErrc::kUnreadable);
  EXPECT_EQ(folder.sentence, "can't read " + (from_ / "other" / "closed").string() + ": Permission denied");
}

TEST_F(Failures, a_target_of_another_user_is_said) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs another user's folder";
  ::chmod(to_.path().c_str(), 0755);
  const Seeding seeding = share_one(1'000);
  offer(getter_, seeding.torrent_file, to_.path());
  {
    const AsNobody nobody;
    getter_->accept(7);
    EXPECT_EQ(fetch_error(getter_).code, TransferErrc::kDenied);
  }
  EXPECT_EQ(getter_.failure.sentence, "can't write to " + to_.path().string() + ": Permission denied");
}

TEST_F(Failures, a_name_that_is_no_name) {
  write_file(from_ / "tree" / "good", "x");
  for (const std::string name : {"", ".", "..", "a/b"}) {
    TestPeer peer;
    CreateRequest request;
    request.paths = {from_ / "tree"};
    request.name = name;
    peer->share(1, request);
    EXPECT_FALSE(peer.wait<Seeding>(1));
    EXPECT_EQ(peer.failure.code, TransferErrc::kBadTorrent);
  }
}

TEST_F(Failures, a_torrent_file_that_is_none) {
  getter_->fetch(7, {Bytes{'h', 'e', 'l', 'l', 'o'}, to_ / "into"});
  EXPECT_EQ(fetch_error(getter_).code, TransferErrc::kBadTorrent);
  EXPECT_FALSE(fs::exists(to_ / "into"));
}

TEST_F(Failures, the_target_exists) {
  const Seeding seeding = share_one(1'000);
  write_file(to_ / "into" / "tree", "mine");
  const Tree before = tree_of(to_.path());
  offer(getter_, seeding.torrent_file, to_ / "into");
  getter_->accept(7);
  const auto error = fetch_error(getter_);
  EXPECT_EQ(error.code, TransferErrc::kExists);
  EXPECT_EQ(error.sentence,
            (to_ / "into" / "tree").string() +
                " exists already: move it away, fetch into another folder, or say --rename, --skip or --overwrite");
  EXPECT_EQ(tree_of(to_.path()), before);
}

TEST_F(Failures, the_target_appears_meanwhile) {
  const Seeding seeding = share_one(1'000);
  offer(getter_, seeding.torrent_file, to_ / "into");
  getter_->accept(7);
  ASSERT_TRUE(getter_.wait_until([&] { return has_any(to_ / "into"); }));
  write_file(to_ / "into" / "tree", "mine");
  getter_->connect_peer(7, sharer_.endpoint());
  EXPECT_EQ(fetch_error(getter_).code, TransferErrc::kExists);
  EXPECT_EQ(read_file(to_ / "into" / "tree"), "mine");
  // With the way free again nothing needs to be fetched: there is no peer.
  fs::remove(to_ / "into" / "tree");
  TestPeer again;
  offer(again, seeding.torrent_file, to_ / "into");
  again->accept(7);
  ASSERT_TRUE(again.wait<Fetched>(7)) << again.failure.sentence;
  EXPECT_EQ(tree_of(to_ / "into"), tree_of(from_.path()));
}

TEST_F(Failures, another_process_fetches_the_same) {
  const Seeding seeding = share_one(1'000);
  offer(getter_, seeding.torrent_file, to_ / "into");
  getter_->accept(7);
  ASSERT_TRUE(getter_.wait_until([&] { return has_any(to_ / "into"); }));
  TestPeer second;
  offer(second, seeding.torrent_file, to_ / "into");
  second->accept(7);
  const auto error = fetch_error(second);
  EXPECT_EQ(error.code, TransferErrc::kBusy);
  EXPECT_EQ(error.sentence, "another rondo is fetching the same into " + (to_ / "into").string() + " right now");
  // The first is not disturbed.
  getter_->connect_peer(7, sharer_.endpoint());
  EXPECT_TRUE(getter_.wait<Fetched>(7)) << getter_.failure.sentence;
}

TEST_F(Failures, the_same_content_twice_in_one_session) {
  const Seeding seeding = share_one(1'000);
  for (const JobId job : {8u, 9u}) {
    sharer_->fetch(job, {magnet_of(seeding.content), to_ / "into"});
    EXPECT_FALSE(sharer_.wait<MetadataReady>(job));
    EXPECT_EQ(sharer_.failure.code, TransferErrc::kBusy) << sharer_.failure.sentence;
  }
}

TEST_F(Failures, what_a_crash_left_is_taken_over) {
  const Seeding seeding = share_one(1'000);
  const fs::path staging = to_ / "into" / (".rondo-" + seeding.content.info_hash.hex() + ".part");
  write_file(staging / "tree" / "file", "half of it");
  write_file(staging / "deep" / "er" / "junk", "x");
  fs::create_symlink("/etc/passwd", staging / "tree" / "link");
  ASSERT_TRUE(getter_.fetch(seeding.torrent_file, to_ / "into", sharer_.endpoint())) << getter_.failure.sentence;
  EXPECT_EQ(tree_of(to_ / "into"), tree_of(from_.path()));
}

TEST_F(Failures, cancelling_leaves_nothing_at_any_point) {
  const Seeding seeding = share_one(5'000'000);
  // Before accept(), with what was made above the target as well.
  offer(getter_, seeding.torrent_file, to_ / "a" / "b" / "c");
  getter_->cancel(7);
  EXPECT_TRUE(tree_of(to_.path()).empty());
  // While the staging folder is being made, and while the download waits or runs.
  for (JobId job = 10; job < 30; ++job) {
    // Each its own target: two that fetch into one new folder may leave it, empty, when both are cancelled.
    const fs::path into = to_ / std::to_string(job) / "b" / "c";
    getter_->fetch(job, {seeding.torrent_file, into});
    ASSERT_TRUE(getter_.wait<MetadataReady>(job)) << getter_.failure.sentence;
    getter_->accept(job);
    const bool wait = job % 3 != 0;
    ASSERT_TRUE(!wait || getter_.wait_until([&] { return fs::exists(into); }));
    if (job % 3 == 2) getter_->connect_peer(job, sharer_.endpoint());
    getter_->cancel(job);
    getter_->cancel(job);
  }
  ASSERT_TRUE(getter_.wait_until([&] { return fs::is_empty(to_.path()); }))
      << "left " << ::testing::PrintToString(tree_of(to_.path()));
  for (const TransferEvent& event : getter_.events) EXPECT_FALSE(std::holds_alternative<Fetched>(event.what));
}

TEST_F(Failures, shutting_down_leaves_nothing_and_is_quick) {
  const Seeding seeding = share_one(5'000'000);
  offer(getter_, seeding.torrent_file, to_ / "into");
  getter_->accept(7);
  ASSERT_TRUE(getter_.wait_until([&] { return fs::exists(to_ / "into"); }));
  getter_->connect_peer(7, sharer_.endpoint());
  const auto start = std::chrono::steady_clock::now();
  getter_->shutdown();
  getter_->shutdown();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_TRUE(getter_->drain().empty());
  EXPECT_TRUE(tree_of(to_.path()).empty());
}

TEST_F(Failures, hashing_is_cancelled_promptly) {
  // Sparse, so that it costs no disk; hashing all of it takes many seconds.
  fs::create_directories(from_ / "tree");
  std::ofstream(from_ / "tree" / "huge") << "x";
  fs::resize_file(from_ / "tree" / "huge", 20'000'000'000);
  CreateRequest request;
  request.paths = {from_ / "tree"};
  sharer_->share(1, request);
  ASSERT_TRUE(sharer_.wait<HashProgress>(1));
  const auto start = std::chrono::steady_clock::now();
  sharer_->cancel(1);
  sharer_->shutdown();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST_F(Failures, there_is_no_room_for_it) {
  const SmallDisk disk("1m");
  if (!disk.mounted()) GTEST_SKIP() << "can't mount a small tmpfs here";
  const Seeding seeding = share_one(3'000'000);
  offer(getter_, seeding.torrent_file, disk.path() / "into");
  getter_->accept(7);
  const auto error = fetch_error(getter_);
  EXPECT_EQ(error.code, TransferErrc::kDiskFull);
  EXPECT_NE(error.sentence.find("it needs 3.0 MB, 1.9 MB more than is free"), std::string::npos) << error.sentence;
  EXPECT_TRUE(getter_.wait_until([&] { return fs::is_empty(disk.path()); }));
}

TEST_F(Failures, the_disk_fills_up_meanwhile) {
  for (const std::size_t file_size : {std::size_t{600'000}, std::size_t{2'000}}) {
    // 300 small files take 1.2 MB there.
    const SmallDisk disk("2m");
    if (!disk.mounted()) GTEST_SKIP() << "can't mount a small tmpfs here";
    const fs::path tree = from_ / std::to_string(file_size);
    for (std::size_t i = 0; i < 600'000 / file_size; ++i)
      write_file(tree / std::to_string(i), random_text(i, file_size));
    TestPeer sharer;
    TestPeer getter;
    const Seeding seeding = sharer.share({tree});
    offer(getter, seeding.torrent_file, disk.path() / "into");
    getter->accept(7);
    ASSERT_TRUE(getter.wait_until([&] { return has_any(disk.path() / "into"); }));
    std::ofstream(disk.path() / "filler") << std::string(2'000'000, 'f');
    getter->connect_peer(7, sharer.endpoint());
    const auto error = fetch_error(getter);
    EXPECT_EQ(error.code, TransferErrc::kDiskFull) << error.sentence;
    EXPECT_EQ(error.sentence,
              "can't write the download in " + (disk.path() / "into").string() +
                  ": No space left on device; make room there and run the same command again: it goes on with what it "
                  "has");
    fs::remove(disk.path() / "filler");
    getter->shutdown();
    TestPeer again;
    ASSERT_TRUE(again.fetch(seeding.torrent_file, disk.path() / "into", sharer.endpoint())) << again.failure.sentence;
    EXPECT_EQ(tree_of(disk.path() / "into" / seeding.content.name), tree_of(tree));
  }
}

TEST_F(Failures, the_target_can_not_be_written) {
  write_file(to_ / "file", "x");
  const Seeding seeding = share_one(1'000);
  for (const fs::path& into : {to_ / "file", to_ / "file" / "below", fs::path("/proc/rondo")}) {
    TestPeer getter;
    offer(getter, seeding.torrent_file, into);
    getter->accept(7);
    EXPECT_EQ(fetch_error(getter).code, TransferErrc::kDenied) << getter.failure.sentence;
  }
  EXPECT_EQ(read_file(to_ / "file"), "x");
}

TEST_F(Failures, a_shared_file_that_vanishes_is_said) {
  const Seeding seeding = share_one(100'000);
  fs::remove(from_ / "tree" / "file");
  EXPECT_FALSE(sharer_.wait<Fetched>(1, 2s));
  EXPECT_EQ(sharer_.failure.code, TransferErrc::kUnreadable);
  EXPECT_EQ(sharer_.failure.sentence, "tree/file is gone: it is not served any more; nothing of the share is left");
}

TEST_F(Failures, a_shared_file_that_changes_is_neither_served_nor_mended) {
  const Seeding seeding = share_one(100'000);
  const std::string changed = random_text(99, 100'000);
  write_file(from_ / "tree" / "file", changed);
  getter_->fetch(7, {seeding.torrent_file, to_ / "into"});
  getter_->connect_peer(7, sharer_.endpoint());
  ASSERT_TRUE(getter_.wait<MetadataReady>(7));
  getter_->accept(7);
  EXPECT_FALSE(getter_.wait<Fetched>(7, 1500ms));
  EXPECT_EQ(read_file(from_ / "tree" / "file"), changed);
}

TEST(Listen, a_port_in_use_is_said) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<::sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ::getsockname(fd, reinterpret_cast<::sockaddr*>(&address), &size);
  TransferConfig config;
  config.listen = {Endpoint::v4(127, 0, 0, 1, ntohs(address.sin_port))};
  const auto made = make_transfer(config, [] {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, TransferErrc::kListen);
  EXPECT_EQ(made.error().sentence, "can't listen on " + config.listen[0].text() + " (TCP): the port is in use");
  ::close(fd);
}

TEST(Listen, the_ring_may_hold_the_same_number_for_udp) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<::sockaddr*>(&address), size), 0);
  ::getsockname(fd, reinterpret_cast<::sockaddr*>(&address), &size);
  TransferConfig config;
  config.listen = {Endpoint::v4(127, 0, 0, 1, ntohs(address.sin_port))};
  const auto made = make_transfer(config, [] {});
  ASSERT_TRUE(made) << made.error().sentence;
  EXPECT_EQ((*made)->listen_port(), ntohs(address.sin_port));
  ::close(fd);
}

TEST(Listen, an_address_of_another_host_is_said) {
  TransferConfig config;
  config.listen = {Endpoint::v4(192, 0, 2, 1, 0)};
  const auto made = make_transfer(config, [] {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, TransferErrc::kListen);
}

TEST(Listen, everywhere_has_one_port_that_loopback_reaches) {
  TransferConfig config;
  config.listen = {Endpoint::v4(0, 0, 0, 0, 0)};
  config.lan = false;
  const auto made = make_transfer(config, [] {});
  ASSERT_TRUE(made) << made.error().sentence;
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((*made)->listen_port());
  EXPECT_EQ(::connect(fd, reinterpret_cast<::sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
}

TEST(Listen, nowhere_is_fine_too) {
  const auto made = make_transfer({}, [] {});
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->listen_port(), 0);
}

}  // namespace
}  // namespace rondo::peer::test
