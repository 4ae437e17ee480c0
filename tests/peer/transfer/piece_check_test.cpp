#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "peer/transfer/hasher.hpp"
#include "tests/peer/transfer/hash_model.hpp"

namespace rondo::peer::test {
namespace {

const std::atomic<bool> kGoOn{false};
const auto kQuiet = [](std::uint64_t) {};

using Pieces = std::vector<bool>;

Pieces check(const Model& model, const Pieces& which) {
  return check_pieces(model.plan, model.hashes, which, kQuiet, kGoOn);
}

std::size_t pieces_of(const Model& model) {
  return (model.all.size() + model.plan.piece_length - 1) / model.plan.piece_length;
}

/// All pieces but those with bytes [begin, end) of a part.
Pieces all_but(const Model& model, std::size_t part, std::uint64_t begin, std::uint64_t end) {
  Pieces out(pieces_of(model), true);
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < part; ++i) at += model.plan.parts[i].size;
  if (begin == end) return out;
  for (std::uint64_t piece = (at + begin) / model.plan.piece_length; piece <= (at + end - 1) / model.plan.piece_length;
       ++piece)
    out[piece] = false;
  return out;
}

/// The same files as v1 end to end, as a hybrid torrent, and as v2 by its roots alone.
const Model::Shape kShapes[] = {
    {.v1 = true, .piece_length = 32'768},
    {.v1 = true, .v2 = true, .pads = true, .piece_length = 32'768},
    {.v1 = false, .v2 = true, .pads = true, .piece_length = 32'768},
};

const std::vector<std::string>& files() {
  static const std::vector<std::string> kFiles = {random_text(1, 100'000), "", random_text(2, 5),
                                                  random_text(3, 65'536), random_text(4, 40'001)};
  return kFiles;
}

/// The part of the model that is the file named f`file`.
std::size_t part_of(const Model& model, const fs::path& path) {
  const auto found = std::find_if(model.plan.parts.begin(), model.plan.parts.end(),
                                  [&](const HashPlan::Part& part) { return part.disk_path == path.string(); });
  return static_cast<std::size_t>(found - model.plan.parts.begin());
}

TEST(CheckPieces, what_is_there_is_right_by_each_kind_of_hash) {
  for (const Model::Shape& shape : kShapes) {
    const TempDir dir;
    Model model(dir.path(), shape, files());
    for (model.plan.readers = 1; model.plan.readers <= 5; ++model.plan.readers)
      EXPECT_EQ(check(model, Pieces(pieces_of(model), true)), Pieces(pieces_of(model), true));
  }
}

TEST(CheckPieces, v2_without_padding_counts_pieces_as_v2_does) {
  const TempDir dir;
  const Model model(dir.path(), {.v1 = false, .v2 = true}, {random_text(1, 5), random_text(2, kBlock + 1), "", "x"});
  EXPECT_EQ(check(model, Pieces(4, true)), Pieces(4, true));
  write_file(dir / "f3", "y");
  EXPECT_EQ(check(model, Pieces(4, true)), Pieces({true, true, true, false}));
}

TEST(CheckPieces, random_torrents_with_random_damage) {
  Rng rng(11);
  for (int round = 0; round < 30; ++round) {
    Model::Shape shape = kShapes[static_cast<std::size_t>(round) % std::size(kShapes)];
    shape.piece_length = kBlock << rng.below(4);
    const TempDir dir;
    Model model(dir.path(), shape, random_files(rng, shape.piece_length));
    Pieces expected(pieces_of(model), true);
    for (std::size_t i = 0; i < model.plan.parts.size(); ++i) {
      const HashPlan::Part& part = model.plan.parts[i];
      if (part.disk_path.empty() || part.size == 0 || rng.below(2) == 0) continue;
      const std::uint64_t at = rng.below(part.size);
      std::fstream file(part.disk_path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(~model.contents[i][at]));
      const Pieces rest = all_but(model, i, at, at + 1);
      for (std::size_t piece = 0; piece < rest.size(); ++piece) expected[piece] = expected[piece] && rest[piece];
    }
    Pieces which(expected.size());
    for (std::size_t piece = 0; piece < which.size(); ++piece) {
      which[piece] = rng.below(4) != 0;
      expected[piece] = expected[piece] && which[piece];
    }
    for (model.plan.readers = 1; model.plan.readers <= 5; ++model.plan.readers)
      EXPECT_EQ(check(model, which), expected) << "round " << round << ", readers " << model.plan.readers;
  }
}

/// What happens to the file f3, of which the first `left` bytes stay as they were.
struct Damage {
  const char* name;
  std::uint64_t left;
  std::function<void(const fs::path&)> run;
};

TEST(CheckPieces, a_file_that_lacks_bytes_makes_the_pieces_wrong_that_need_them) {
  const Damage damages[] = {
      {"gone", 0, [](const fs::path& path) { fs::remove(path); }},
      {"short", 40'000, [](const fs::path& path) { fs::resize_file(path, 40'000); }},
      {"empty", 0, [](const fs::path& path) { fs::resize_file(path, 0); }},
      {"longer", 65'536, [](const fs::path& path) { std::ofstream(path, std::ios::app) << "more"; }},
      {"a folder", 0,
       [](const fs::path& path) {
         fs::remove(path);
         fs::create_directory(path);
       }},
      {"a named pipe", 0,
       [](const fs::path& path) {
         fs::remove(path);
         ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
       }},
      {"a link to the right file", 0,
       [](const fs::path& path) {
         fs::rename(path, path.string() + ".moved");
         fs::create_symlink(path.string() + ".moved", path);
       }},
  };
  for (const Model::Shape& shape : kShapes)
    for (const Damage& damage : damages) {
      const TempDir dir;
      const Model model(dir.path(), shape, files());
      damage.run(dir / "f3");
      EXPECT_EQ(check(model, Pieces(pieces_of(model), true)),
                all_but(model, part_of(model, dir / "f3"), damage.left, 65'536))
          << damage.name << (shape.v2 ? " v2" : " v1");
    }
}

TEST(CheckPieces, a_file_without_permission_makes_its_pieces_wrong) {
  if (::geteuid() == 0) GTEST_SKIP() << "the superuser may read everything";
  const TempDir dir;
  const Model model(dir.path(), kShapes[0], files());
  ::chmod((dir / "f3").c_str(), 0);
  EXPECT_EQ(check(model, Pieces(pieces_of(model), true)), all_but(model, part_of(model, dir / "f3"), 0, 65'536));
}

/// Bytes that this process has read from files.
std::uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string word;
  std::uint64_t bytes = 0;
  io >> word >> bytes;
  return bytes;
}

TEST(CheckPieces, holes_are_wrong_without_reading_them) {
  constexpr std::uint64_t kSize = 256 << 20, kAt = 100 << 20, kPiece = 1 << 20;
  for (const bool v2 : {false, true}) {
    const TempDir dir;
    Model model(dir.path(), {.v1 = !v2, .v2 = v2, .piece_length = kPiece}, {});
    const std::string written = random_text(1, kPiece);
    model.plan.parts = {{(dir / "f").string(), kSize}};
    const Root root = naive_v2(written, kPiece)[0];
    if (v2) model.hashes.v2 = {std::vector<Root>(kSize / kPiece, root)};
    if (!v2) model.hashes.v1.assign(kSize / kPiece, naive_v1(written, kPiece)[0]);
    {
      std::ofstream file(dir / "f", std::ios::binary);
      file.seekp(kAt);
      file << written;
    }
    fs::resize_file(dir / "f", kSize);
    Pieces expected(kSize / kPiece);
    expected[kAt / kPiece] = true;

    std::uint64_t looked_at = 0;
    const std::uint64_t before = bytes_read();
    const Pieces right = check_pieces(
        model.plan, model.hashes, Pieces(kSize / kPiece, true), [&](std::uint64_t done) { looked_at = done; }, kGoOn);
    const std::uint64_t read = bytes_read() - before;
    EXPECT_EQ(right, expected);
    EXPECT_EQ(looked_at, kSize) << "holes are looked at too";
    // A file system may give data in chunks that are larger than what was written.
    EXPECT_GE(read, kPiece);
    EXPECT_LE(read, 16 * kPiece);
  }
}

TEST(CheckPieces, zeros_that_should_be_zeros_are_right_in_a_hole) {
  for (const Model::Shape& shape : kShapes) {
    const TempDir dir;
    const Model model(dir.path(), shape, {random_text(1, 5), std::string(200'000, '\0'), std::string(100, '\0')});
    for (const char* name : {"f1", "f2"}) {
      const auto size = fs::file_size(dir / name);
      fs::resize_file(dir / name, 0);
      fs::resize_file(dir / name, size);
    }
    EXPECT_EQ(check(model, Pieces(pieces_of(model), true)), Pieces(pieces_of(model), true));
  }
}

TEST(CheckPieces, a_hole_beside_written_bytes_counts_as_zeros) {
  const TempDir dir;
  // One piece over a written file, a hole in the middle, and a written end.
  const Model model(dir.path(), {.piece_length = 1 << 18},
                    {random_text(1, 5'000), std::string(100'000, '\0'), random_text(2, 3'000)});
  fs::resize_file(dir / "f1", 0);
  fs::resize_file(dir / "f1", 100'000);
  EXPECT_EQ(check(model, {true}), Pieces({true}));
  write_file(dir / "f1", std::string(99'999, '\0') + "x");
  EXPECT_EQ(check(model, {true}), Pieces({false}));
}

TEST(CheckPieces, only_what_is_asked_is_looked_at) {
  const TempDir dir;
  const Model model(dir.path(), kShapes[0], files());
  Pieces which(pieces_of(model));
  which[1] = which[3] = true;
  std::uint64_t looked_at = 0;
  const Pieces right = check_pieces(
      model.plan, model.hashes, which, [&](std::uint64_t done) { looked_at = done; }, kGoOn);
  EXPECT_EQ(right, which);
  EXPECT_EQ(looked_at, 2 * 32'768u);
}

TEST(CheckPieces, lists_of_other_lengths_than_the_torrent_has_pieces) {
  const TempDir dir;
  Model model(dir.path(), kShapes[0], files());
  EXPECT_EQ(check(model, {true, true}), Pieces({true, true}));
  EXPECT_EQ(check(model, {}), Pieces());
  Pieces longer(pieces_of(model) + 2, true);
  Pieces expected = longer;
  expected[expected.size() - 1] = expected[expected.size() - 2] = false;
  EXPECT_EQ(check(model, longer), expected);
  model.hashes.v1.resize(1);
  EXPECT_EQ(check(model, {true, true}), Pieces({true, false}));
  EXPECT_EQ(check_pieces(model.plan, {}, {true}, kQuiet, kGoOn), Pieces({false}));
}

TEST(CheckPieces, cancelled_it_ends_with_what_is_known) {
  const TempDir dir;
  Model model(dir.path(), {}, {random_text(1, 3'000'000)});
  for (model.plan.readers = 1; model.plan.readers <= 5; ++model.plan.readers) {
    std::atomic<bool> cancelled{false};
    unsigned calls = 0;
    const Pieces right = check_pieces(
        model.plan, model.hashes, Pieces(pieces_of(model), true),
        [&](std::uint64_t) {
          cancelled = true;
          ++calls;
        },
        cancelled);
    const auto known = std::count(right.begin(), right.end(), true);
    EXPECT_GE(known, 1);
    EXPECT_EQ(static_cast<unsigned>(known), calls);
    EXPECT_LE(calls, model.plan.readers);
  }
}

}  // namespace
}  // namespace rondo::peer::test
