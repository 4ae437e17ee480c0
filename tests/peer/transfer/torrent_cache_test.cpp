#include "peer/transfer/torrent_cache.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <functional>

#include "peer/transfer/limits.hpp"
#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

Scan small_scan() {
  Scan scan;
  scan.name = "tree";
  scan.files = {{"tree/a", "/x/tree/a", 1, {1, 2, 3, 4, 5}, false}, {"tree/b", "/x/tree/b", 1, {1, 7, 3, 4, 5}, true}};
  return scan;
}

TEST(Fingerprint, differs_with_everything_that_matters) {
  const Fingerprint same = fingerprint_of(small_scan(), false);
  EXPECT_EQ(fingerprint_of(small_scan(), false), same);
  EXPECT_NE(fingerprint_of(small_scan(), true), same);
  const std::vector<std::function<void(Scan&)>> changes{
      [](Scan& scan) { scan.name = "other"; },
      [](Scan& scan) { scan.files.pop_back(); },
      [](Scan& scan) { scan.files[1].torrent_path = "tree/c"; },
      [](Scan& scan) { scan.files[1].disk_path = "/y/tree/b"; },
      [](Scan& scan) { scan.files[1].executable = false; },
      [](Scan& scan) { ++scan.files[1].identity.size; },
      [](Scan& scan) { ++scan.files[1].identity.inode; },
      [](Scan& scan) { ++scan.files[1].identity.device; },
      [](Scan& scan) { ++scan.files[1].identity.mtime; },
      [](Scan& scan) { ++scan.files[1].identity.ctime; },
      [](Scan& scan) { std::swap(scan.files[0], scan.files[1]); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Scan scan = small_scan();
    changes[i](scan);
    EXPECT_NE(fingerprint_of(scan, false), same) << i;
  }
}

TEST(Fingerprint, of_many_files_sees_the_first_and_the_last) {
  Scan scan;
  for (std::size_t i = 0; i < 2'000; ++i) scan.files.push_back({std::to_string(i), "/x", 1, {}, false});
  const Fingerprint same = fingerprint_of(scan, false);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1'000}, std::size_t{1'999}}) {
    Scan other = scan;
    ++other.files[i].identity.mtime;
    EXPECT_NE(fingerprint_of(other, false), same) << i;
  }
}

TEST(Settled, needs_two_seconds_of_rest_in_both_times) {
  Scan scan = small_scan();
  const std::int64_t now = 1'000'000'000'000;
  EXPECT_TRUE(is_settled(scan, now));
  scan.files[1].identity.mtime = now - 1'999'999'999;
  EXPECT_FALSE(is_settled(scan, now));
  scan.files[1].identity.mtime = 0;
  scan.files[0].identity.ctime = now;
  EXPECT_FALSE(is_settled(scan, now));
}

class Cache : public testing::Test {
 protected:
  static Fingerprint key(std::uint8_t number) {
    Fingerprint out{};
    out[0] = number;
    return out;
  }
  fs::path file(std::uint8_t number) const { return dir_ / "cache" / to_hex(key(number)); }

  TempDir dir_;
  TorrentCache cache_{dir_ / "cache"};
};

TEST_F(Cache, gives_back_what_it_got) {
  EXPECT_FALSE(cache_.find(key(1)));
  cache_.keep(key(1), as_bytes("torrent"));
  EXPECT_EQ(cache_.find(key(1)), Bytes({'t', 'o', 'r', 'r', 'e', 'n', 't'}));
  EXPECT_FALSE(cache_.find(key(2)));
  EXPECT_EQ(fs::status(file(1)).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(dir_ / "cache").permissions(), fs::perms::owner_all);
  TorrentCache none{fs::path()};
  none.keep(key(1), as_bytes("torrent"));
  EXPECT_FALSE(none.find(key(1)));
}

TEST_F(Cache, what_is_damaged_is_absent) {
  cache_.keep(key(1), as_bytes("torrent"));
  const std::string whole = read_file(file(1));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_file(file(1), whole.substr(0, length));
    EXPECT_FALSE(cache_.find(key(1))) << length;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    write_file(file(1), damaged);
    EXPECT_FALSE(cache_.find(key(1))) << at;
  }
  write_file(file(1), whole + "x");
  EXPECT_FALSE(cache_.find(key(1)));
  fs::remove(file(1));
  fs::create_directories(file(1));
  EXPECT_FALSE(cache_.find(key(1)));
}

