// Files that change while they are shared: never served wrong, said at once, and the rest is served on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "peer/transfer/limits.hpp"
#include "peer/transfer/lt_served.hpp"
#include "peer/transfer/lt_torrent.hpp"
#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

constexpr std::size_t kSize = 100'000;

/// A tree of three files of seven pieces each or so, shared by sharer_ as job 1.
class Changes : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b", "c"})
      write_file(tree() / name, random_text(static_cast<unsigned char>(name[0]), kSize));
  }

  void share(bool hybrid = false) {
    original_ = tree_of(from_.path());
    seeding_ = sharer_.share({tree()}, hybrid);
  }

  /// The next news of the sharer, within the 2 s that were promised.
  std::optional<ContentChanged> news(std::chrono::milliseconds limit = 2s) { return news(limit, getter_); }
  std::optional<ContentChanged> news(std::chrono::milliseconds limit, TestPeer& getter) {
    const std::size_t first = seen_;
    std::optional<ContentChanged> out;
    sharer_.wait_until(
        [&] {
          getter.drain();
          for (std::size_t i = first; i < sharer_.events.size(); ++i)
            if (const auto* changed = std::get_if<ContentChanged>(&sharer_.events[i].what)) {
              out = *changed;
              seen_ = i + 1;
              return true;
            }
          return false;
        },
        limit);
    return out;
  }

  void start_get() {
    getter_->fetch(7, {seeding_->torrent_file, to_ / "into"});
    getter_->connect_peer(7, sharer_.endpoint());
    ASSERT_TRUE(getter_.wait<MetadataReady>(7)) << getter_.failure.sentence;
    getter_->accept(7);
  }

  /// Runs both until the getter has that many bytes. What it has it has verified.
  bool getter_has(std::uint64_t bytes, std::chrono::milliseconds limit = 10s) {
    std::size_t next = 0;
    std::uint64_t done = 0;
    return getter_.wait_until(
        [&] {
          sharer_.drain();
          for (; next < getter_.events.size(); ++next)
            if (const auto* progress = std::get_if<TransferProgress>(&getter_.events[next].what)) done = progress->done;
          return done >= bytes;
        },
        limit);
  }

  bool getter_ended() const {
    return std::any_of(getter_.events.begin(), getter_.events.end(), [](const TransferEvent& event) {
      return std::holds_alternative<Fetched>(event.what) || std::holds_alternative<JobFailed>(event.what);
    });
  }

  /// That the getter gets what is left, and not more: the piece at each end of the lost file is lost to its neighbour.
  void expect_rest_is_served(std::uint64_t left) {
    EXPECT_TRUE(getter_has(left)) << "of " << left;
    EXPECT_FALSE(getter_has(left + 1, 300ms));
    EXPECT_FALSE(getter_ended());
  }

  fs::path tree() const { return from_ / "tree"; }

  TempDir from_;
  TempDir to_;
  TestPeer sharer_;
  TestPeer getter_;
  Tree original_;
  std::optional<Seeding> seeding_;
  std::size_t seen_ = 0;
};

TEST_F(Changes, a_file_overwritten_in_place_is_said_and_the_rest_is_served) {
  share();
  {
    std::fstream file(tree() / "b", std::ios::in | std::ios::out | std::ios::binary);
    file << "other bytes";
  }
  const auto changed = news();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->sentence,
            "tree/b changed since it was hashed: it is not served any more; share it again to share what it is now");
  EXPECT_EQ(changed->files, std::vector<std::string>{"tree/b"});
  EXPECT_EQ(changed->count, 1u);
  EXPECT_GT(changed->bytes_left, 2 * kSize - 2 * 16'384);
  EXPECT_LT(changed->bytes_left, 2 * kSize);
  start_get();
  expect_rest_is_served(changed->bytes_left);
}

TEST_F(Changes, hybrids_go_on_too) {
  share(true);
  fs::remove(tree() / "b");
  const auto changed = news();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->sentence, "tree/b is gone: it is not served any more");
  // Files begin at pieces, so the neighbours lose nothing; padding counts.
  EXPECT_GE(changed->bytes_left, 2 * kSize);
  start_get();
  EXPECT_TRUE(getter_has(2 * kSize));
}

TEST_F(Changes, a_getter_that_is_at_it_comes_back_for_the_rest) {
  // Each takes longer to fetch than a change takes to be noticed. Holes are quickly made and read.
  for (const char* name : {"b", "c"}) fs::resize_file(tree() / name, 200'000'000);
  share();
  start_get();
  // It has begun.
  ASSERT_TRUE(getter_.wait_until([&] {
    sharer_.drain();
    return has_any(to_ / "into");
  }));
  fs::resize_file(tree() / "c", 10);
  const auto changed = news();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->files, std::vector<std::string>{"tree/c"});
  EXPECT_TRUE(getter_has(changed->bytes_left));
  EXPECT_FALSE(getter_ended());
}

