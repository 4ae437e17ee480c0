#include "peer/transfer/staging.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "peer/transfer/beneath.hpp"
#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

Content content_of(const std::string& name, std::vector<ContentFile> files) {
  Content out;
  out.name = name;
  out.files = std::move(files);
  for (const ContentFile& file : out.files) out.bytes += file.size;
  return out;
}

const std::string kFolder = ".rondo-" + std::string(40, '0') + ".part";

TEST(Staging, is_private_locked_and_goes_away) {
  const TempDir dir;
  const Content content = content_of("t", {{"t/f", 1}});
  {
    const auto staging = Staging::open(dir / "into", content);
    ASSERT_TRUE(staging) << staging.error().sentence;
    struct ::stat info {};
    ASSERT_EQ(::stat((dir / "into" / kFolder).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777u, 0700u);
    EXPECT_EQ(fs::canonical(staging->path()), fs::canonical(dir / "into" / kFolder));
    const auto second = Staging::open(dir / "into", content);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, TransferErrc::kBusy);
  }
  EXPECT_TRUE(fs::is_empty(dir.path())) << "folders made for it must go too";
}

TEST(Staging, keeps_a_target_that_was_there) {
  const TempDir dir;
  fs::create_directories(dir / "into");
  { ASSERT_TRUE(Staging::open(dir / "into" / "new", content_of("t", {}))); }
  EXPECT_TRUE(fs::is_empty(dir / "into"));
}

TEST(Staging, places_a_folder_with_empty_files_and_x_bits) {
  const TempDir dir;
  const Content content =
      content_of("t", {{"t/a/file", 3}, {"t/b/c/empty", 0}, {"t/tool", 4, true}, {"t/empty tool", 0, true}});
  auto staging = Staging::open(dir / "into", content);
  ASSERT_TRUE(staging);
  write_file(fs::path(staging->path()) / "t/a/file", "abc");
  write_file(fs::path(staging->path()) / "t/tool", "tool");
  const auto placed = staging->place(content);
  ASSERT_TRUE(placed) << placed.error().sentence;
  EXPECT_EQ(placed->path, dir / "into" / "t");
  const Tree tree = tree_of(dir / "into");
  EXPECT_EQ(tree.size(), 8u) << ::testing::PrintToString(tree);
  EXPECT_TRUE(tree.at("t/b/c/empty").starts_with("- 0"));
  EXPECT_TRUE(tree.at("t/tool").starts_with("x 4"));
  EXPECT_TRUE(tree.at("t/empty tool").starts_with("x 0"));
}

TEST(Staging, never_replaces) {
  const TempDir dir;
  for (const bool folder : {false, true}) {
    const std::string name = folder ? "folder" : "file";
    const Content content = content_of(name, {{folder ? "folder/f" : "file", 3}});
    auto staging = Staging::open(dir.path(), content);
    ASSERT_TRUE(staging);
    write_file(fs::path(staging->path()) / content.files[0].path, "new");
    if (folder)
      fs::create_directory(dir / "folder");
    else
      fs::create_symlink("nowhere", dir / "file");
    const auto placed = staging->place(content);
    ASSERT_FALSE(placed);
    EXPECT_EQ(placed.error().code, TransferErrc::kExists);
  }
  EXPECT_TRUE(fs::is_empty(dir / "folder"));
  EXPECT_EQ(fs::read_symlink(dir / "file"), "nowhere");
}

TEST(Staging, refuses_what_is_not_as_it_was_written) {
  const TempDir dir;
  write_file(dir / "secret", "abc");
  const Content content = content_of("t", {{"t/f", 3, true}});
  for (const std::string kind : {"missing", "short", "link", "linked folder"}) {
    auto staging = Staging::open(dir / "into", content);
    ASSERT_TRUE(staging);
    staging->discard();
    const fs::path root = staging->path();
    if (kind == "short") write_file(root / "t/f", "ab");
    if (kind == "link") {
      fs::create_directory(root / "t");
      fs::create_symlink(dir / "secret", root / "t/f");
    }
    if (kind == "linked folder") {
      write_file(dir / "elsewhere" / "f", "abc");
      fs::create_directory_symlink(dir / "elsewhere", root / "t");
    }
    EXPECT_FALSE(staging->place(content)) << kind;
    EXPECT_FALSE(fs::exists(dir / "into" / "t")) << kind;
  }
  EXPECT_TRUE(tree_of(dir.path()).at("secret").starts_with("- 3")) << "made executable through a link";

  const Content plain = content_of("t", {{"t/f", 3}});
  auto staging = Staging::open(dir / "into", plain);
  ASSERT_TRUE(staging);
  staging->discard();
  fs::create_directory_symlink(dir / "elsewhere", fs::path(staging->path()) / "t");
  EXPECT_FALSE(staging->place(plain));
  EXPECT_FALSE(fs::is_symlink(dir / "into" / "t"));
}

