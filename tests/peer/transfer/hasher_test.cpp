#include "peer/transfer/hasher.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <libtorrent/bencode.hpp>
#include <libtorrent/create_torrent.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/torrent_info.hpp>
#include <utility>

#include "peer/transfer/lt_torrent.hpp"
#include "peer/transfer/scan.hpp"
#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

const std::atomic<bool> kGoOn{false};

Result<MadeTorrent, TransferError> make(const fs::path& path, bool hybrid) {
  CreateRequest request;
  request.paths = {path};
  request.hybrid = hybrid;
  return make_torrent(
      request, [](HashProgress) {}, kGoOn);
}

/// What libtorrent itself makes of the same files.
lt::info_hash_t reference(const fs::path& folder, bool hybrid, std::uint64_t bytes) {
  lt::file_storage files;
  const std::string parent = folder.parent_path().string();
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) paths.push_back(fs::relative(entry.path(), parent).string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths)
    files.add_file(path, static_cast<std::int64_t>(fs::file_size(folder.parent_path() / path)));
  lt::create_torrent torrent(files, static_cast<int>(piece_length_of(bytes)),
                             hybrid ? lt::create_flags_t{} : lt::create_torrent::v1_only);
  lt::error_code error;
  lt::set_piece_hashes(
      torrent, parent, [](lt::piece_index_t) {}, error);
  EXPECT_FALSE(error) << error.message();
  std::vector<char> bytes_out;
  lt::bencode(std::back_inserter(bytes_out), torrent.generate());
  return lt::torrent_info(bytes_out, lt::from_span).info_hashes();
}

TEST(Hasher, agrees_with_libtorrent_at_every_edge) {
  // Sizes around blocks and pieces, empty files, a piece that spans files.
  for (const std::size_t last : {1u, 16'383u, 16'384u, 16'385u, 65'536u, 100'000u, 3'000'000u}) {
    const TempDir dir;
    write_file(dir / "t" / "a", random_text(1, 5));
    write_file(dir / "t" / "b" / "empty", "");
    write_file(dir / "t" / "b" / "block", random_text(2, 16'384));
    write_file(dir / "t" / "b" / "more", random_text(3, 49'153));
    write_file(dir / "t" / "z", random_text(4, last));
    for (const bool hybrid : {false, true}) {
      const auto made = make(dir / "t", hybrid);
      ASSERT_TRUE(made) << made.error().sentence;
      const lt::info_hash_t expected = reference(dir / "t", hybrid, made->loaded.content.bytes);
      EXPECT_EQ(made->loaded.params.ti->info_hashes(), expected) << last << (hybrid ? " hybrid" : " v1");
    }
  }
}

TEST(Hasher, a_file_that_changes_or_goes_is_an_error_that_names_it) {
  const TempDir dir;
  write_file(dir / "f", "12345");
  HashPlan plan;
  plan.parts = {{(dir / "f").string(), 6}};
  const auto no_progress = [](std::uint64_t) {};
  auto error = hash_files(plan, no_progress, kGoOn).error();
  EXPECT_EQ(error.code, TransferErrc::kUnreadable);
  EXPECT_EQ(error.sentence,
            "can't read " + (dir / "f").string() + ": it is being changed; try again when it is at rest");
  plan.parts = {{(dir / "f").string(), 4}};
  EXPECT_FALSE(hash_files(plan, no_progress, kGoOn));
  plan.parts = {{(dir / "gone").string(), 4}};
  EXPECT_EQ(hash_files(plan, no_progress, kGoOn).error().sentence,
            "can't read " + (dir / "gone").string() + ": No such file or directory");
}

TEST(Hasher, what_is_no_file_any_more_is_not_waited_for) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  fs::create_symlink("/etc/hostname", dir / "link");
  HashPlan plan;
  for (const char* name : {"pipe", "link", "."}) {
    plan.parts = {{(dir / name).string(), 4}};
    const auto hashes = hash_files(
        plan, [](std::uint64_t) {}, kGoOn);
    ASSERT_FALSE(hashes) << name;
    EXPECT_EQ(hashes.error().code, TransferErrc::kUnreadable);
  }
}

TEST(Hasher, counts_bytes_and_can_be_cancelled) {
  const TempDir dir;
  write_file(dir / "f", random_text(1, 3'000'000));
  HashPlan plan;
  plan.parts = {{(dir / "f").string(), 3'000'000}};
  std::uint64_t last = 0;
  ASSERT_TRUE(hash_files(
      plan, [&](std::uint64_t done) { last = done; }, kGoOn));
  EXPECT_EQ(last, 3'000'000u);
  std::atomic<bool> cancelled{false};
  EXPECT_FALSE(hash_files(
      plan, [&](std::uint64_t) { cancelled = true; }, cancelled));
}

TEST(PieceLength, grows_with_the_content) {
  EXPECT_EQ(piece_length_of(0), 16u * 1024);
  EXPECT_EQ(piece_length_of(2'684'355), 16u * 1024);
  EXPECT_EQ(piece_length_of(2'684'356), 32u * 1024);
  EXPECT_EQ(piece_length_of(1ull << 30), 512u * 1024);
  EXPECT_EQ(piece_length_of(20ull << 30), 2048u * 1024);
  EXPECT_EQ(piece_length_of(1ull << 62), 16u << 20);
}

}  // namespace
}  // namespace rondo::peer::test
