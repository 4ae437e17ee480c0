// What a fetch does about files that are at its place already.
#include "peer/transfer/placing.hpp"

#include <gtest/gtest.h>

#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

class WhenThere : public ::testing::Test {
 protected:
  WhenThere() {
    write_file(from_ / "tree" / "a", "new a");
    write_file(from_ / "tree" / "sub" / "b", "new b", true);
    write_file(from_ / "tree" / "sub" / "deep" / "c", random_text(1, 300'000));
    write_file(from_ / "tree" / "empty", "");
    seeding_ = sharer_.share({from_ / "tree"});
    into_ = to_ / "into";
  }

  std::optional<Fetched> fetch(WhenExists when_exists) {
    TestPeer getter;
    getter->fetch(7, {seeding_.torrent_file, into_, when_exists});
    getter->connect_peer(7, sharer_.endpoint());
    if (getter.wait<MetadataReady>(7)) getter->accept(7);
    auto fetched = getter.wait<Fetched>(7);
    failure_ = getter.failure;
    return fetched;
  }

  [[nodiscard]] bool only_tree() const { return tree_of(into_).size() == tree_of(into_ / "tree").size() + 1; }

  TempDir from_;
  TempDir to_;
  fs::path into_;
  TestPeer sharer_;
  Seeding seeding_;
  TransferError failure_;
};

TEST_F(WhenThere, nothing_there_is_the_same_for_all) {
  for (const WhenExists when : {WhenExists::kRefuse, WhenExists::kOverwrite, WhenExists::kRename, WhenExists::kSkip}) {
    into_ = to_ / std::to_string(static_cast<int>(when));
    const auto fetched = fetch(when);
    ASSERT_TRUE(fetched) << failure_.sentence;
    EXPECT_EQ(fetched->path, into_ / "tree");
    EXPECT_EQ(fetched->skipped, 0u);
    EXPECT_EQ(tree_of(into_), tree_of(from_.path()));
  }
}

TEST_F(WhenThere, overwrite_replaces_files_and_touches_nothing_else) {
  write_file(into_ / "tree" / "a", "old a");
  write_file(into_ / "tree" / "sub" / "mine", "mine");
  write_file(into_ / "tree" / "empty", "not empty");
  const auto fetched = fetch(WhenExists::kOverwrite);
  ASSERT_TRUE(fetched) << failure_.sentence;
  Tree wanted = tree_of(from_.path());
  wanted["tree/sub/mine"] = tree_of(into_).at("tree/sub/mine");
  EXPECT_EQ(tree_of(into_), wanted);
  EXPECT_EQ(read_file(into_ / "tree" / "sub" / "mine"), "mine");
}

TEST_F(WhenThere, overwrite_replaces_a_link_and_not_what_it_leads_to) {
  write_file(to_ / "victim", "precious");
  fs::create_directories(into_ / "tree");
  fs::create_symlink(to_ / "victim", into_ / "tree" / "a");
  ASSERT_TRUE(fetch(WhenExists::kOverwrite)) << failure_.sentence;
  EXPECT_EQ(read_file(to_ / "victim"), "precious");
  EXPECT_EQ(tree_of(into_), tree_of(from_.path()));
}

TEST_F(WhenThere, skip_fetches_what_is_missing_only) {
  write_file(into_ / "tree" / "a", "old a");
  write_file(into_ / "tree" / "sub" / "deep" / "c", "old c");
  const auto fetched = fetch(WhenExists::kSkip);
  ASSERT_TRUE(fetched) << failure_.sentence;
  EXPECT_EQ(fetched->skipped, 2u);
  EXPECT_EQ(read_file(into_ / "tree" / "a"), "old a");
  EXPECT_EQ(read_file(into_ / "tree" / "sub" / "deep" / "c"), "old c");
  EXPECT_EQ(read_file(into_ / "tree" / "sub" / "b"), "new b");
  EXPECT_TRUE(fs::exists(into_ / "tree" / "empty"));
  EXPECT_TRUE(only_tree()) << ::testing::PrintToString(tree_of(into_));
}

TEST_F(WhenThere, skip_with_everything_there_needs_no_peer) {
  fs::create_directories(into_);
  fs::copy(from_ / "tree", into_ / "tree", fs::copy_options::recursive);
  sharer_->shutdown();
  const auto fetched = fetch(WhenExists::kSkip);
  ASSERT_TRUE(fetched) << failure_.sentence;
  EXPECT_EQ(fetched->skipped, 4u);
  EXPECT_TRUE(only_tree());
}

TEST_F(WhenThere, rename_takes_the_next_free_name) {
  write_file(into_ / "tree" / "a", "old a");
  write_file(into_ / "tree (2)", "taken");
  const auto fetched = fetch(WhenExists::kRename);
  ASSERT_TRUE(fetched) << failure_.sentence;
  EXPECT_EQ(fetched->path, into_ / "tree (3)");
  EXPECT_EQ(tree_of(into_ / "tree (3)"), tree_of(from_ / "tree"));
  EXPECT_EQ(read_file(into_ / "tree" / "a"), "old a");
}

TEST_F(WhenThere, a_file_and_a_folder_never_give_way_to_each_other) {
  for (const WhenExists when : {WhenExists::kOverwrite, WhenExists::kSkip}) {
    into_ = to_ / ("folder" + std::to_string(static_cast<int>(when)));
    write_file(into_ / "tree" / "a" / "file", "in a folder called a");
    const Tree before = tree_of(into_);
    EXPECT_FALSE(fetch(when));
    EXPECT_EQ(failure_.code, TransferErrc::kExists) << failure_.sentence;
    EXPECT_EQ(tree_of(into_), before);

    into_ = to_ / ("file" + std::to_string(static_cast<int>(when)));
    write_file(into_ / "tree" / "sub", "a file called sub");
    EXPECT_FALSE(fetch(when));
    EXPECT_EQ(failure_.code, TransferErrc::kExists) << failure_.sentence;
  }
}

TEST_F(WhenThere, folders_that_are_links_are_not_followed) {
  for (const WhenExists when : {WhenExists::kOverwrite, WhenExists::kSkip})
    for (const std::string place : {"tree", "tree/sub"}) {
      into_ = to_ / std::to_string(static_cast<int>(when)) / place;
      fs::create_directories((into_ / place).parent_path());
      fs::create_directories(to_ / "elsewhere");
      fs::create_directory_symlink(to_ / "elsewhere", into_ / place);
      EXPECT_FALSE(fetch(when)) << place;
      EXPECT_EQ(failure_.code, TransferErrc::kExists) << failure_.sentence;
      EXPECT_TRUE(fs::is_empty(to_ / "elsewhere"));
    }
}

TEST_F(WhenThere, a_single_file) {
  const TempDir other;
  write_file(other / "notes.txt", "new");
  seeding_ = [&] {
    CreateRequest request;
    request.paths = {other / "notes.txt"};
    sharer_->share(2, request);
    return *sharer_.wait<Seeding>(2);
  }();
  write_file(into_ / "notes.txt", "old");
  auto fetched = fetch(WhenExists::kSkip);
  ASSERT_TRUE(fetched) << failure_.sentence;
  EXPECT_EQ(fetched->skipped, 1u);
  EXPECT_EQ(read_file(into_ / "notes.txt"), "old");
  fetched = fetch(WhenExists::kRename);
  ASSERT_TRUE(fetched) << failure_.sentence;
  EXPECT_EQ(fetched->path, into_ / "notes (2).txt");
  ASSERT_TRUE(fetch(WhenExists::kOverwrite)) << failure_.sentence;
  EXPECT_EQ(read_file(into_ / "notes.txt"), "new");
  EXPECT_EQ(tree_of(into_).size(), 2u);
}

}  // namespace
}  // namespace rondo::peer::test
