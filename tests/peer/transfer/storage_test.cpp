// What libtorrent seldom asks a disk for: checking, renaming, removing; and the cache of open files.
#include <fcntl.h>

#include "peer/transfer/disk_order.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/open_files.hpp"
#include "tests/peer/transfer/disk_harness.hpp"

namespace rondo::peer::test {
namespace {

class DiskFiles : public ::testing::Test {
 protected:
  [[nodiscard]] std::string base() const { return base_.path().string(); }

  TempDir base_;
  const TestTorrent torrent_{{{"tree/a", kBlock + 5}, {"tree/empty", 0}, {"tree/b/c", kBlock}}, 2 * kBlock};
};

lt::add_torrent_params resume_with(std::vector<bool> pieces) {
  lt::add_torrent_params out;
  out.have_pieces.resize(static_cast<int>(pieces.size()), false);
  for (std::size_t i = 0; i < pieces.size(); ++i)
    if (pieces[i]) out.have_pieces.set_bit(lt::piece_index_t{static_cast<int>(i)});
  return out;
}

TEST_F(DiskFiles, a_check_without_a_record_asks_whether_anything_is_there) {
  TestDisk test(torrent_, base());
  EXPECT_EQ(test.check(nullptr), lt::status_t::no_error);
  EXPECT_EQ(read_file(base_ / "tree/empty"), "");
  EXPECT_TRUE(fs::exists(base_ / "tree/empty"));
  EXPECT_FALSE(fs::exists(base_ / "tree/a"));
  write_file(base_ / "tree/b/c", "x");
  EXPECT_EQ(test.check(nullptr), lt::status_t::need_full_check);
}

TEST_F(DiskFiles, a_check_with_a_record_compares_sizes) {
  TestDisk test(torrent_, base());
  const auto first = resume_with({true, false});
  EXPECT_EQ(test.check(&first), lt::status_t::need_full_check);
  write_file(base_ / "tree/a", torrent_.file(0));
  write_file(base_ / "tree/b/c", torrent_.file(2).substr(0, kBlock - 5));
  EXPECT_EQ(test.check(&first), lt::status_t::no_error) << "the first piece ends there";
  const auto both = resume_with({true, true});
  EXPECT_EQ(test.check(&both), lt::status_t::need_full_check);
  lt::add_torrent_params seed;
  seed.flags = lt::torrent_flags::seed_mode;
  EXPECT_EQ(test.check(&seed), lt::status_t::need_full_check);
  write_file(base_ / "tree/b/c", torrent_.file(2));
  EXPECT_EQ(test.check(&both), lt::status_t::no_error);
  EXPECT_EQ(test.check(&seed), lt::status_t::no_error);
}

TEST_F(DiskFiles, a_seed_makes_no_file) {
  TestDisk test(torrent_, base());
  lt::add_torrent_params seed;
  seed.flags = lt::torrent_flags::seed_mode;
  EXPECT_EQ(test.check(&seed), lt::status_t::need_full_check);
  EXPECT_TRUE(fs::is_empty(base_.path()));
}

TEST_F(DiskFiles, what_comes_of_a_skipped_file_is_in_its_own_place) {
  TestDisk test(torrent_, base(), {lt::default_priority, lt::default_priority, lt::dont_download});
  for (const auto& [piece, offset] : torrent_.blocks())
    if (piece == 0) {
      ASSERT_FALSE(test.write_block(piece, offset));
    }
  EXPECT_EQ(test.hash(0).first, sha1_of(torrent_.piece(0)));
  EXPECT_EQ(read_file(base_ / "tree/b/c"), torrent_.file(2).substr(0, kBlock - 5));
  bool set = false;
  test.disk->async_set_file_priority(test.holder, {},
                                     [&](const lt::storage_error& error, const auto&) { set = !error; });
  ASSERT_TRUE(test.run_until([&] { return set; }));
  EXPECT_EQ(test.read(0, kBlock, kBlock).first, torrent_.content.substr(kBlock, kBlock));
}

TEST_F(DiskFiles, a_file_is_renamed_where_it_is_and_in_what_follows) {
  TestDisk test(torrent_, base());
  ASSERT_FALSE(test.write_block(0, 0));
  std::optional<lt::storage_error> result;
  const auto rename = [&](const std::string& name) {
    result.reset();
    test.disk->async_rename_file(
        test.holder, lt::file_index_t{0}, name,
        [&](const std::string&, lt::file_index_t, const lt::storage_error& error) { result = error; });
    EXPECT_TRUE(test.run_until([&] { return result.has_value(); }));
    return *result;
  };
  EXPECT_FALSE(rename("other/deep/name"));
  EXPECT_FALSE(fs::exists(base_ / "tree/a"));
  ASSERT_FALSE(test.write_block(0, kBlock));
  test.release();
  EXPECT_EQ(read_file(base_ / "other/deep/name"), torrent_.file(0));
  for (const char* bad : {"../out", "other/..", ""}) EXPECT_TRUE(rename(bad)) << bad;
  EXPECT_EQ(test.read(0, 0, kBlock).first, torrent_.content.substr(0, kBlock));
}

TEST_F(DiskFiles, only_the_torrents_own_files_are_removed) {
  TempDir elsewhere;
  const std::string absolute = (elsewhere / "mine").string();
  write_file(absolute, "mine");
  const TestTorrent torrent({{"tree/a", kBlock}, {"tree/b/c", kBlock}, {absolute, 4}, {"tree/d/e", kBlock}}, kBlock);
  TestDisk test(torrent, base());
  ASSERT_FALSE(test.write_block(0, 0));
  ASSERT_FALSE(test.write_block(1, 0));
  write_file(base_ / "tree/b/other", "x");
  fs::create_directories(base_ / "tree/d");
  const auto remove = [&](lt::remove_flags_t options) {
    std::optional<lt::storage_error> result;
    test.disk->async_delete_files(test.holder, options, [&](const lt::storage_error& error) { result = error; });
    EXPECT_TRUE(test.run_until([&] { return result.has_value(); }));
    EXPECT_FALSE(*result) << result->ec.message();
  };
  remove(lt::session_handle::delete_partfile);
  EXPECT_TRUE(fs::exists(base_ / "tree/a"));
  remove(lt::session_handle::delete_files);
  EXPECT_EQ(tree_of(base_.path()).size(), 3u) << "tree, tree/b, tree/b/other";
  EXPECT_TRUE(fs::exists(base_ / "tree/b/other"));
  EXPECT_EQ(read_file(absolute), "mine");
}

TEST_F(DiskFiles, nothing_is_moved) {
  TestDisk test(torrent_, base());
  ASSERT_FALSE(test.write_block(0, 0));
  std::optional<lt::status_t> status;
  std::string path;
  test.disk->async_move_storage(test.holder, "/elsewhere", lt::move_flags_t::fail_if_exist,
                                [&](lt::status_t result, const std::string& where, const lt::storage_error& error) {
                                  EXPECT_EQ(error.ec, boost::system::errc::operation_not_supported);
                                  status = result;
                                  path = where;
                                });
  ASSERT_TRUE(test.run_until([&] { return status.has_value(); }));
  EXPECT_EQ(*status, lt::status_t::fatal_disk_error);
  EXPECT_EQ(path, base());
}

TEST_F(DiskFiles, a_folder_known_by_its_descriptor_is_opened_at_once) {
  std::optional<TestDisk> test;
  TempDir other;
  {
    const Fd folder(::open(base().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    test.emplace(torrent_, "/proc/self/fd/" + std::to_string(folder.get()));
  }
  // Its number may be another's now.
  const Fd another(::open(other.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_FALSE(test->write_block(0, 0));
  EXPECT_TRUE(fs::exists(base_ / "tree/a"));
  EXPECT_TRUE(fs::is_empty(other.path()));
}

// --- open files -----------------------------------------------------------------------------------------------------

TEST(OpenFilesTest, the_least_recently_used_is_closed) {
  OpenFiles files(3);
  int opened = 0;
  const auto get = [&](int file, bool writable = false) {
    return files.get(&files, file, writable, nullptr, [&] {
      ++opened;
      return Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    });
  };
  for (const int file : {1, 2, 3, 1, 4}) ASSERT_TRUE(get(file));
  EXPECT_EQ(opened, 4);
  EXPECT_EQ(files.of(&files).size(), 3u);
  get(1);
  get(3);
  EXPECT_EQ(opened, 4);
  get(2);
  EXPECT_EQ(opened, 5) << "2 was used longest ago when 4 came";
  // For writing it is opened anew, and then does for both.
  EXPECT_TRUE(get(2, true)->writable());
  EXPECT_TRUE(get(2)->writable());
  EXPECT_EQ(opened, 6);
  files.close(&files, 2);
  EXPECT_EQ(files.of(&files).size(), 2u);
  files.close(&opened);
  EXPECT_FALSE(files.empty());
  files.close_all();
  EXPECT_TRUE(files.empty());
}

TEST(OpenFilesTest, what_closing_a_written_file_says_is_kept) {
  const auto fault = std::make_shared<CloseFault>();
  for (const bool writable : {false, true}) {
    const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    {
      const OpenFile file(Fd(fd), 5, writable, fault);
      // So that closing it fails.
      ASSERT_EQ(::close(fd), 0);
    }
    EXPECT_EQ(fault->error, writable ? EBADF : 0);
  }
  EXPECT_EQ(fault->file, 5);
}

// --- order ----------------------------------------------------------------------------------------------------------

class NoJob final : public DiskJob {
 public:
  using DiskJob::DiskJob;
  std::size_t run(std::span<const std::unique_ptr<DiskJob>>, PieceHash*, DiskTools&) override { return 1; }
  void cancel() override {}
  void finish() override {}
};

class Order : public ::testing::Test {
 protected:
  void add(std::initializer_list<int> pieces) {
    for (const int piece : pieces) order_.add(torrent_, std::make_unique<NoJob>(piece));
  }
  /// Which piece's turn it is and how many jobs it has; nothing when all must wait.
  std::pair<int, std::size_t> take() {
    if (!order_.has_ready()) return {-2, 0};
    running_.push_back(order_.take());
    return {running_.back().piece, running_.back().jobs.size()};
  }
  /// The oldest run ends.
  void done() {
    DiskOrder::Run run = std::move(running_.front());
    running_.erase(running_.begin());
    const std::size_t count = run.jobs.size();
    order_.done(std::move(run), count);
  }

  static constexpr std::pair<int, std::size_t> kNothing{-2, 0};
  static constexpr int kFence = DiskJob::kFence;
  using Turn = std::pair<int, std::size_t>;
  TorrentJobs torrent_;
  DiskOrder order_;
  std::vector<DiskOrder::Run> running_;
};

TEST_F(Order, one_piece_one_worker) {
  add({4, 4, 5});
  EXPECT_EQ(take(), Turn(4, 2));
  EXPECT_EQ(take(), Turn(5, 1));
  add({4});
  EXPECT_EQ(take(), kNothing);
  done();
  EXPECT_EQ(take(), Turn(4, 1));
}

TEST_F(Order, a_fence_is_alone) {
  add({1, 2, kFence, 1, kFence, kFence, 3});
  EXPECT_EQ(take(), Turn(1, 1));
  EXPECT_EQ(take(), Turn(2, 1));
  done();
  EXPECT_EQ(take(), kNothing);
  done();
  EXPECT_EQ(take(), Turn(kFence, 1));
  add({9});
  EXPECT_EQ(take(), kNothing);
  done();
  for (const int piece : {1, kFence, kFence, 3, 9}) {
    EXPECT_EQ(take(), Turn(piece, 1));
    if (piece == 3) continue;
    if (piece != 9) {
      EXPECT_EQ(take(), kNothing);
    }
    done();
  }
  done();
  EXPECT_EQ(order_.unfinished(), 0u);
}

TEST_F(Order, another_torrents_fence_is_nothing_to_us) {
  TorrentJobs other;
  order_.add(other, std::make_unique<NoJob>(kFence));
  add({1});
  EXPECT_EQ(take(), Turn(kFence, 1));
  EXPECT_EQ(take(), Turn(1, 1));
  done();
  done();
}

TEST_F(Order, a_fence_forgets_hashes) {
  const auto run_with_hash = [&](int piece) {
    add({piece});
    take();
    const bool had = running_.front().hash != nullptr;
    running_.front().hash = std::make_unique<PieceHash>();
    done();
    return had;
  };
  EXPECT_FALSE(run_with_hash(1));
  EXPECT_TRUE(run_with_hash(1));
  add({kFence});
  take();
  done();
  EXPECT_FALSE(run_with_hash(1));
  // And idle ones are bounded.
  const int many = static_cast<int>(limits::kRunningHashes) + 10;
  for (int piece = 0; piece < many; ++piece) run_with_hash(piece);
  int kept = 0;
  for (int piece = 0; piece < many; ++piece) kept += run_with_hash(piece) ? 1 : 0;
  EXPECT_EQ(kept, static_cast<int>(limits::kRunningHashes));
  order_.forget(torrent_);
}

}  // namespace
}  // namespace rondo::peer::test