TEST_F(Cache, what_was_not_used_for_longest_goes_first) {
  const auto age = [&](std::uint8_t number, std::chrono::hours by) {
    fs::last_write_time(file(number), fs::file_time_type::clock::now() - by);
  };
  for (std::uint8_t i = 0; i < limits::kCacheFiles; ++i) {
    cache_.keep(key(i), as_bytes("torrent"));
    age(i, 1h * (100 - i));
  }
  EXPECT_TRUE(cache_.find(key(0)));  // used again, so 1 is the oldest now
  write_file(dir_ / "cache" / "new-abc", "of one that was killed");
  fs::last_write_time(dir_ / "cache" / "new-abc", fs::file_time_type::clock::now() - 24h);
  write_file(dir_ / "cache" / "new-def", "of one that is at it");
  cache_.keep(key(200), as_bytes("torrent"));
  EXPECT_TRUE(cache_.find(key(0)));
  EXPECT_FALSE(cache_.find(key(1)));
  EXPECT_TRUE(cache_.find(key(2)));
  EXPECT_TRUE(cache_.find(key(200)));
  EXPECT_FALSE(fs::exists(dir_ / "cache" / "new-abc"));
  EXPECT_TRUE(fs::exists(dir_ / "cache" / "new-def"));
}

// --- of shares -------------------------------------------------------------------------------------------------------

class CachedShare : public testing::Test {
 protected:
  void SetUp() override {
    write_file(from_ / "tree" / "a", random_text(1, 100'000));
    write_file(from_ / "tree" / "b", random_text(2, 100'000));
  }

  /// Shares by a process of its own, as it were.
  Seeding share(bool hybrid = false) {
    TestPeer peer(true, 10s, state_.path());
    return peer.share({from_ / "tree"}, hybrid);
  }
  /// Until the files have been at rest for long enough.
  void share_until_cached() {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (share().hashed != 0) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }

  TempDir from_;
  TempDir to_;
  TempDir state_;
};

TEST_F(CachedShare, started_again_reads_nothing_and_is_the_same) {
  const Seeding first = share();
  EXPECT_EQ(first.hashed, 200'000u) << "its files are new";
  share_until_cached();
  EXPECT_EQ(share(true).hashed, 200'000u) << "another torrent";
  TestPeer sharer(true, 10s, state_.path());
  const Seeding again = sharer.share({from_ / "tree"});
  EXPECT_EQ(again.hashed, 0u);
  EXPECT_EQ(again.torrent_file, first.torrent_file);
  TestPeer getter;
  ASSERT_TRUE(getter.fetch(magnet_of(again.content), to_ / "into", sharer.endpoint())) << getter.failure.sentence;
  EXPECT_EQ(tree_of(to_ / "into"), tree_of(from_.path()));
}

TEST_F(CachedShare, whatever_touches_a_file_makes_it_read_again) {
  share_until_cached();
  ::chmod((from_ / "tree" / "a").c_str(), 0600);
  EXPECT_EQ(share().hashed, 200'000u);
  share_until_cached();
  const Seeding before = share();
  EXPECT_EQ(before.hashed, 0u);
  // The same size and time of change, by somebody who wants to hide it.
  struct ::stat info {};
  ASSERT_EQ(::stat((from_ / "tree" / "a").c_str(), &info), 0);
  std::fstream(from_ / "tree" / "a", std::ios::in | std::ios::out) << "other";
  const std::array<::timespec, 2> times{info.st_atim, info.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (from_ / "tree" / "a").c_str(), times.data(), 0), 0);
  const Seeding after = share();
  EXPECT_EQ(after.hashed, 200'000u);
  EXPECT_NE(after.content.info_hash, before.content.info_hash);
}

TEST_F(CachedShare, a_damaged_cache_costs_a_reading) {
  share_until_cached();
  for (const auto& entry : fs::directory_iterator(state_ / "torrents")) write_file(entry.path(), "junk");
  EXPECT_EQ(share().hashed, 200'000u);
  EXPECT_EQ(share().hashed, 0u);
}

}  // namespace
}  // namespace rondo::peer::test