TEST(Staging, folders_of_empty_files_are_not_made_through_links) {
  const TempDir dir;
  fs::create_directories(dir / "elsewhere");
  const Content content = content_of("t", {{"t/d/e/empty", 0}});
  auto staging = Staging::open(dir / "into", content);
  ASSERT_TRUE(staging);
  fs::create_directories(fs::path(staging->path()) / "t");
  fs::create_directory_symlink(dir / "elsewhere", fs::path(staging->path()) / "t" / "d");
  EXPECT_FALSE(staging->place(content));
  EXPECT_TRUE(fs::is_empty(dir / "elsewhere"));
}

TEST(Staging, a_target_swapped_for_a_link_gains_nothing) {
  const TempDir dir;
  fs::create_directories(dir / "victim");
  const Content content = content_of("t", {{"t", 3}});
  auto staging = Staging::open(dir / "into", content);
  ASSERT_TRUE(staging);
  fs::rename(dir / "into", dir / "moved");
  fs::create_directory_symlink(dir / "victim", dir / "into");
  write_file(fs::path(staging->path()) / "t", "abc");
  ASSERT_TRUE(staging->place(content));
  EXPECT_TRUE(fs::is_empty(dir / "victim"));
  EXPECT_EQ(read_file(dir / "moved" / "t"), "abc");
}

TEST(Staging, what_others_prepared_is_not_used) {
  const TempDir dir;
  fs::create_directories(dir / "elsewhere");
  fs::create_directory_symlink(dir / "elsewhere", dir / kFolder);
  const auto linked = Staging::open(dir.path(), content_of("t", {}));
  ASSERT_FALSE(linked);
  EXPECT_EQ(linked.error().code, TransferErrc::kDenied) << linked.error().sentence;
  fs::remove(dir / kFolder);
  if (::geteuid() != 0) GTEST_SKIP() << "needs another user's folder";
  fs::create_directories(dir / kFolder);
  ASSERT_EQ(::chown((dir / kFolder).c_str(), 12345, 12345), 0);
  const auto foreign = Staging::open(dir.path(), content_of("t", {}));
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, TransferErrc::kDenied) << foreign.error().sentence;
}

TEST(Beneath, leads_nowhere_else) {
  const TempDir dir;
  write_file(dir / "root" / "a" / "f", "inside");
  write_file(dir / "outside", "outside");
  fs::create_symlink("../outside", dir / "root" / "link");
  fs::create_directory_symlink("..", dir / "root" / "up");
  fs::create_directory_symlink("a", dir / "root" / "harmless");
  const Fd root(::open((dir / "root").c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_TRUE(open_beneath(root.get(), "a/f", O_RDONLY).ok());
  for (const char* path : {"../outside", "/etc/passwd", "link", "up/outside", "a/../../outside", "harmless/f", "",
                           "/proc/self/root/etc/passwd"})
    EXPECT_FALSE(open_beneath(root.get(), path, O_RDONLY).ok()) << path;
}

TEST(RemoveContents, removes_links_not_what_they_point_to) {
  const TempDir dir;
  write_file(dir / "keep" / "f", "x");
  write_file(dir / "go" / "deep" / "er" / "f", "x");
  fs::create_directory_symlink(dir / "keep", dir / "go" / "deep" / "link");
  const Fd folder(::open((dir / "go").c_str(), O_RDONLY | O_DIRECTORY));
  remove_contents(folder.get());
  EXPECT_TRUE(fs::is_empty(dir / "go"));
  EXPECT_EQ(read_file(dir / "keep" / "f"), "x");
}

}  // namespace
}  // namespace rondo::peer::test
