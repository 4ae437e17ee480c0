#include "peer/transfer/sanitize.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dht/base/display.hpp"
#include "dht/base/rng.hpp"
#include "peer/transfer/limits.hpp"
#include "tests/support/hostile_names.hpp"

namespace rondo::peer {
namespace {

namespace test = rondo::test;

using namespace std::string_literals;
using namespace std::string_view_literals;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

/// Every promise about a component, restated.
void expect_safe(const std::string& name) {
  EXPECT_FALSE(name.empty());
  EXPECT_LE(name.size(), limits::kNameBytes);
  EXPECT_TRUE(is_valid_utf8(name)) << display(name);
  EXPECT_EQ(display(name), name);
  EXPECT_EQ(name.find_first_of("\\/:*?\"<>|"), std::string::npos) << name;
  EXPECT_NE(name, ".");
  EXPECT_NE(name, "..");
  EXPECT_NE(name.front(), ' ');
  EXPECT_NE(name.back(), ' ');
  EXPECT_NE(name.back(), '.');
  EXPECT_EQ(safe_component(name), name) << "not idempotent";
}

/// The table, and every byte alone and between others.
std::vector<std::string> every_hostile_name() {
  std::vector<std::string> out = test::hostile_names();
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    out.push_back(text);
    out.push_back("a" + text + "b");
  }
  return out;
}

TEST(SafeComponent, is_safe_for_every_hostile_name) {
  const auto names = every_hostile_name();
  EXPECT_GE(names.size(), 1000u);
  for (const std::string& name : names) {
    SCOPED_TRACE(display(name.substr(0, 60)));
    expect_safe(safe_component(name));
    expect_safe(safe_top_name(name));
    EXPECT_NE(safe_top_name(name).front(), '.');
    EXPECT_EQ(safe_top_name(safe_top_name(name)), safe_top_name(name));
  }
}

TEST(SafeComponent, is_safe_for_random_bytes) {
  Rng rng(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string name(rng.below(300), '\0');
    // Mostly the bytes that matter.
    static constexpr std::string_view kSpice =
        "./\\ :*\x1b\xe2\x80\xae\xc3\xa9\x00"
        "conaux12$"sv;
    for (char& c : name) c = rng.below(3) == 0 ? static_cast<char>(rng.below(256)) : kSpice[rng.below(kSpice.size())];
    SCOPED_TRACE(display(name));
    expect_safe(safe_component(name));
  }
}

TEST(SafeComponent, leaves_good_names_alone) {
  for (const char* name :
       {"a", "read me.txt", ".gitignore", "..a", "a..b", "naïve – файл 日本語.txt", "x (2).tar.gz", "-x", "~", "100%",
        "com", "com10", "console", "lpt", "auxiliary.c", "a'b", "#1", "@home", "{}[]()+=,;&!^$"})
    EXPECT_EQ(safe_component(name), name);
}

TEST(SafeComponent, changes_bad_names_in_a_way_people_understand) {
  EXPECT_EQ(safe_component(".."), "_");
  EXPECT_EQ(safe_component(""), "_");
  EXPECT_EQ(safe_component("a:b?.txt"), "a_b_.txt");
  EXPECT_EQ(safe_component("aux.c"), "_aux.c");
  EXPECT_EQ(safe_component("trailing. . "), "trailing");
  EXPECT_EQ(safe_component("  leading"), "leading");
  EXPECT_EQ(safe_component("exe.\xe2\x80\xae"
                           "cod"),
            "exe._cod");
  EXPECT_EQ(safe_component("caf\xe9"), "caf_");
  EXPECT_EQ(safe_component(std::string(300, 'e') + ".tar"), std::string(236, 'e') + ".tar");
  EXPECT_EQ(safe_top_name(".ssh"), "_.ssh");
  EXPECT_EQ(safe_top_name("..."), "_");
}

TEST(FoldCase, makes_equal_what_a_case_insensitive_system_takes_for_one) {
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"README", "readme"},
                                                                             {"É", "é"},
                                                                             {"Ÿ", "ÿ"},
                                                                             {"Ž", "ž"},
                                                                             {"Ĺ", "ĺ"},
                                                                             {"Ŋ", "ŋ"},
                                                                             {"Ω", "ω"},
                                                                             {"Σ", "ς"},
                                                                             {"Ж", "ж"},
                                                                             {"Ё", "ё"},
                                                                             {"Ạ", "ạ"}})
    EXPECT_EQ(fold_case(a), fold_case(b));
  EXPECT_NE(fold_case("×"), fold_case("÷"));
  EXPECT_NE(fold_case("a"), fold_case("b"));
  EXPECT_EQ(fold_case("\xff"), "\xff");
}