TEST_F(Changes, several_losses_are_one_sentence) {
  for (const char* name : {"d", "e"})
    write_file(tree() / name, random_text(static_cast<unsigned char>(name[0]), kSize));
  share();
  for (const char* name : {"a", "b", "c", "e"}) fs::remove(tree() / name);
  const auto changed = news();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->sentence, "tree/a, tree/b, tree/c and 1 more are gone: they are not served any more");
  EXPECT_EQ(changed->count, 4u);
}

TEST_F(Changes, a_share_of_which_nothing_is_left_ends) {
  share();
  fs::rename(tree(), from_ / "elsewhere");
  EXPECT_FALSE(sharer_.wait<Fetched>(1, 2s));
  EXPECT_EQ(sharer_.failure.code, TransferErrc::kUnreadable);
  EXPECT_EQ(sharer_.failure.sentence,
            "tree/a, tree/b and tree/c are gone: they are not served any more; nothing of the share is left");
}

TEST_F(Changes, a_file_that_was_only_looked_at_is_served_on) {
  share();
  read_file(tree() / "b");
  ::chmod((tree() / "b").c_str(), 0755);
  fs::rename(tree() / "c", tree() / "x");
  EXPECT_TRUE(news());
  start_get();
  EXPECT_TRUE(getter_has(kSize));
  for (const TransferEvent& event : sharer_.events) {
    const auto* changed = std::get_if<ContentChanged>(&event.what);
    EXPECT_TRUE(changed == nullptr || changed->files == std::vector<std::string>{"tree/c"});
  }
}

/// Writes to a file so that inotify tells nobody: through a mapping, for as long as this lives.
class UnseenWrite {
 public:
  UnseenWrite(const fs::path& path, std::size_t offset) : fd_(::open(path.c_str(), O_RDWR)) {
    map_ = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    EXPECT_NE(map_, MAP_FAILED);
    static_cast<char*>(map_)[offset] = static_cast<char>(~static_cast<char*>(map_)[offset]);
  }
  ~UnseenWrite() {
    ::munmap(map_, kSize);
    ::close(fd_);
  }
  UnseenWrite(const UnseenWrite&) = delete;
  UnseenWrite& operator=(const UnseenWrite&) = delete;

 private:
  int fd_;
  void* map_;
};

class UnseenChanges : public Changes, public testing::WithParamInterface<bool> {};

TEST_P(UnseenChanges, are_noticed_before_a_byte_of_them_is_served) {
  // Long enough to be served without being verified again.
  wait_until_at_rest(tree());
  share(GetParam());
  const auto before = read_identity((tree() / "b").string());
  const UnseenWrite write(tree() / "b", 50'000);
  if (read_identity((tree() / "b").string()) == before) GTEST_SKIP() << "tmpfs does not show it";
  start_get();
  const auto changed = news(10s);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->files, std::vector<std::string>{"tree/b"});
  EXPECT_NE(changed->sentence.find("changed since it was hashed"), std::string::npos) << changed->sentence;
  EXPECT_TRUE(getter_has(std::min<std::uint64_t>(changed->bytes_left, 2 * kSize)));
  EXPECT_FALSE(getter_ended());
}

INSTANTIATE_TEST_SUITE_P(Torrents, UnseenChanges, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "hybrid" : "v1"; });

class SecretChanges : public UnseenChanges {};

TEST_P(SecretChanges, are_found_when_they_are_asked_for) {
  const bool at_rest = GetParam();
  if (at_rest) wait_until_at_rest(tree());
  share();
  write_in_secret(tree() / "b", 50'000);
  // Who asks before the watch has heard of it refuses what it gets; the next one's asking finds it.
  std::optional<ContentChanged> changed;
  for (int i = 0; i < 5 && !changed; ++i) {
    TestPeer asking;
    asking->fetch(7, {seeding_->torrent_file, to_ / std::to_string(i)});
    asking->connect_peer(7, sharer_.endpoint());
    ASSERT_TRUE(asking.wait<MetadataReady>(7));
    asking->accept(7);
    changed = news(3s, asking);
  }
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->sentence,
            "tree/b changed since it was hashed: it is not served any more; share it again to share what it is now");
  start_get();
  EXPECT_TRUE(getter_has(changed->bytes_left));
  EXPECT_FALSE(getter_ended());
}

