#include "peer/transfer/hasher.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <libtorrent/bencode.hpp>
#include <libtorrent/create_torrent.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/torrent_info.hpp>
#include <utility>

#include "peer/transfer/fd.hpp"
#include "peer/transfer/lt_torrent.hpp"
#include "peer/transfer/scan.hpp"
#include "tests/peer/transfer/harness.hpp"
#include "tests/peer/transfer/hash_model.hpp"

namespace rondo::peer::test {
namespace {

const std::atomic<bool> kGoOn{false};
const auto kQuiet = [](std::uint64_t) {};

Result<MadeTorrent, TransferError> make(const fs::path& path, bool hybrid) {
  CreateRequest request;
  request.paths = {path};
  request.hybrid = hybrid;
  return make_torrent(
      request, [](HashProgress) {}, kGoOn);
}

/// What libtorrent itself makes of the same files.
lt::torrent_info reference(const fs::path& folder, bool hybrid, std::uint64_t bytes) {
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
  return lt::torrent_info(bytes_out, lt::from_span);
}

/// Around blocks and pieces, empty files, a piece that spans files.
void write_edges(const fs::path& folder, std::size_t last) {
  write_file(folder / "a", random_text(1, 5));
  write_file(folder / "b" / "empty", "");
  write_file(folder / "b" / "block", random_text(2, 16'384));
  write_file(folder / "b" / "more", random_text(3, 49'153));
  write_file(folder / "z", random_text(4, last));
}

TEST(Hasher, agrees_with_libtorrent_at_every_edge) {
  for (const std::size_t last : {1u, 16'383u, 16'384u, 16'385u, 65'536u, 100'000u, 3'000'000u}) {
    const TempDir dir;
    write_edges(dir / "t", last);
    for (const bool hybrid : {false, true}) {
      const auto made = make(dir / "t", hybrid);
      ASSERT_TRUE(made) << made.error().sentence;
      const lt::info_hash_t expected = reference(dir / "t", hybrid, made->loaded.content.bytes).info_hashes();
      EXPECT_EQ(made->loaded.params.ti->info_hashes(), expected) << last << (hybrid ? " hybrid" : " v1");
    }
  }
}

TEST(Hasher, file_roots_are_those_of_libtorrent_also_where_files_begin_within_pieces) {
  for (const std::size_t last : {1u, 16'385u, 65'536u, 100'000u, 3'000'000u}) {
    const TempDir dir;
    write_edges(dir / "t", last);
    const lt::torrent_info hybrid = reference(dir / "t", true, 65'536 + last);
    HashPlan aligned;
    aligned.v2 = aligned.file_roots = true;
    HashPlan tight;
    tight.file_roots = true;
    aligned.piece_length = tight.piece_length = static_cast<std::uint32_t>(hybrid.piece_length());
    std::vector<std::string> expected;
    for (const lt::file_index_t i : hybrid.files().file_range()) {
      const bool pad = hybrid.files().pad_file_at(i);
      const HashPlan::Part part{pad ? "" : hybrid.files().file_path(i, dir.path().string()),
                                static_cast<std::uint64_t>(hybrid.files().file_size(i))};
      aligned.parts.push_back(part);
      if (pad) continue;
      tight.parts.push_back(part);
      expected.push_back(to_hex(as_bytes(hybrid.files().root(i).to_string())));
    }
    ASSERT_EQ(expected.size(), 5u);
    const auto from_aligned = hash_files(aligned, kQuiet, kGoOn);
    const auto from_tight = hash_files(tight, kQuiet, kGoOn);
    ASSERT_TRUE(from_aligned && from_tight);
    for (std::size_t i = 0, file = 0; i < aligned.parts.size(); ++i)
      if (!aligned.parts[i].disk_path.empty()) {
        EXPECT_EQ(to_hex(from_aligned->file_roots[i]), expected[file]) << aligned.parts[i].disk_path;
        EXPECT_EQ(to_hex(from_tight->file_roots[file]), expected[file]) << aligned.parts[i].disk_path;
        ++file;
      }
  }
}

TEST(Hasher, known_answers) {
  const TempDir dir;
  const Model abc(dir / "abc", {.v2 = true, .file_roots = true}, {"abc"});
  const auto hashes = hash_files(abc.plan, kQuiet, kGoOn);
  ASSERT_TRUE(hashes);
  EXPECT_EQ(to_hex(hashes->v1.at(0)), "a9993e364706816aba3e25717850c26c9cd0d89d");
  const std::string sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(to_hex(hashes->v2.at(0).at(0)), sha256_of_abc);
  EXPECT_EQ(to_hex(hashes->file_roots.at(0)), sha256_of_abc);
}

TEST(Hasher, any_number_of_readers_finds_what_the_definitions_say) {
  const Model::Shape shapes[] = {
      {.v1 = true},
      {.v1 = true, .file_roots = true},
      {.v1 = true, .pads = true, .file_roots = true},
      {.v1 = true, .v2 = true, .pads = true, .file_roots = true},
      {.v1 = false, .v2 = true, .pads = true},
      {.v1 = false, .v2 = true, .file_roots = true},
      {.v1 = false, .file_roots = true},
  };
  Rng rng(7);
  for (int round = 0; round < 28; ++round) {
    Model::Shape shape = shapes[static_cast<std::size_t>(round) % std::size(shapes)];
    shape.piece_length = kBlock << rng.below(4);
    const TempDir dir;
    Model model(dir.path(), shape, random_files(rng, shape.piece_length));
    for (model.plan.readers = 1; model.plan.readers <= 5; ++model.plan.readers) {
      std::uint64_t last = 0;
      const auto hashes = hash_files(
          model.plan, [&](std::uint64_t done) { last = done; }, kGoOn);
      ASSERT_TRUE(hashes) << hashes.error().sentence;
      EXPECT_TRUE(same(*hashes, model.hashes)) << "round " << round << ", readers " << model.plan.readers;
      EXPECT_EQ(last, model.file_bytes);
    }
  }
}

TEST(Hasher, files_of_v2_must_begin_where_pieces_do) {
  const TempDir dir;
  const Model model(dir.path(), {.v2 = true}, {"abc", "def"});
  EXPECT_FALSE(hash_files(model.plan, kQuiet, kGoOn));
  const std::vector<bool> none{false};
  Hashes only_v2;
  only_v2.v2 = model.hashes.v2;
  EXPECT_EQ(check_pieces(model.plan, only_v2, {true}, kQuiet, kGoOn), none);
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

TEST(Hasher, of_several_errors_the_first_in_the_torrent_is_told) {
  const TempDir dir;
  Model model(dir.path(), {}, std::vector<std::string>(200, random_text(1, 40'000)));
  for (const int gone : {9, 60, 61, 150, 199}) fs::remove(dir / ("f" + std::to_string(gone)));
  fs::resize_file(dir / "f8", 39'999);
  const std::string expected =
      "can't read " + (dir / "f8").string() + ": it is being changed; try again when it is at rest";
  for (model.plan.readers = 1; model.plan.readers <= 5; ++model.plan.readers)
    for (int i = 0; i < 10; ++i) {
      const auto hashes = hash_files(model.plan, kQuiet, kGoOn);
      ASSERT_FALSE(hashes);
      EXPECT_EQ(hashes.error().sentence, expected);
    }
}

TEST(Hasher, an_error_gives_way_to_one_that_comes_earlier_in_the_torrent) {
  const TempDir dir;
  Model model(dir.path(), {}, {std::string(kBlock - 1, 'a'), "b", std::string(kBlock, 'c')});
  fs::remove(dir / "f1");
  fs::resize_file(dir / "f2", 1);
  model.plan.readers = 2;
  // A reader closes its last file when it ends: then it has told of f2.
  const Fd watch(::inotify_init1(IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), (dir / "f2").c_str(), IN_CLOSE_NOWRITE), 0);
  bool closed = false;
  const auto hashes = hash_files(
      model.plan,
      [&](std::uint64_t) {
        ::pollfd ready{watch.get(), POLLIN, 0};
        closed = ::poll(&ready, 1, 10'000) == 1;
      },
      kGoOn);
  EXPECT_TRUE(closed) << "the other reader never came to f2";
  ASSERT_FALSE(hashes);
  EXPECT_EQ(hashes.error().sentence, "can't read " + (dir / "f1").string() + ": No such file or directory");
}

TEST(Hasher, empty_files_must_be_there_and_stay_empty) {
  const TempDir dir;
  HashPlan plan;
  EXPECT_TRUE(hash_files(plan, kQuiet, kGoOn));
  write_file(dir / "empty", "");
  plan.parts = {{(dir / "empty").string(), 0}};
  const auto hashes = hash_files(plan, kQuiet, kGoOn);
  ASSERT_TRUE(hashes);
  EXPECT_TRUE(hashes->v1.empty());
  // Its size is 0 and it has bytes: what any file looks like that grew since it was opened.
  plan.parts.push_back({"/proc/self/status", 0});
  EXPECT_FALSE(hash_files(plan, kQuiet, kGoOn));
  plan.parts.back().disk_path = (dir / "gone").string();
  EXPECT_FALSE(hash_files(plan, kQuiet, kGoOn));
  write_file(dir / "full", random_text(1, kBlock));
  plan.parts = {{(dir / "full").string(), kBlock}, {(dir / "gone").string(), 0}};
  EXPECT_FALSE(hash_files(plan, kQuiet, kGoOn)) << "at the end of the last piece";
}

TEST(Hasher, a_file_that_changes_while_it_is_read_is_an_error) {
  for (const std::uint64_t becomes : {0ull, 2'999'999ull, 3'000'001ull}) {
    const TempDir dir;
    Model model(dir.path(), {.file_roots = true}, {random_text(1, 3'000'000)});
    model.plan.readers = 1;
    const auto hashes = hash_files(
        model.plan, [&](std::uint64_t) { fs::resize_file(dir / "f0", becomes); }, kGoOn);
    ASSERT_FALSE(hashes) << becomes;
    EXPECT_EQ(hashes.error().sentence,
              "can't read " + (dir / "f0").string() + ": it is being changed; try again when it is at rest");
  }
}

TEST(Hasher, a_read_that_fails_is_an_error_that_names_the_file) {
  HashPlan plan;
  // Nothing is mapped at its beginning.
  plan.parts = {{"/proc/self/mem", 0}};
  const auto hashes = hash_files(plan, kQuiet, kGoOn);
  ASSERT_FALSE(hashes);
  EXPECT_EQ(hashes.error().sentence, "can't read /proc/self/mem: Input/output error");
}

TEST(Hasher, a_file_without_permission_is_an_error) {
  if (::geteuid() == 0) GTEST_SKIP() << "the superuser may read everything";
  const TempDir dir;
  const Model model(dir.path(), {}, {"abc"});
  ::chmod((dir / "f0").c_str(), 0);
  EXPECT_FALSE(hash_files(model.plan, kQuiet, kGoOn));
}

TEST(Hasher, progress_comes_from_one_reader_at_a_time_and_only_grows) {
  const TempDir dir;
  Model model(dir.path(), {}, {random_text(1, 9'000'000), "", random_text(2, 5)});
  model.plan.readers = 5;
  std::atomic<int> inside{0};
  std::uint64_t last = 0;
  ASSERT_TRUE(hash_files(
      model.plan,
      [&](std::uint64_t done) {
        EXPECT_EQ(inside++, 0);
        EXPECT_GT(done, last);
        last = done;
        --inside;
      },
      kGoOn));
  EXPECT_EQ(last, 9'000'005u);
}

TEST(Hasher, once_cancelled_each_reader_ends_with_the_read_under_way) {
  const TempDir dir;
  Model model(dir.path(), {}, {random_text(1, 3'000'000)});
  for (model.plan.readers = 1; model.plan.readers <= 5; ++model.plan.readers) {
    std::atomic<bool> cancelled{false};
    unsigned calls = 0;
    EXPECT_FALSE(hash_files(
        model.plan,
        [&](std::uint64_t) {
          cancelled = true;
          ++calls;
        },
        cancelled));
    EXPECT_LE(calls, model.plan.readers);
  }
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
