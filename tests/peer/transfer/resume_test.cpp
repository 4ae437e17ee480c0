// A fetch that was interrupted goes on: what is on disk and right is not fetched again.
#include <gtest/gtest.h>

#include <algorithm>

#include "peer/transfer/lt_prepare.hpp"
#include "tests/peer/transfer/raw_seeder.hpp"

namespace rondo::peer::test {
namespace {

constexpr std::size_t kSize = 6'000'000;

class Resume : public ::testing::TestWithParam<bool> {
 protected:
  Resume() {
    write_file(from_ / "tree" / "big", random_text(1, kSize));
    write_file(from_ / "tree" / "small", random_text(2, 1'000));
    write_file(from_ / "tree" / "empty", "");
    seeding_ = sharer_.share({from_ / "tree"}, GetParam());
  }

  [[nodiscard]] fs::path staging() const { return staging_folder(to_ / "into", seeding_.content.info_hash); }

  /// Fetches everything from the sharer and says what it sent; what was found on the way is in `resumed`.
  std::uint64_t finish(TestPeer& getter) {
    const std::uint64_t before = sent();
    EXPECT_TRUE(getter.fetch(seeding_.torrent_file, to_ / "into", sharer_.endpoint())) << getter.failure.sentence;
    for (const TransferEvent& event : getter.events)
      if (const auto* found = std::get_if<Resumed>(&event.what)) resumed_ = *found;
    EXPECT_EQ(tree_of(to_ / "into"), tree_of(from_.path()));
    // The figures come twice a second; the last one is that of the end.
    sharer_.wait_until([&] { return quiet(); }, 3s);
    return sent() - before;
  }

  std::uint64_t sent() {
    std::uint64_t out = 0;
    for (const TransferEvent& event : sharer_.events)
      if (const auto* progress = std::get_if<TransferProgress>(&event.what)) out = progress->uploaded;
    return out;
  }

  /// The getter is gone, and the sharer knows.
  bool quiet() {
    const TransferProgress* last = nullptr;
    for (const TransferEvent& event : sharer_.events)
      if (const auto* progress = std::get_if<TransferProgress>(&event.what)) last = progress;
    return last != nullptr && last->peers == 0 && last->uploaded > 0;
  }

  static std::uint64_t done(const TestPeer& getter) {
    std::uint64_t out = 0;
    for (const TransferEvent& event : getter.events)
      if (const auto* progress = std::get_if<TransferProgress>(&event.what)) out = progress->done;
    return out;
  }

  [[nodiscard]] lt::torrent_info info() const {
    const Bytes& file = seeding_.torrent_file;
    return lt::torrent_info(
        lt::span<const char>(reinterpret_cast<const char*>(file.data()), static_cast<std::ptrdiff_t>(file.size())),
        lt::from_span);
  }

  /// Where each file of the torrent is, for a peer that isn't ours.
  [[nodiscard]] std::map<int, std::string> disk_paths() const {
    const lt::torrent_info torrent = info();
    std::map<int, std::string> out;
    for (const lt::file_index_t i : torrent.files().file_range())
      out[static_cast<int>(i)] = torrent.files().file_path(i, from_.path().string());
    return out;
  }

  /// A staging folder with everything, and a record that says so.
  void record_of_a_whole() {
    fs::create_directories(staging());
    fs::copy(from_ / "tree", staging() / "tree", fs::copy_options::recursive);
    lt::add_torrent_params params;
    params.info_hashes = info().info_hashes();
    params.have_pieces.resize(info().num_pieces(), true);
    const Bytes record = resume_file(params);
    write_file(staging() / ".resume", std::string(record.begin(), record.end()));
  }

  TempDir from_;
  TempDir to_;
  TestPeer sharer_;
  Seeding seeding_;
  Resumed resumed_;
};

TEST_P(Resume, without_a_record_everything_there_is_hashed) {
  // The first half as it should be, then a damaged stretch, then nothing.
  std::string half = random_text(1, kSize).substr(0, kSize / 2);
  std::fill(half.end() - 100'000, half.end(), 'x');
  write_file(staging() / "tree" / "big", half);
  TestPeer getter;
  const std::uint64_t fetched = finish(getter);
  EXPECT_GT(resumed_.kept, kSize / 2 - 400'000);
  EXPECT_LT(resumed_.kept, kSize / 2 - 90'000);
  EXPECT_EQ(resumed_.checked, resumed_.kept);
  EXPECT_LT(fetched, kSize / 2 + 500'000);
}

TEST_P(Resume, what_is_on_record_is_not_hashed_again) {
  {
    // Slow enough to be caught in the middle.
    RawSeeder slow;
    slow.seed(seeding_.torrent_file, disk_paths(), 2'000'000);
    TestPeer getter(true, 50ms);
    getter->fetch(7, {seeding_.torrent_file, to_ / "into"});
    getter->connect_peer(7, slow.endpoint());
    ASSERT_TRUE(getter.wait<MetadataReady>(7)) << getter.failure.sentence;
    getter->accept(7);
    ASSERT_TRUE(getter.wait_until([&] { return fs::exists(staging() / ".resume") && done(getter) > kSize * 2 / 3; }));
    getter->cancel(7);
    getter->shutdown();
  }
  EXPECT_TRUE(fs::exists(staging() / "tree" / "big"));
  TestPeer getter;
  const std::uint64_t fetched = finish(getter);
  EXPECT_GT(resumed_.kept, kSize / 2);
  EXPECT_LT(resumed_.checked, resumed_.kept) << "the record covers most of it";
  EXPECT_LE(fetched, kSize - resumed_.kept + 300'000);
}

TEST_P(Resume, a_record_of_something_else_or_damaged_is_no_record) {
  for (const std::string& record : {std::string(), random_text(5, 5'000), std::string(100, 'd'),
                                    std::string("d11:file-format22:libtorrent resume filee")}) {
    const TempDir other;
    const fs::path folder = staging_folder(other / "into", seeding_.content.info_hash);
    write_file(folder / "tree" / "big", random_text(1, kSize).substr(0, 1'000'000));
    write_file(folder / ".resume", record);
    TestPeer getter;
    ASSERT_TRUE(getter.fetch(seeding_.torrent_file, other / "into", sharer_.endpoint())) << getter.failure.sentence;
    EXPECT_EQ(tree_of(other / "into"), tree_of(from_.path()));
  }
}

TEST_P(Resume, a_record_that_says_too_much_is_believed_as_far_as_files_reach) {
  record_of_a_whole();
  fs::resize_file(staging() / "tree" / "big", kSize / 3);
  fs::remove(staging() / "tree" / "small");
  TestPeer getter;
  finish(getter);
  EXPECT_LE(resumed_.kept, kSize / 3);
  EXPECT_GT(resumed_.kept, kSize / 3 - 300'000);
  EXPECT_EQ(resumed_.checked, 0u);
}

TEST_P(Resume, files_that_are_too_long_are_cut) {
  write_file(staging() / "tree" / "big", random_text(1, kSize) + "more");
  TestPeer getter;
  finish(getter);
  EXPECT_GT(resumed_.kept, kSize - 600'000);
}

TEST_P(Resume, what_is_no_file_of_ours_is_cleared_away) {
  write_file(from_ / "secret", random_text(9, 1'000));
  fs::create_directories(staging() / "tree");
  fs::create_symlink(from_ / "secret", staging() / "tree" / "small");
  write_file(staging() / "tree" / "big", "x");
  const TempDir elsewhere;
  fs::rename(from_ / "secret", elsewhere / "secret");
  TestPeer getter;
  finish(getter);
  EXPECT_EQ(read_file(elsewhere / "secret"), random_text(9, 1'000));
}

TEST_P(Resume, who_hashes_for_long_serves_and_fetches_meanwhile) {
  // Sparse, so that it costs no disk; hashing it takes many seconds, as a share of the same session and as what an
  // earlier fetch left.
  const TempDir huge;
  std::ofstream(huge / "disk.img") << "not all of it is zeros";
  fs::resize_file(huge / "disk.img", 20'000'000'000);
  CreateRequest request;
  request.paths = {huge / "disk.img"};
  sharer_->share(2, request);
  ASSERT_TRUE(sharer_.wait<HashProgress>(2));
  TestPeer getter;
  getter->share(2, request);
  ASSERT_TRUE(getter.wait<HashProgress>(2));
  ASSERT_TRUE(getter.fetch(seeding_.torrent_file, to_ / "into", sharer_.endpoint())) << getter.failure.sentence;
  EXPECT_EQ(tree_of(to_ / "into"), tree_of(from_.path()));
  for (const TestPeer* peer : {&sharer_, &getter})
    for (const TransferEvent& event : peer->events)
      EXPECT_FALSE(event.job == 2 && std::holds_alternative<Seeding>(event.what)) << "too quick to show anything";
}

INSTANTIATE_TEST_SUITE_P(v1_and_hybrid, Resume, ::testing::Bool());

}  // namespace
}  // namespace rondo::peer::test