INSTANTIATE_TEST_SUITE_P(Files, SecretChanges, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "at_rest" : "just_written"; });

TEST_F(Changes, a_file_that_is_touched_after_another_was_lost_is_read_and_served_on) {
  share();
  fs::remove(tree() / "a");
  ASSERT_TRUE(news());
  ::chmod((tree() / "b").c_str(), 0600);
  start_get();
  EXPECT_TRUE(getter_has(2 * kSize - 2 * 16'384));
  EXPECT_FALSE(news(0ms));
}

MadeTorrent made_of(const fs::path& path, const TorrentCache& cache = {}) {
  CreateRequest request;
  request.paths = {path};
  auto made = make_torrent(
      request, [](HashProgress) {}, false, cache);
  EXPECT_TRUE(made.ok());
  return std::move(*made);
}

TEST_F(Changes, a_piece_that_reads_differently_though_nobody_touched_its_file) {
  const MadeTorrent made = made_of(tree());
  ServedFiles served(made.loaded.params, true);
  served.doubt_all();
  const auto part = served.next_part();
  ASSERT_TRUE(part);
  std::vector<bool> right(static_cast<std::size_t>(made.loaded.params.ti->num_pieces()), true);
  right[1] = false;
  served.found(*part, right);
  const auto told = served.take_news(made.loaded.content);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->sentence,
            "tree/a reads differently from when hashed, though nothing says that somebody changed it (a failing "
            "disk?): the damaged parts are not served any more");
  EXPECT_EQ(told->bytes_left, 3 * kSize - 16'384);
}

TEST_F(Changes, a_lost_file_explains_wrong_pieces_that_it_shares) {
  const MadeTorrent made = made_of(tree());
  ServedFiles served(made.loaded.params, true);
  served.lose({1, Loss::kGone});
  EXPECT_TRUE(served.take_news(made.loaded.content));
  served.doubt_all();
  const auto part = served.next_part();
  ASSERT_TRUE(part);
  std::vector<bool> right(static_cast<std::size_t>(made.loaded.params.ti->num_pieces()), true);
  for (std::size_t i = kSize / 16'384; i <= 2 * kSize / 16'384; ++i) right[i] = false;
  served.found(*part, right);
  EXPECT_FALSE(served.take_news(made.loaded.content));
  // One that was touched is lost by a wrong piece of its own.
  served.lose({0, Loss::kTouched});
  EXPECT_TRUE(served.must_be_read());
  served.doubt_all();
  right[0] = false;
  served.found(*served.next_part(), right);
  const auto told = served.take_news(made.loaded.content);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->files, std::vector<std::string>{"tree/a"});
  EXPECT_NE(told->sentence.find("changed since it was hashed"), std::string::npos) << told->sentence;
}

class Verified : public testing::Test {
 protected:
  Verified() { write_file(from_ / "f", "content"); }

  MadeTorrent make() { return made_of(from_ / "f", cache_); }

  TempDir from_;
  TempDir state_;
  TorrentCache cache_{state_.path()};
};

TEST_F(Verified, is_what_was_hashed_just_now_and_was_at_rest) {
  if (!shows_writes((from_ / "f").string())) GTEST_SKIP() << "no file system for it here";
  const MadeTorrent fresh = make();
  EXPECT_TRUE(fresh.shows_writes);
  EXPECT_FALSE(fresh.is_verified) << "written to just now";
  wait_until_at_rest(from_.path());
  const MadeTorrent rested = make();
  EXPECT_EQ(rested.hashed, 7u);
  EXPECT_TRUE(rested.is_verified);
  const MadeTorrent cached = make();
  EXPECT_EQ(cached.hashed, 0u);
  EXPECT_FALSE(cached.is_verified) << "hashed by somebody else";
}

TEST_F(Changes, a_file_that_changes_while_it_is_hashed_is_no_share) {
  std::ofstream(tree() / "d") << "x";
  fs::resize_file(tree() / "d", 1'500'000'000);
  CreateRequest request;
  request.paths = {tree()};
  sharer_->share(1, request);
  ASSERT_TRUE(sharer_.wait<HashProgress>(1));
  write_file(tree() / "a", random_text(99, kSize));
  EXPECT_FALSE(sharer_.wait<Seeding>(1, 30s));
  EXPECT_EQ(sharer_.failure.code, TransferErrc::kUnreadable);
  EXPECT_EQ(sharer_.failure.sentence, "can't share " + (tree() / "a").string() +
                                          ": it was changed while it was read; try again when it is at rest");
}

}  // namespace
}  // namespace rondo::peer::test
