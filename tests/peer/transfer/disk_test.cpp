// The disk back-end through libtorrent's interface: what is written is read and hashed, in the order in which it was
// asked for, and what goes wrong is told.
#include <sys/resource.h>

#include <array>
#include <map>

#include "peer/transfer/limits.hpp"
#include "tests/peer/transfer/disk_harness.hpp"

namespace rondo::peer::test {
namespace {

/// Borders of files within blocks and pieces, an empty file, folders, a pad.
std::vector<TestFile> some_files() {
  return {{"tree/a", 5'000},        {"tree/b/c", 70'000}, {"tree/empty", 0}, {"tree/b/d", 1},
          {"tree/.pad/1", 9, true}, {"tree/b/e", 40'000}, {"tree/f", 16'384}};
}

class Disk : public ::testing::Test {
 protected:
  [[nodiscard]] std::string base() const { return base_.path().string(); }

  TempDir base_;
};

TEST_F(Disk, what_is_written_in_any_order_is_read_and_hashed) {
  const TestTorrent torrent(some_files(), 2 * kBlock);
  TestDisk test(torrent, base());
  auto blocks = torrent.blocks();
  Rng rng(3);
  for (std::size_t i = blocks.size(); i > 1; --i) std::swap(blocks[i - 1], blocks[rng.below(i)]);
  for (const auto& [piece, offset] : blocks) ASSERT_FALSE(test.write_block(piece, offset));
  for (int piece = 0; piece < torrent.layout.num_pieces(); ++piece)
    EXPECT_EQ(test.hash(piece).first, sha1_of(torrent.piece(piece)));
  // Not only whole blocks are read.
  EXPECT_EQ(test.read(0, 4'990, 20).first, torrent.content.substr(4'990, 20));
  EXPECT_EQ(test.read(0, kBlock - 7, kBlock).first, torrent.content.substr(kBlock - 7, kBlock));
  test.release();
  for (const int file : {0, 1, 3, 5, 6})
    EXPECT_EQ(read_file(base_ / torrent.layout.file_path(lt::file_index_t{file})), torrent.file(file)) << file;
  EXPECT_FALSE(fs::exists(base_ / "tree/.pad"));
}

TEST_F(Disk, a_piece_written_in_order_is_hashed_without_being_read) {
  const TestTorrent torrent({{"file", 4L * kBlock}}, 4 * kBlock);
  TestDisk test(torrent, base());
  for (const auto& [piece, offset] : torrent.blocks()) ASSERT_FALSE(test.write_block(piece, offset));
  // Nobody sees it that way but who changes the file between.
  write_file(base_ / "file", std::string(4 * kBlock, 'x'));
  EXPECT_EQ(test.hash(0).first, sha1_of(torrent.content));
  EXPECT_EQ(test.hash(0).first, sha1_of(std::string(4 * kBlock, 'x'))) << "the second time it is read";
}

TEST_F(Disk, a_block_written_anew_counts) {
  const TestTorrent torrent({{"file", 3L * kBlock}}, 4 * kBlock);
  TestDisk test(torrent, base());
  for (const int wrong : {0, 1, 2}) {
    for (int block = 0; block < 3; ++block) {
      if (block == wrong) {
        ASSERT_FALSE(test.write(0, block * kBlock, std::string(kBlock, 'w')));
      }
      if (block == wrong && wrong != 1) {
        ASSERT_NE(test.hash(0).first, sha1_of(torrent.content));
      }
      ASSERT_FALSE(test.write_block(0, block * kBlock));
    }
    EXPECT_EQ(test.hash(0).first, sha1_of(torrent.content)) << wrong;
  }
  // As after a piece that arrived wrong.
  ASSERT_FALSE(test.write(0, 0, std::string(kBlock, 'w')));
  bool cleared = false;
  test.disk->async_clear_piece(test.holder, lt::piece_index_t{0}, [&](lt::piece_index_t) { cleared = true; });
  ASSERT_TRUE(test.run_until([&] { return cleared; }));
  ASSERT_FALSE(test.write_block(0, 0));
  EXPECT_EQ(test.hash(0).first, sha1_of(torrent.content));
}

TEST_F(Disk, v2_hashes_are_of_blocks_without_pads) {
  const TestTorrent torrent({{"tree/a", 50'000}, {"tree/b", 3}, {"tree/c", 2L * kBlock}}, 4 * kBlock, true);
  ASSERT_TRUE(torrent.layout.v2());
  for (const bool v1 : {false, true})
    for (const bool carried : {true, false}) {
      TestDisk test(torrent, base());
      for (int piece = 0; piece < torrent.layout.num_pieces(); ++piece) {
        const lt::piece_index_t index{piece};
        const std::string bytes = torrent.piece(piece);
        for (int offset = 0; carried && offset < torrent.layout.piece_size(index); offset += kBlock)
          ASSERT_FALSE(test.write_block(piece, offset));
        std::vector<lt::sha256_hash> v2;
        const auto [sha1, error] = test.hash(piece, &v2, v1);
        ASSERT_FALSE(error);
        if (v1) {
          EXPECT_EQ(sha1, sha1_of(bytes));
        }
        const std::string without_pad = bytes.substr(0, static_cast<std::size_t>(torrent.layout.piece_size2(index)));
        for (std::size_t i = 0; i < v2.size(); ++i) {
          EXPECT_EQ(v2[i], sha256_of(without_pad.substr(i * kBlock, kBlock))) << piece << " " << i << carried;
          std::optional<lt::sha256_hash> one;
          test.disk->async_hash2(
              test.holder, index, static_cast<int>(i) * kBlock, {},
              [&](lt::piece_index_t, const lt::sha256_hash& hash, const lt::storage_error&) { one = hash; });
          ASSERT_TRUE(test.run_until([&] { return one.has_value(); }));
          EXPECT_EQ(*one, v2[i]);
        }
      }
    }
}

// --- order ----------------------------------------------------------------------------------------------------------

/// Issues jobs at random, and what each must see: what had been written to its piece when it was issued.
class Storm {
 public:
  Storm(const TestTorrent& torrent, TestDisk& test, std::uint64_t seed)
      : torrent_(torrent), test_(test), rng_(seed), content_(torrent.content) {}

  void issue_one() {
    const auto blocks = torrent_.blocks();
    const auto [piece, offset] = blocks[rng_.below(blocks.size())];
    const auto kind = rng_.below(20);
    if (kind < 9) return write(piece, offset);
    if (kind < 14) return read(piece, offset);
    if (kind < 19) return hash(piece);
    fence();
  }

  int issued = 0;
  int answered = 0;
  int wrong = 0;

 private:
  [[nodiscard]] std::size_t place(int piece, int offset) const {
    return static_cast<std::size_t>(piece) * static_cast<std::size_t>(torrent_.layout.piece_length()) +
           static_cast<std::size_t>(offset);
  }
  [[nodiscard]] std::string expected(int piece, int offset, std::size_t size) const {
    const auto end = static_cast<std::size_t>(torrent_.layout.piece_size(lt::piece_index_t{piece}) - offset);
    return content_.substr(place(piece, offset), std::min(size, end));
  }
  void count(bool right) {
    ++answered;
    wrong += right ? 0 : 1;
  }
  void write(int piece, int offset) {
    const std::string block = random_text(static_cast<std::uint64_t>(issued), expected(piece, offset, kBlock).size());
    content_.replace(place(piece, offset), block.size(), block);
    ++issued;
    test_.post_write(piece, offset, block, [this](const lt::storage_error& error) { count(!error); });
  }
  void read(int piece, int offset) {
    ++issued;
    const std::string want = expected(piece, offset, kBlock);
    test_.post_read(piece, offset, static_cast<int>(want.size()),
                    [this, want](const std::string& got, const lt::storage_error&) { count(got == want); });
  }
  void hash(int piece) {
    ++issued;
    const std::string want = expected(piece, 0, content_.size());
    test_.disk->async_hash(test_.holder, lt::piece_index_t{piece}, {}, lt::disk_interface::v1_hash,
                           [this, hash = sha1_of(want)](lt::piece_index_t, const lt::sha1_hash& got,
                                                        const lt::storage_error&) { count(got == hash); });
  }
  /// Everything before it is answered before it.
  void fence() {
    const int before = issued++;
    test_.disk->async_release_files(test_.holder, [this, before] { count(answered >= before); });
  }

  const TestTorrent& torrent_;
  TestDisk& test_;
  Rng rng_;
  std::string content_;
};

TEST_F(Disk, every_job_sees_what_was_asked_for_before_it_and_nothing_else) {
  const TestTorrent torrent({{"tree/a", 100'000}, {"tree/b", 100}, {"tree/c", 60'000}, {"tree/d", 90'000}}, 4 * kBlock);
  TestDisk test(torrent, base());
  for (const auto& [piece, offset] : torrent.blocks()) ASSERT_FALSE(test.write_block(piece, offset));
  Storm storm(torrent, test, 11);
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 40; ++i) storm.issue_one();
    // Sometimes everything is waited for, mostly more comes while jobs are under way.
    if (round % 10 != 9) test.io.poll();
    if (round % 10 == 9) {
      ASSERT_TRUE(test.run_until([&] { return storm.answered == storm.issued; }));
    }
  }
  EXPECT_EQ(storm.wrong, 0);
  EXPECT_GE(storm.answered, 2'400);
}

TEST_F(Disk, a_release_comes_after_every_write_and_leaves_no_file_open) {
  const TestTorrent torrent({{"a", 100'000}, {"b", 2'000'000}}, 4 * kBlock);
  TestDisk test(torrent, base());
  int written = 0;
  for (const auto& [piece, offset] : torrent.blocks())
    test.post_write(piece, offset, torrent.piece(piece).substr(static_cast<std::size_t>(offset), kBlock),
                    [&](const lt::storage_error&) { ++written; });
  int released_after = -1;
  test.disk->async_release_files(test.holder, [&] {
    released_after = written;
    EXPECT_EQ(read_file(base_ / "a") + read_file(base_ / "b"), torrent.content);
    EXPECT_TRUE(test.disk->get_status(test.holder).empty());
  });
  ASSERT_TRUE(test.run_until([&] { return released_after >= 0; }));
  EXPECT_EQ(released_after, static_cast<int>(torrent.blocks().size()));
  ASSERT_FALSE(test.write_block(0, 0));
  EXPECT_EQ(test.disk->get_status(test.holder).size(), 1u);
}

TEST_F(Disk, a_full_queue_stops_peers_until_it_has_drained) {
  // Small files: making them takes longer than asking for it, so that little is written when handlers begin to run.
  std::vector<TestFile> files;
  for (int i = 0; i < 5'000; ++i) files.push_back({"tree/" + std::to_string(i), 2'048});
  const TestTorrent torrent(files, 4 * kBlock);
  TestDisk test(torrent, base());
  const auto observer = std::make_shared<TestObserver>();
  const auto blocks = torrent.blocks();
  std::size_t issued = 0;
  std::size_t written = 0;
  const auto issue = [&] {
    const auto [piece, offset] = blocks[issued++];
    return test.post_write(
        piece, offset, std::string(kBlock, 'b'), [&](const lt::storage_error&) { ++written; }, observer);
  };
  // Handlers don't run here, so nothing counts as written.
  while (!issue()) ASSERT_LE(issued * kBlock, limits::kUnwrittenHigh);
  EXPECT_GT(issued * kBlock, limits::kUnwrittenHigh);
  EXPECT_TRUE(issue()) << "and it stays full";
  std::size_t left = 0;
  observer->then = [&] { left = std::max(left, (issued - written) * kBlock); };
  ASSERT_TRUE(test.run_until([&] { return observer->calls > 0; }));
  EXPECT_LE(left, limits::kUnwrittenLow);
  EXPECT_FALSE(issue());
  ASSERT_TRUE(test.run_until([&] { return written == issued; }));
  EXPECT_EQ(observer->calls, 2) << "once for each write that found it full";
}

TEST_F(Disk, more_half_written_pieces_than_hashes_are_carried_for) {
  const int pieces = static_cast<int>(2 * limits::kRunningHashes);
  const TestTorrent torrent({{"file", std::int64_t{pieces} * 2 * kBlock}}, 2 * kBlock);
  TestDisk test(torrent, base());
  for (const int offset : {0, kBlock})
    for (int piece = 0; piece < pieces; ++piece) ASSERT_FALSE(test.write_block(piece, offset));
  for (int piece = 0; piece < pieces; ++piece) ASSERT_EQ(test.hash(piece).first, sha1_of(torrent.piece(piece)));
}

// --- errors ---------------------------------------------------------------------------------------------------------

void expect_errno(const lt::storage_error& error, int code, lt::operation_t operation, int file) {
  EXPECT_EQ(error.ec.value(), code) << error.ec.message();
  EXPECT_EQ(error.ec.category(), lt::generic_category());
  EXPECT_EQ(error.operation, operation);
  EXPECT_EQ(static_cast<int>(error.file()), file);
}

TEST_F(Disk, a_full_disk_is_told) {
  const SmallMount disk("64k");
  if (!disk.mounted()) GTEST_SKIP() << "can't mount a small tmpfs here";
  const TestTorrent torrent({{"a", kBlock}, {"b", 200'000}}, 4 * kBlock);
  TestDisk test(torrent, disk.path().string());
  lt::storage_error error;
  for (const auto& [piece, offset] : torrent.blocks())
    if (!error) error = test.write_block(piece, offset);
  expect_errno(error, ENOSPC, lt::operation_t::file_write, 1);
  // What could be written is there; the hash is not of bytes that aren't.
  EXPECT_EQ(test.read(0, 0, kBlock).first, torrent.content.substr(0, kBlock));
  EXPECT_EQ(test.hash(1).second.ec, lt::error_code(lt::errors::file_too_short));
}

TEST_F(Disk, a_disk_that_can_not_be_written_is_told) {
  const SmallMount disk("64k");
  if (!disk.mounted()) GTEST_SKIP() << "can't mount a small tmpfs here";
  const TestTorrent torrent({{"tree/a", kBlock}}, kBlock);
  disk.make_read_only();
  TestDisk test(torrent, disk.path().string());
  expect_errno(test.write_block(0, 0), EROFS, lt::operation_t::file_open, 0);
}

TEST_F(Disk, a_file_that_is_gone_or_cut_is_told) {
  const TestTorrent torrent({{"a", kBlock}, {"b", kBlock}}, 2 * kBlock);
  TestDisk test(torrent, base());
  expect_errno(test.read(0, kBlock, kBlock).second, ENOENT, lt::operation_t::file_open, 1);
  expect_errno(test.hash(0).second, ENOENT, lt::operation_t::file_open, 0);
  write_file(base_ / "a", torrent.file(0));
  write_file(base_ / "b", torrent.file(1).substr(0, 100));
  EXPECT_EQ(test.read(0, 0, kBlock).first, torrent.file(0));
  const auto error = test.read(0, kBlock, kBlock).second;
  EXPECT_EQ(error.ec, lt::error_code(lt::errors::file_too_short));
  EXPECT_EQ(error.operation, lt::operation_t::file_read);
  EXPECT_EQ(static_cast<int>(error.file()), 1);
  EXPECT_EQ(test.hash(0).second.ec, lt::error_code(lt::errors::file_too_short));
}

TEST_F(Disk, of_a_file_that_is_not_what_it_was_nothing_is_handed_on) {
  const std::array<const char*, 3> names{"a", "b", "c"};
  const TestTorrent torrent({{"a", kBlock}, {"b", kBlock}, {"c", kBlock}}, 3 * kBlock);
  for (int i = 0; i < 3; ++i) write_file(base_ / names[static_cast<std::size_t>(i)], torrent.file(i));
  auto identities = std::make_shared<KnownFiles::Identities>();
  for (const char* name : names) {
    // Clocks of file systems tick slowly.
    fs::last_write_time(base_ / name, fs::file_time_type::clock::now() - 10s);
    identities->push_back(*read_identity(base_ / name));
  }
  const auto known = std::make_shared<KnownFiles>();
  known->tell(lt::sha1_hash(), base(), identities);
  TestDisk test(torrent, base(), {}, known);
  EXPECT_EQ(test.read(0, 0, kBlock).first, torrent.file(0));
  EXPECT_EQ(test.hash(0).first, sha1_of(torrent.piece(0)));

  // Written to while it is open; another put in its place before it is opened; only touched by chmod.
  test.release();
  EXPECT_EQ(test.read(0, 0, kBlock).first, torrent.file(0));
  std::fstream(base_ / "a", std::ios::in | std::ios::out) << "other bytes";
  fs::copy_file(base_ / "b", base_ / "new");
  fs::rename(base_ / "new", base_ / "b");
  ::chmod((base_ / "c").c_str(), 0600);
  expect_errno(test.read(0, 0, kBlock).second, ESTALE, lt::operation_t::file_read, 0);
  expect_errno(test.hash(0).second, ESTALE, lt::operation_t::file_read, 0);
  expect_errno(test.read(0, kBlock, kBlock).second, ESTALE, lt::operation_t::file_read, 1);
  EXPECT_EQ(test.read(0, 2 * kBlock, kBlock).first, torrent.file(2));
}

TEST(KnownFilesTest, are_of_one_torrent_in_one_folder_and_go_with_who_told_them) {
  KnownFiles known;
  const lt::sha1_hash torrent("12345678901234567890");
  auto identities = std::make_shared<const KnownFiles::Identities>(3);
  known.tell(torrent, "/here", identities);
  EXPECT_EQ(known.find(torrent, "/here"), identities);
  EXPECT_EQ(known.find(torrent, "/there"), nullptr);
  EXPECT_EQ(known.find(lt::sha1_hash(), "/here"), nullptr);
  identities.reset();
  EXPECT_EQ(known.find(torrent, "/here"), nullptr);
}

TEST_F(Disk, no_symbolic_link_is_followed_and_nothing_else_opened) {
  TempDir elsewhere;
  write_file(elsewhere / "a", std::string(kBlock, 's'));
  TestTorrent torrent(std::vector<TestFile>(6, {"tree/x", kBlock}), kBlock);
  const std::vector<std::string> names{"tree/a", "link/a", "fifo", "folder", "../up", elsewhere / "absolute"};
  for (int i = 0; i < 6; ++i) torrent.layout.rename_file(lt::file_index_t{i}, names[static_cast<std::size_t>(i)]);
  fs::create_directories(base_ / "tree");
  fs::create_directories(base_ / "folder");
  fs::create_symlink(elsewhere / "a", base_ / "tree/a");
  fs::create_symlink(elsewhere / "a", elsewhere / "absolute");
  fs::create_directory_symlink(elsewhere.path(), base_ / "link");
  ASSERT_EQ(::mkfifo((base_ / "fifo").c_str(), 0600), 0);
  TestDisk test(torrent, base());
  const std::map<int, int> wanted{{0, ELOOP}, {1, ELOOP}, {2, EINVAL}, {3, EISDIR}, {5, ELOOP}};
  for (const auto& [file, code] : wanted) {
    expect_errno(test.write_block(file, 0), code, lt::operation_t::file_open, file);
    expect_errno(test.read(file, 0, kBlock).second, code, lt::operation_t::file_open, file);
  }
  EXPECT_TRUE(test.write_block(4, 0));
  EXPECT_FALSE(fs::exists(base_.path().parent_path() / "up"));
  EXPECT_EQ(read_file(elsewhere / "a"), std::string(kBlock, 's'));
}

TEST_F(Disk, few_descriptors_are_enough) {
  std::vector<TestFile> files;
  for (int i = 0; i < 100; ++i) files.push_back({"tree/" + std::to_string(i % 10) + "/" + std::to_string(i), 5'000});
  const TestTorrent torrent(files, 8 * kBlock);
  TestDisk test(torrent, base());
  ::rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const Fd probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(probe.get()) + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<lt::storage_error> errors;
  for (const auto& [piece, offset] : torrent.blocks()) errors.push_back(test.write_block(piece, offset));
  for (int piece = 0; piece < torrent.layout.num_pieces(); ++piece) {
    errors.push_back(test.hash(piece).second);
    errors.push_back(test.hash(piece).second);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const lt::storage_error& error : errors) EXPECT_FALSE(error) << error.ec.message();
  test.release();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(read_file(base_ / files[static_cast<std::size_t>(i)].path), torrent.file(i));
}

// --- the end --------------------------------------------------------------------------------------------------------

TEST_F(Disk, an_abort_writes_what_is_there_and_answers_everyone) {
  const TestTorrent torrent({{"file", 4'000'000}}, 16 * kBlock);
  TestDisk test(torrent, base());
  std::size_t written = 0;
  int hashed = 0;
  int aborted = 0;
  for (const auto& [piece, offset] : torrent.blocks())
    test.post_write(piece, offset, torrent.piece(piece).substr(static_cast<std::size_t>(offset), kBlock),
                    [&](const lt::storage_error& error) { written += error ? 0u : 1u; });
  for (int piece = 0; piece < torrent.layout.num_pieces(); ++piece)
    test.disk->async_hash(test.holder, lt::piece_index_t{piece}, {}, lt::disk_interface::v1_hash,
                          [&](lt::piece_index_t, const lt::sha1_hash&, const lt::storage_error& error) {
                            ++hashed;
                            if (error.ec == boost::asio::error::operation_aborted) ++aborted;
                          });
  bool stopped = false;
  test.disk->async_stop_torrent(test.holder, [&] { stopped = true; });
  test.disk->abort(false);
  std::optional<lt::error_code> late;
  test.post_write(0, 0, "late", [&](const lt::storage_error& error) { late = error.ec; });
  // Its own work keeps the io_context running, and no longer than that.
  test.io.run();
  EXPECT_EQ(written, torrent.blocks().size());
  EXPECT_EQ(hashed, torrent.layout.num_pieces());
  EXPECT_TRUE(stopped);
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(*late, boost::asio::error::operation_aborted);
  EXPECT_EQ(read_file(base_ / "file"), torrent.content);
  RecordProperty("aborted", aborted);
}

TEST_F(Disk, it_can_go_with_jobs_in_flight_and_handlers_that_nobody_called) {
  const TestTorrent torrent({{"file", 4'000'000}}, 16 * kBlock);
  const auto held = std::make_shared<int>(0);
  {
    TestDisk test(torrent, base());
    for (const auto& [piece, offset] : torrent.blocks())
      test.post_write(piece, offset, torrent.piece(piece).substr(static_cast<std::size_t>(offset), kBlock),
                      [held](const lt::storage_error&) { ++*held; });
    test.disk->async_release_files(test.holder, [held] { ++*held; });
    test.holder.reset();
    test.disk.reset();
    test.io.restart();
    test.io.poll();
  }
  EXPECT_EQ(*held, 0);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Disk, a_torrent_can_be_removed_with_jobs_in_flight_and_its_place_used_anew) {
  const TestTorrent first({{"first", 1'000'000}}, 16 * kBlock);
  const TestTorrent second({{"second", kBlock}}, kBlock);
  TestDisk test(first, base());
  std::size_t written = 0;
  for (const auto& [piece, offset] : first.blocks())
    test.post_write(piece, offset, first.piece(piece).substr(static_cast<std::size_t>(offset), kBlock),
                    [&](const lt::storage_error&) { ++written; });
  const auto index = static_cast<lt::storage_index_t>(test.holder);
  const std::string path = base();
  const lt::aux::vector<lt::download_priority_t, lt::file_index_t> all;
  test.holder.reset();
  test.holder = test.disk->new_torrent({second.layout, nullptr, path, lt::storage_mode_sparse, all, {}}, nullptr);
  EXPECT_EQ(static_cast<lt::storage_index_t>(test.holder), index);
  ASSERT_FALSE(test.write(0, 0, second.content));
  ASSERT_TRUE(test.run_until([&] { return written == first.blocks().size(); }));
  EXPECT_EQ(read_file(base_ / "first"), first.content);
  EXPECT_EQ(read_file(base_ / "second"), second.content);
}

}  // namespace
}  // namespace rondo::peer::test
