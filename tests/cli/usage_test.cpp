#include "cli/usage.hpp"

#include <gtest/gtest.h>

#include "cli/help.hpp"

namespace rondo::cli {
namespace {

TEST(EditDistance, counts_edits_and_swaps) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("share", "share"), 0u);
  EXPECT_EQ(edit_distance("shar", "share"), 1u);
  EXPECT_EQ(edit_distance("sharee", "share"), 1u);
  EXPECT_EQ(edit_distance("shore", "share"), 1u);
  EXPECT_EQ(edit_distance("sahre", "share"), 1u);
  EXPECT_EQ(edit_distance("", "get"), 3u);
  EXPECT_EQ(edit_distance("lookup", "daemon"), edit_distance("daemon", "lookup"));
}

TEST(Nearest, is_at_most_two_edits_away) {
  const std::vector<std::string_view> names{"daemon", "share", "get", "lookup"};
  EXPECT_EQ(nearest("shaer", names), "share");
  EXPECT_EQ(nearest("deamon", names), "daemon");
  EXPECT_EQ(nearest("lokup", names), "lookup");
  EXPECT_EQ(nearest("gte", names), "get");
  EXPECT_EQ(nearest("unshared", names), std::nullopt);
  EXPECT_EQ(nearest("ls", names), std::nullopt);
  EXPECT_EQ(nearest("", names), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'a'), names), std::nullopt);
}

TEST(UsageText, names_the_word_a_guess_an_example_and_where_more_is) {
  EXPECT_EQ(usage_text({"there is no option '--jion'", kLookup, "did you mean --join?"}),
            "rondo: there is no option '--jion'\n"
            "  did you mean --join?\n"
            "  example: rondo lookup 'magnet:?xt=urn:btih:...' --join ring.example.org:7400\n"
            "  more: rondo lookup --help\n");
  EXPECT_EQ(usage_text({"a command is missing"}),
            "rondo: a command is missing\n"
            "  example: rondo share ~/holiday --public\n"
            "  more: rondo --help\n");
}

TEST(Help, begins_with_examples_and_fits_80_columns) {
  std::vector<std::string> texts{program_help()};
  for (const VerbRow& row : verbs()) texts.push_back(verb_help(row.verb));
  for (const std::string& text : texts) {
    EXPECT_LT(text.find("Examples:"), text.find("Options:"));
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = text.find('\n', begin);
      const std::string line = text.substr(begin, end - begin);
      if (!line.starts_with("  rondo ")) {
        EXPECT_LE(line.size(), 80u) << line;
      }
      begin = end + 1;
    }
  }
}

TEST(Help, names_every_option_of_a_command_and_no_other) {
  for (const VerbRow& verb : verbs()) {
    const std::string text = verb_help(verb.verb);
    const std::string listed = text.substr(text.find("Options:"));
    for (const OptionRow& row : options()) {
      const bool is_there = listed.find(" " + std::string(row.name) + " ") != std::string::npos;
      EXPECT_EQ(is_there, (row.verbs & verb.verb) != 0) << verb.name << " " << row.name;
    }
  }
}

TEST(Help, lists_the_exit_codes) {
  const std::string text = program_help();
  for (const char* word : {" 0  ok", " 6  network", "10  exists", "12  bad link", "130  ended by Ctrl-C"})
    EXPECT_NE(text.find(word), std::string::npos) << word;
}

}  // namespace
}  // namespace rondo::cli
