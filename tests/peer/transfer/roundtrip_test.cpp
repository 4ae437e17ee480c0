// Real bytes between two sessions over loopback.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

/// Nested folders, empty files, an executable, names of several scripts, many small files.
void make_tree(const fs::path& root) {
  write_file(root / "read me.txt", "hello\n");
  write_file(root / "empty", "");
  write_file(root / "a" / "b" / "c" / "also empty.dat", "");
  write_file(root / "a" / "b" / "deep.bin", random_text(1, 70'000));
  write_file(root / "bin" / "run.sh", "#!/bin/sh\necho hi\n", true);
  write_file(root / "bin" / "empty tool", "", true);
  write_file(root / "naïve – файл 日本語.txt", random_text(2, 1'000));
  write_file(root / "exactly one block", random_text(3, 16 * 1024));
  for (int i = 0; i < 300; ++i)
    write_file(root / "many" / ("file " + std::to_string(i)), random_text(100 + static_cast<unsigned>(i), 4'096));
}

bool has_note(const std::vector<std::string>& notes, const std::string& text) {
  return std::any_of(notes.begin(), notes.end(),
                     [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

class Roundtrip : public ::testing::Test {
 protected:
  /// Shares what is below from_ and fetches it; both sides must be equal.
  void expect_equal_after(std::variant<Magnet, Bytes> source) {
    const auto fetched = getter_.fetch(std::move(source), target(), sharer_.endpoint());
    ASSERT_TRUE(fetched) << getter_.failure.sentence;
    EXPECT_EQ(tree_of(from_.path()), tree_of(target()));
  }

  fs::path target() { return to_ / "into"; }

  TempDir from_;
  TempDir to_;
  TestPeer sharer_;
  TestPeer getter_;
};

TEST_F(Roundtrip, a_tree_by_magnet_is_equal_and_keeps_x_bits) {
  make_tree(from_ / "tree");
  write_file(from_ / "tree" / "big", random_text(9, 20'000'000));
  const Seeding seeding = sharer_.share({from_ / "tree"});
  EXPECT_EQ(seeding.content.name, "tree");
  EXPECT_EQ(seeding.content.files.size(), 309u);
  EXPECT_TRUE(seeding.notes.empty());

  getter_->fetch(7, {magnet_of(seeding.content), target()});
  getter_->connect_peer(7, sharer_.endpoint());
  const auto metadata = getter_.wait<MetadataReady>(7);
  ASSERT_TRUE(metadata) << getter_.failure.sentence;
  EXPECT_EQ(metadata->content.info_hash, seeding.content.info_hash);
  EXPECT_EQ(metadata->content.bytes, seeding.content.bytes);
  EXPECT_FALSE(fs::exists(target())) << "written before accept()";
  getter_->accept(7);
  const auto fetched = getter_.wait<Fetched>(7);
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_EQ(fetched->path, target() / "tree");
  EXPECT_EQ(tree_of(from_.path()), tree_of(target()));
}

TEST_F(Roundtrip, a_name_that_stands_for_padding_is_shared_under_another) {
  write_file(from_ / "t" / "_____padding_file_0_", "no padding");
  write_file(from_ / "t" / "_____padding_file_dir" / "__________padding_file_", "nor this");
  write_file(from_ / "t" / "z", "z");
  const Seeding seeding = sharer_.share({from_ / "t"});
  EXPECT_EQ(seeding.content.files.size(), 3u);
  EXPECT_EQ(seeding.notes.size(), 4u);
  const auto fetched = getter_.fetch(magnet_of(seeding.content), target(), sharer_.endpoint());
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_EQ(read_file(target() / "t" / "padding_file_0_"), "no padding");
  EXPECT_EQ(read_file(target() / "t" / "padding_file_dir" / "padding_file_"), "nor this");
}

TEST_F(Roundtrip, a_tree_by_torrent_file) {
  make_tree(from_ / "tree");
  expect_equal_after(sharer_.share({from_ / "tree"}).torrent_file);
}

TEST_F(Roundtrip, a_hybrid_by_magnet_of_either_hash) {
  make_tree(from_ / "tree");
  const Seeding seeding = sharer_.share({from_ / "tree"}, true);
  EXPECT_TRUE(seeding.content.has_v1 && seeding.content.has_v2);
  Magnet v1 = magnet_of(seeding.content);
  v1.info_hash_v2.reset();
  expect_equal_after(v1);

  Magnet v2 = magnet_of(seeding.content);
  v2.has_v1 = false;
  std::copy_n(v2.info_hash_v2->begin(), RingId::kSize, v2.info_hash.bytes.begin());
  TestPeer other;
  const auto fetched = other.fetch(v2, to_ / "other", sharer_.endpoint());
  ASSERT_TRUE(fetched) << other.failure.sentence;
  EXPECT_EQ(fetched->content.info_hash, seeding.content.info_hash);
  EXPECT_EQ(tree_of(from_.path()), tree_of(to_ / "other"));
}

TEST_F(Roundtrip, a_hybrid_by_torrent_file) {
  make_tree(from_ / "tree");
  expect_equal_after(sharer_.share({from_ / "tree"}, true).torrent_file);
}

TEST_F(Roundtrip, a_single_file_keeps_its_x_bit) {
  write_file(from_ / "tool", random_text(4, 100'001), true);
  const Seeding seeding = sharer_.share({from_ / "tool"});
  ASSERT_EQ(seeding.content.files.size(), 1u);
  EXPECT_EQ(seeding.content.files[0].path, "tool");
  expect_equal_after(magnet_of(seeding.content));
}

TEST_F(Roundtrip, a_folder_of_one_file_stays_a_folder) {
  write_file(from_ / "folder" / "file", "x");
  expect_equal_after(magnet_of(sharer_.share({from_ / "folder"}).content));
}

TEST_F(Roundtrip, several_paths_under_one_name) {
  write_file(from_ / "one" / "same" / "f", "1");
  write_file(from_ / "two" / "same" / "f", "2");
  write_file(from_ / "three.txt", random_text(5, 50'000));
  CreateRequest request;
  request.paths = {from_ / "one" / "same", from_ / "two" / "same", from_ / "three.txt"};
  request.name = "My things";
  sharer_->share(1, request);
  const auto seeding = sharer_.wait<Seeding>(1);
  ASSERT_TRUE(seeding) << sharer_.failure.sentence;
  const auto fetched = getter_.fetch(magnet_of(seeding->content), target(), sharer_.endpoint());
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_EQ(fetched->path, target() / "My things");
  EXPECT_EQ(read_file(target() / "My things" / "same" / "f"), "1");
  EXPECT_EQ(read_file(target() / "My things" / "same (2)" / "f"), "2");
  EXPECT_EQ(read_file(target() / "My things" / "three.txt"), read_file(from_ / "three.txt"));
}

TEST_F(Roundtrip, several_paths_get_a_name_by_themselves) {
  write_file(from_ / "a.txt", "1");
  write_file(from_ / "b.txt", "2");
  EXPECT_EQ(sharer_.share({from_ / "a.txt", from_ / "b.txt"}).content.name, "a.txt and 1 more");
}

TEST_F(Roundtrip, a_chosen_name_and_odd_names_on_disk) {
  const std::string latin1 = "caf\xe9.txt";
  write_file(from_ / "tree" / latin1, "latin-1");
  write_file(from_ / "tree" / "with\nnewline", "newline");
  write_file(from_ / "tree" / "back\\slash", "backslash");
  write_file(from_ / "tree" / std::string(255, 'n'), "long");
  CreateRequest request;
  request.paths = {from_ / "tree"};
  request.name = "chosen";
  sharer_->share(1, request);
  const auto seeding = sharer_.wait<Seeding>(1);
  ASSERT_TRUE(seeding) << sharer_.failure.sentence;
  EXPECT_TRUE(has_note(seeding->notes, "caf\\xe9.txt is not UTF-8: it is shared as caf_.txt"));
  const auto fetched = getter_.fetch(magnet_of(seeding->content), target(), sharer_.endpoint());
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_TRUE(has_note(seeding->notes, "chosen/with\\x0anewline is saved as chosen/with_newline by those who fetch it"))
      << ::testing::PrintToString(seeding->notes);
  const fs::path got = target() / "chosen";
  EXPECT_EQ(read_file(got / "caf_.txt"), "latin-1");
  EXPECT_EQ(read_file(got / "with_newline"), "newline");
  EXPECT_EQ(read_file(got / std::string(240, 'n')), "long");
  EXPECT_EQ(tree_of(got).size(), 4u);
}

TEST_F(Roundtrip, links_pipes_sockets_and_empty_folders_are_left_out_and_said) {
  write_file(from_ / "tree" / "file", "x");
  fs::create_directories(from_ / "tree" / "hollow");
  fs::create_symlink("file", from_ / "tree" / "link");
  fs::create_directory_symlink("/etc", from_ / "tree" / "etc");
  ASSERT_EQ(::mkfifo((from_ / "tree" / "pipe").c_str(), 0600), 0);
  fs::create_directories(from_ / "tree" / ".rondo-0123.part");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (from_ / "tree" / "socket").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<::sockaddr*>(&address), sizeof address), 0);
  ::close(fd);

  const Seeding seeding = sharer_.share({from_ / "tree"});
  EXPECT_EQ(seeding.content.files.size(), 1u);
  EXPECT_EQ(seeding.notes.size(), 6u);
  const std::string root = (from_ / "tree").string();
  EXPECT_TRUE(has_note(seeding.notes, "left out the empty folder " + root + "/hollow"));
  EXPECT_TRUE(has_note(seeding.notes, "left out the symbolic link " + root + "/link"));
  EXPECT_TRUE(has_note(seeding.notes, "left out the symbolic link " + root + "/etc"));
  EXPECT_TRUE(has_note(seeding.notes, "left out the named pipe " + root + "/pipe"));
  EXPECT_TRUE(has_note(seeding.notes, "left out the socket " + root + "/socket"));
  EXPECT_TRUE(has_note(seeding.notes, "left out the unfinished download " + root + "/.rondo-0123.part"));
}

TEST_F(Roundtrip, the_info_hash_depends_on_names_contents_and_x_bits_only) {
  make_tree(from_ / "x" / "tree");
  fs::create_directories(from_ / "y");
  fs::copy(from_ / "x" / "tree", from_ / "y" / "tree", fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(from_ / "y"))
    fs::last_write_time(entry.path(), fs::file_time_type(std::chrono::seconds(1)));
  fs::create_directories(from_ / "y" / "tree" / "empty folder");
  const Seeding first = sharer_.share({from_ / "x" / "tree"});
  EXPECT_EQ(TestPeer().share({from_ / "y" / "tree"}).torrent_file, first.torrent_file);
  ::chmod((from_ / "y" / "tree" / "read me.txt").c_str(), 0755);
  EXPECT_NE(TestPeer().share({from_ / "y" / "tree"}).content.info_hash, first.content.info_hash);
}

TEST_F(Roundtrip, a_given_path_may_be_a_link_or_a_dot) {
  write_file(from_ / "real" / "f", "1");
  fs::create_directory_symlink("real", from_ / "link");
  EXPECT_EQ(sharer_.share({from_ / "link"}).content.name, "link");
  EXPECT_EQ(TestPeer().share({from_ / "real" / "."}).content.name, "real");
  EXPECT_EQ(TestPeer().share({from_ / "real" / ""}).content.name, "real");
}

TEST_F(Roundtrip, modification_times_are_those_of_the_download) {
  write_file(from_ / "old", "x");
  fs::last_write_time(from_ / "old", fs::file_time_type::clock::now() - std::chrono::hours(1000));
  expect_equal_after(magnet_of(sharer_.share({from_ / "old"}).content));
  EXPECT_LT(fs::file_time_type::clock::now() - fs::last_write_time(target() / "old"), std::chrono::hours(1));
}

TEST_F(Roundtrip, a_peer_offered_late_and_twice_is_used_at_once) {
  write_file(from_ / "file", random_text(6, 3'000'000));
  const Seeding seeding = sharer_.share({from_ / "file"});
  getter_->fetch(7, {magnet_of(seeding.content), target()});
  EXPECT_FALSE(getter_.wait<MetadataReady>(7, 100ms));
  getter_->connect_peer(7, Endpoint::v4(127, 0, 0, 1, 1));
  getter_->connect_peer(7, sharer_.endpoint());
  getter_->connect_peer(7, sharer_.endpoint());
  getter_->connect_peer(8, sharer_.endpoint());
  ASSERT_TRUE(getter_.wait<MetadataReady>(7)) << getter_.failure.sentence;
  getter_->accept(7);
  getter_->accept(7);
  ASSERT_TRUE(getter_.wait<Fetched>(7)) << getter_.failure.sentence;
  EXPECT_EQ(tree_of(from_.path()), tree_of(target()));
}

/// The second fetches from the first, which then goes; the third fetches from the second.
void expect_handed_on(const fs::path& from, const fs::path& to, bool hybrid) {
  write_file(from / "tree" / "file", random_text(7, 3'000'000));
  write_file(from / "tree" / "empty", "");
  TestPeer first;
  TestPeer second;
  TestPeer third;
  const Seeding seeding = first.share({from / "tree"}, hybrid);
  ASSERT_TRUE(second.fetch(magnet_of(seeding.content), to / "2", first.endpoint())) << second.failure.sentence;
  first->shutdown();
  third->fetch(7, {magnet_of(seeding.content), to / "3"});
  third->connect_peer(7, second.endpoint());
  // Who serves must be drained too, to go from "in its place" to "seeding".
  ASSERT_TRUE(second.wait_until([&] { return third.wait<MetadataReady>(7, 10ms).has_value(); }));
  third->accept(7);
  ASSERT_TRUE(second.wait_until([&] { return third.wait<Fetched>(7, 10ms).has_value(); }));
  EXPECT_EQ(tree_of(from), tree_of(to / "3"));
}

TEST(Handing, who_has_fetched_serves_others) {
  const TempDir from;
  const TempDir to;
  expect_handed_on(from.path(), to.path(), false);
}

TEST(Handing, who_has_fetched_a_hybrid_serves_others) {
  const TempDir from;
  const TempDir to;
  expect_handed_on(from.path(), to.path(), true);
}

TEST_F(Roundtrip, progress_is_reported_on_both_sides) {
  write_file(from_ / "file", random_text(8, 30'000'000));
  const Seeding seeding = sharer_.share({from_ / "file"});
  ASSERT_TRUE(getter_.fetch(magnet_of(seeding.content), target(), sharer_.endpoint())) << getter_.failure.sentence;
  const auto progress = sharer_.wait<TransferProgress>(1, 3s);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->total, 30'000'000u);
  EXPECT_TRUE(sharer_.wait<HashProgress>(1));
}

}  // namespace
}  // namespace rondo::peer::test
