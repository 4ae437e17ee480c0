#include "peer/transfer/exclude.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "peer/transfer/scan.hpp"
#include "peer/transfer/transfer.hpp"
#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer {
namespace {

struct Row {
  std::string pattern;
  /// Below the shared path; a '/' at the end makes it a folder.
  std::vector<std::string> matched;
  std::vector<std::string> others;
};

bool matches(const std::string& pattern, std::string path) {
  const bool is_folder = path.ends_with('/');
  if (is_folder) path.pop_back();
  return ExcludePattern(pattern).matches(path, path.substr(path.rfind('/') + 1), is_folder);
}

class Exclude : public testing::TestWithParam<Row> {};

TEST_P(Exclude, matches_what_it_names_and_nothing_else) {
  const Row& row = GetParam();
  ASSERT_FALSE(exclude_problem(row.pattern)) << *exclude_problem(row.pattern);
  for (const std::string& path : row.matched) EXPECT_TRUE(matches(row.pattern, path)) << row.pattern << " " << path;
  for (const std::string& path : row.others) EXPECT_FALSE(matches(row.pattern, path)) << row.pattern << " " << path;
}

INSTANTIATE_TEST_SUITE_P(
    Names, Exclude,
    testing::Values(Row{"*.tmp", {"a.tmp", "d/e/.tmp", "x.tmp/", ".tmp"}, {"a.tmp2", "a.TMP", "tmp", "x.tmp/a"}},
                    Row{".git", {".git/", ".git", "a/.git"}, {"a.git", ".gitignore", ".git/config"}},
                    Row{"cache/", {"cache/", "a/cache/"}, {"cache", "a/cache", "cache/a", "cache2/"}},
                    Row{"?.c", {"a.c", "\xc3\xa4.c", "\xff.c", "d/\xe6\x97\xa5.c"}, {".c", "ab.c", "\xff\xff.c"}},
                    Row{"[a-c]*[!0-9]", {"ab", "cx", "a9x", "ba"}, {"d", "a9", "b", "A"}},
                    Row{"[]x]", {"]", "x"}, {"[]x]", "a"}}, Row{"[^a]", {"b", "^"}, {"a"}},
                    Row{"[a-]", {"a", "-"}, {"b"}}, Row{"[\xc3\xa0-\xc3\xb6]", {"\xc3\xa4"}, {"a", "\xc3\xbc"}},
                    Row{"\\*", {"*", "d/*"}, {"a", "\\*"}}, Row{"[\\]]", {"]"}, {"\\"}},
                    Row{"*a*b*c", {"abc", "aabbcc", "xaxbxc", "abcabc"}, {"ab", "acb", "abcx"}},
                    Row{"**", {"a", "d/", ".x"}, {}}));

INSTANTIATE_TEST_SUITE_P(
    Paths, Exclude,
    testing::Values(Row{"/build", {"build", "build/"}, {"a/build", "builds"}},
                    Row{"src/*.o", {"src/a.o", "src/.o"}, {"a.o", "src/x/a.o", "x/src/a.o"}},
                    Row{"src/**/*.o", {"src/a.o", "src/x/a.o", "src/x/y/a.o"}, {"a.o", "x/src/a.o", "src/a.c"}},
                    Row{"**/log/", {"log/", "a/log/", "a/b/log/"}, {"log", "a/log", "alog/"}},
                    Row{"a/**", {"a/b", "a/b/c", "a/b/"}, {"a", "a/", "b/a"}}, Row{"/*.txt", {"a.txt"}, {"d/a.txt"}},
                    Row{"//a//b/", {"a/b/"}, {"a/b", "b/"}},
                    Row{"a/**/b/**/c", {"a/b/c", "a/x/b/y/z/c"}, {"a/c", "b/c"}},
                    Row{"a**/b", {"ax/b", "a/b"}, {"a/x/b"}}));

TEST(ExcludeProblem, is_said_of_what_is_no_pattern) {
  EXPECT_EQ(exclude_problem("[a"), "'[a' has a [ that is never closed");
  EXPECT_EQ(exclude_problem("x/[]"), "'x/[]' has a [ that is never closed");
  EXPECT_EQ(exclude_problem("[a/b]"), "'[a/b]' has a [ that is never closed");
  EXPECT_EQ(exclude_problem(""), "'' names nothing");
  EXPECT_EQ(exclude_problem("//"), "'//' names nothing");
  EXPECT_EQ(exclude_problem("a\\"), "'a\\' ends with a single backslash");
  EXPECT_TRUE(exclude_problem("[[:digit:]]"));
  EXPECT_TRUE(exclude_problem("../a"));
  EXPECT_FALSE(exclude_problem("\\[a"));
  EXPECT_FALSE(exclude_problem("a]"));
}

TEST(ExcludePattern, the_shared_path_itself_has_a_name_only) {
  EXPECT_TRUE(ExcludePattern("*.log").matches("", "a.log", false));
  EXPECT_FALSE(ExcludePattern("/a.log").matches("", "a.log", false));
  EXPECT_FALSE(ExcludePattern("**/*").matches("", "a.log", false));
}

TEST(ExcludePattern, a_hostile_pattern_ends) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_FALSE(matches(pattern + "b", std::string(240, 'a')));
  std::string deep;
  for (int i = 0; i < 50; ++i) deep += "**/a/";
  std::string path;
  for (int i = 0; i < 100; ++i) path += "a/";
  EXPECT_FALSE(matches(deep + "b", path + "c"));
}