TEST(SafePaths, keeps_good_paths) {
  SafePaths paths;
  EXPECT_EQ(paths.add({"a", "b", "c.txt"}), "a/b/c.txt");
  EXPECT_EQ(paths.add({"a", "b", "d.txt"}), "a/b/d.txt");
  EXPECT_EQ(paths.add({"a", "c.txt"}), "a/c.txt");
  EXPECT_EQ(paths.add({"top"}), "top");
}

TEST(SafePaths, traversal_goes_nowhere) {
  SafePaths paths;
  EXPECT_EQ(paths.add({"..", "..", "etc", "passwd"}), "_/_/etc/passwd");
  EXPECT_EQ(paths.add({"", "etc", "passwd"}), "etc/passwd");
  EXPECT_EQ(paths.add({".", "x", ".", "y"}), "x/y");
  EXPECT_EQ(paths.add({}), "_ (2)");
  EXPECT_EQ(paths.add({""}), "_ (3)");
  EXPECT_EQ(paths.add({"."}), "_ (4)");
  EXPECT_EQ(paths.add({"a", ".."}), "a/_");
}

TEST(SafePaths, names_that_meet_get_numbers) {
  SafePaths paths;
  EXPECT_EQ(paths.add({"Makefile"}), "Makefile");
  EXPECT_EQ(paths.add({"makefile"}), "makefile") << "two files on Linux";
  EXPECT_EQ(paths.add({"Makefile"}), "Makefile (2)");
  EXPECT_EQ(paths.add({"a:b.txt"}), "a_b.txt");
  EXPECT_EQ(paths.add({"a?b.txt"}), "a_b (2).txt");
  EXPECT_EQ(paths.add({"a_b (2).txt"}), "a_b (2) (2).txt");
  // A folder that is a file already, and the other way round.
  EXPECT_EQ(paths.add({"makefile", "x"}), "makefile (2)/x");
  EXPECT_EQ(paths.add({"makefile", "y"}), "makefile (2)/y");
  EXPECT_EQ(paths.add({"folder", "x"}), "folder/x");
  EXPECT_EQ(paths.add({"folder"}), "folder (2)");
}

TEST(SafePaths, long_names_that_meet_stay_within_the_limit) {
  SafePaths paths;
  std::set<std::string> seen;
  for (int i = 0; i < 12; ++i) {
    const std::string path = paths.add({std::string(300, 'x') + ".jpeg"});
    expect_safe(path);
    EXPECT_TRUE(path.ends_with(".jpeg"));
    EXPECT_TRUE(seen.insert(path).second);
  }
}

TEST(SafePaths, depth_and_length_are_bounded) {
  SafePaths paths;
  const std::vector<std::string_view> deep(500, "d");
  const std::string path = paths.add(deep);
  EXPECT_EQ(split(path).size(), limits::kNameDepth - 1) << "the torrent's own folder is the first";
  const std::string second = paths.add(deep);
  EXPECT_NE(second, path);
  const std::string wide(240, 'w');
  const std::vector<std::string_view> long_path(50, wide);
  EXPECT_LE(paths.add(long_path).size(), limits::kFolderBytes + limits::kNameBytes + 50);
}

TEST(SafePaths, every_path_is_new_whatever_comes) {
  const auto names = every_hostile_name();
  Rng rng(3);
  SafePaths paths;
  std::set<std::string> files;
  std::set<std::string> folders;
  for (int i = 0; i < 5'000; ++i) {
    std::vector<std::string_view> components(1 + rng.below(4));
    for (auto& component : components) component = names[rng.below(names.size())];
    const std::string path = paths.add(components);
    for (const std::string_view component : split(path)) expect_safe(std::string(component));
    EXPECT_TRUE(files.insert(path).second) << path;
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
      folders.insert(path.substr(0, slash));
  }
  for (const std::string& folder : folders) EXPECT_EQ(files.count(folder), 0u) << folder;
}

TEST(SafePaths, many_equal_names_take_linear_time) {
  SafePaths paths;
  for (int i = 0; i < 100'000; ++i) paths.add({"same.txt"});
  EXPECT_EQ(paths.add({"same.txt"}), "same (100001).txt");
}

TEST(SafePaths, long_names_that_meet_take_linear_time) {
  // Different names, whose numbers are put where they are the same.
  SafePaths paths;
  std::set<std::string> seen;
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = std::string(232, 'a') + std::to_string(10'000'000 + i);
    for (int copy = 0; copy < 2; ++copy) EXPECT_TRUE(seen.insert(paths.add({name})).second);
  }
}

TEST(SafePaths, the_same_in_gives_the_same_out) {
  SafePaths one;
  SafePaths two;
  for (const std::string& name : every_hostile_name()) EXPECT_EQ(one.add({name, "x"}), two.add({name, "x"}));
}

}  // namespace
}  // namespace rondo::peer
