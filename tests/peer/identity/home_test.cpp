#include "peer/identity/home.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "tests/support/temp_dir.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;
using rondo::test::TempDir;

GetEnvironment with(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end() || found->second.empty()) return std::nullopt;
    return found->second;
  };
}

unsigned mode_of(const fs::path& path) {
  struct ::stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777u : 0;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(Home, flag_and_variable_put_all_under_one_folder) {
  const auto by_flag = find_home("/x/one", with({{"RONDO_HOME", "/x/two"}, {"HOME", "/h"}}));
  ASSERT_TRUE(by_flag);
  EXPECT_EQ(by_flag->config, "/x/one/config");
  EXPECT_EQ(by_flag->state, "/x/one/state");
  EXPECT_EQ(by_flag->shown, "/x/one");
  const auto by_variable = find_home(std::nullopt, with({{"RONDO_HOME", "/x/two"}, {"HOME", "/h"}}));
  ASSERT_TRUE(by_variable);
  EXPECT_EQ(by_variable->state, "/x/two/state");
}

TEST(Home, a_relative_flag_is_made_absolute) {
  const auto home = find_home("some/../dir", with({}));
  ASSERT_TRUE(home);
  EXPECT_EQ(home->shown, fs::current_path() / "dir");
  EXPECT_FALSE(find_home("", with({})));
}

TEST(Home, xdg_variables_hold_and_relative_ones_are_ignored) {
  const auto plain = find_home(std::nullopt, with({{"HOME", "/h"}}));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->config, "/h/.config/rondo");
  EXPECT_EQ(plain->state, "/h/.local/state/rondo");
  const auto xdg =
      find_home(std::nullopt, with({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/c"}, {"XDG_STATE_HOME", "relative"}}));
  ASSERT_TRUE(xdg);
  EXPECT_EQ(xdg->config, "/c/rondo");
  EXPECT_EQ(xdg->state, "/h/.local/state/rondo");
}

TEST(Home, folders_are_private_and_making_them_again_is_fine) {
  const TempDir dir;
  const auto home = find_home(dir.path() / "deep" / "home", with({}));
  ASSERT_TRUE(home);
  ASSERT_TRUE(make_home(*home));
  ASSERT_TRUE(make_home(*home));
  EXPECT_EQ(mode_of(home->shown), 0700u);
  EXPECT_EQ(mode_of(home->config), 0700u);
  EXPECT_EQ(mode_of(home->state), 0700u);
}

TEST(Home, a_file_in_the_way_is_named) {
  const TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  const auto home = find_home(dir.path() / "file", with({}));
  ASSERT_TRUE(home);
  const auto made = make_home(*home);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().find((dir.path() / "file").string()), std::string::npos) << made.error();
}

TEST(HomeLock, a_second_taker_hears_who_holds_it) {
  const TempDir dir;
  const auto home = find_home(dir.path(), with({}));
  ASSERT_TRUE(make_home(*home));
  {
    const auto lock = HomeLock::take(*home);
    ASSERT_TRUE(lock);
    const auto second = HomeLock::take(*home);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), "another rondo (pid " + std::to_string(::getpid()) + ") uses " + dir.path().string() +
                                  ": stop it, or give this one its own --home");
  }
  EXPECT_TRUE(HomeLock::take(*home)) << "not free again";
}

TEST(HomeLock, ends_with_a_killed_process) {
  const TempDir dir;
  const auto home = find_home(dir.path(), with({}));
  ASSERT_TRUE(make_home(*home));
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = HomeLock::take(*home);
    const char byte = lock ? '1' : '0';
    if (::write(ready[1], &byte, 1) == 1) ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, '1');
  const auto held = HomeLock::take(*home);
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().find("pid " + std::to_string(child)), std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(HomeLock::take(*home));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(AtomicWrite, replaces_or_refuses_and_leaves_nothing_else) {
  const TempDir dir;
  const fs::path file = dir.path() / "state";
  ASSERT_TRUE(atomic_write_file(file, as_bytes("one")));
  EXPECT_EQ(mode_of(file), 0600u);
  ASSERT_TRUE(atomic_write_file(file, as_bytes("two"), 0644));
  EXPECT_EQ(text_of(file), "two");
  EXPECT_EQ(mode_of(file), 0644u);
  const auto refused = atomic_write_file(file, as_bytes("three"), 0600, IfThere::kFail);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("File exists"), std::string::npos);
  EXPECT_EQ(text_of(file), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1);
}

TEST(AtomicWrite, says_where_it_could_not_write) {
  const auto written = atomic_write_file("/nonexistent/folder/file", as_bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error(), "can't write to /nonexistent/folder: No such file or directory");
}

}  // namespace
}  // namespace rondo::peer