TEST(ExcludeList, counts_and_tells_what_did_nothing) {
  ExcludeList list({"*.o", "*.a.o", "typo"});
  EXPECT_TRUE(list.leaves_out("x.a.o", "x.a.o", false));
  EXPECT_TRUE(list.leaves_out("d/x.o", "x.o", true));
  EXPECT_FALSE(list.leaves_out("d/x.c", "x.c", false));
  EXPECT_EQ(list.files(), 1u);
  EXPECT_EQ(list.folders(), 1u);
  EXPECT_EQ(list.unused(), std::vector<std::string>{"typo"});
}

// --- in a walk -------------------------------------------------------------------------------------------------------

using test::write_file;

class ExcludeScan : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* path : {"a.txt", "a.o", "build/x", "src/a.o", "src/build/y", "src/deep/b.o", "src/b.c"})
      write_file(dir_ / "tree" / path, "content");
  }

  Result<Scan, TransferError> scan(std::vector<test::fs::path> paths, std::vector<std::string> exclude) {
    const std::atomic<bool> cancelled = false;
    return scan_paths({std::move(paths), std::nullopt, false, std::move(exclude)}, cancelled);
  }

  static std::vector<std::string> names(const Result<Scan, TransferError>& scan) {
    std::vector<std::string> out;
    for (const ScannedFile& file : scan->files) out.push_back(file.torrent_path);
    return out;
  }

  test::TempDir dir_;
};

TEST_F(ExcludeScan, leaves_out_and_says_how_many) {
  const auto found = scan({dir_ / "tree"}, {"*.o", "/build", "tpyo"});
  EXPECT_EQ(names(found), (std::vector<std::string>{"tree/a.txt", "tree/src/b.c", "tree/src/build/y"}));
  EXPECT_EQ(found->excluded, 4u);
  EXPECT_EQ(found->notes.at(0), "left out 3 files and 1 folder by --exclude");
  EXPECT_EQ(found->notes.at(1), "--exclude 'tpyo' matched nothing");
}

TEST_F(ExcludeScan, a_folder_that_is_left_out_is_not_read) {
  write_file(dir_ / "tree" / "secret" / "key", "x");
  ::chmod((dir_ / "tree" / "secret").c_str(), 0);
  ::chmod(dir_.path().c_str(), 0755);
  const bool was_root = ::geteuid() == 0 && ::seteuid(65534) == 0;
  EXPECT_FALSE(scan({dir_ / "tree"}, {}));
  const auto found = scan({dir_ / "tree"}, {"secret/"});
  ASSERT_TRUE(found) << found.error().sentence;
  EXPECT_EQ(found->notes.at(0), "left out 1 folder by --exclude");
  ASSERT_TRUE(!was_root || ::seteuid(0) == 0);
  ::chmod((dir_ / "tree" / "secret").c_str(), 0700);
}

TEST_F(ExcludeScan, a_lone_folder_is_never_left_out_itself_but_each_of_several_is) {
  EXPECT_EQ(names(scan({dir_ / "tree"}, {"tree", "src"})).size(), 3u);
  const auto found = scan({dir_ / "tree" / "src", dir_ / "tree" / "a.txt", dir_ / "tree" / "a.o"}, {"src", "*.o"});
  EXPECT_EQ(names(found), std::vector<std::string>{"src and 2 more/a.txt"});
  const auto paths = scan({dir_ / "tree" / "src", dir_ / "tree" / "build"}, {"/deep", "/src"});
  EXPECT_EQ(paths->excluded, 1u);
  EXPECT_EQ(paths->notes.at(1), "--exclude '/src' matched nothing");
}

TEST_F(ExcludeScan, everything_left_out_is_nothing_to_share) {
  for (const char* path : {"tree", "tree/a.o"}) {
    const auto found = scan({dir_ / path}, {"*"});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, TransferErrc::kEmpty);
    EXPECT_EQ(found.error().sentence,
              "there is nothing to share in " + (dir_ / path).string() + ": --exclude leaves out everything");
  }
  EXPECT_EQ(scan({dir_ / "tree"}, {"[a"}).error().code, TransferErrc::kBadPattern);
}

}  // namespace
}  // namespace rondo::peer
