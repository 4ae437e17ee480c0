#include "cli/parse.hpp"

#include <gtest/gtest.h>

#include <map>

namespace rondo::cli {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kHash = "0123456789abcdef0123456789abcdef01234567";
constexpr const char* kLink = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=x";

Result<Invocation, UsageError> parse_with(const Words& words, const std::map<std::string, std::string>& variables) {
  return parse(words, [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

template <class Options>
Options parse_as(const Words& words, const std::map<std::string, std::string>& variables = {}) {
  const auto result = parse_with(words, variables);
  if (!result) {
    ADD_FAILURE() << result.error().sentence;
    return {};
  }
  const auto* options = std::get_if<Options>(&result.value().command);
  if (options == nullptr) {
    ADD_FAILURE() << "another command";
    return {};
  }
  return *options;
}

struct Wrong {
  Words words;
  std::string sentence;
  std::string advice;
};

class WrongLine : public testing::TestWithParam<Wrong> {};

TEST_P(WrongLine, is_refused_in_words) {
  const auto result = parse_with(GetParam().words, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().sentence, GetParam().sentence);
  EXPECT_EQ(result.error().advice, GetParam().advice);
}

INSTANTIATE_TEST_SUITE_P(
    Parse, WrongLine,
    testing::Values(
        Wrong{{}, "a command is missing", ""}, Wrong{{"--json"}, "a command is missing", ""},
        Wrong{{"shaer", "x"}, "there is no command 'shaer'", "did you mean `rondo share`?"},
        Wrong{{"frobnicate"}, "there is no command 'frobnicate'", ""},
        Wrong{{"a\x1b[31m"}, "there is no command 'a\\x1b[31m'", ""},
        Wrong{{"share", "x", "--pulbic"}, "there is no option '--pulbic'", "did you mean --public?"},
        Wrong{{"--jion", "a:1", "get", "x"}, "there is no option '--jion'", "did you mean --join?"},
        Wrong{{"get", kLink, "--v2"}, "the option '--v2' belongs to `rondo share`", ""},
        Wrong{{"share", "x", "--public", "-o", "d"}, "the option '-o' belongs to `rondo get`", ""},
        Wrong{{"get", kLink, "-z"}, "there is no option '-z'", ""},
        Wrong{{"get", kLink, "-o"}, "the option '-o' needs a value: --out DIR", ""},
        Wrong{{"get", kLink, "--home", "--json"}, "the option '--home' needs a value: --home DIR", ""},
        Wrong{{"get", kLink, "--json=yes"}, "the option '--json' takes no value", ""},
        Wrong{{"get"}, "`rondo get` needs a link, a .torrent file or -", ""},
        Wrong{{"get", "a.torrent", "b.torrent"}, "one word too many: 'b.torrent'", ""},
        Wrong{{"get", "magnet:?dn=my", "holiday"},
              "one word too many: 'holiday'",
              "put the link in single quotes: the shell takes & and blanks for itself"},
        Wrong{{"lookup"}, "`rondo lookup` needs a key of 40 hexadecimal digits or a link", ""},
        Wrong{{"daemon", "now"}, "`rondo daemon` takes no 'now'", ""},
        Wrong{{"share", "--public"}, "`rondo share` needs the path of a file or folder", ""},
        Wrong{{"share", "-", "--public"}, "`rondo share` takes no standard input: name a file or folder", ""},
        Wrong{
            {"share", "x"},
            "--public is needed: private shares come later, and a public one can be read by everybody who has the link",
            ""},
        Wrong{{"share", "x", "--public", "--name", "a/b"},
              "--name takes one name without slashes, and 'a/b' is none",
              ""},
        Wrong{
            {"daemon", "--listen", "localhost:1"}, "--listen takes a numeric ADDR:PORT, and 'localhost:1' is none", ""},
        Wrong{{"daemon", "--listen", "127.0.0.1:70000"},
              "--listen takes a numeric ADDR:PORT, and '127.0.0.1:70000' is none",
              ""},
        Wrong{{"daemon", "--join", "example.org"}, "--join takes HOST:PORT, and 'example.org' is none", ""},
        Wrong{{"daemon", "--join", "example.org:0"}, "--join takes HOST:PORT, and 'example.org:0' is none", ""},
        Wrong{{"daemon", "--join", "::1:7400"}, "--join takes HOST:PORT, and '::1:7400' is none", ""},
        Wrong{{"get", kLink, "--peer", "x"}, "--peer takes HOST:PORT, and 'x' is none", ""},
        Wrong{{"get", kLink, "--timeout", "soon"}, "--timeout takes whole seconds, and 'soon' is none", ""},
        Wrong{{"get", kLink, "--timeout", "-1"}, "--timeout takes whole seconds, and '-1' is none", ""},
        Wrong{{"get", kLink, "--timeout=1.5"}, "--timeout takes whole seconds, and '1.5' is none", ""},
        Wrong{{"share", "x", "--public", "--exclude", "[a"},
              "--exclude takes a pattern, and '[a' has a [ that is never closed",
              ""},
        Wrong{{"share", "x", "--public", "--exclude", ""}, "--exclude takes a pattern, and '' names nothing", ""},
        Wrong{{"share", "x", "--public", "--until-complete", "0"},
              "--until-complete takes a number of receivers from 1 on, and '0' is none",
              ""},
        Wrong{{"share", "x", "--public", "--until-complete=-1"},
              "--until-complete takes a number of receivers from 1 on, and '-1' is none",
              ""},
        Wrong{{"share", "x", "--public", "--until-complete", "two"},
              "--until-complete takes a number of receivers from 1 on, and 'two' is none",
              ""},
        Wrong{{"get", kLink, "--exclude", "x"}, "the option '--exclude' belongs to `rondo share`", ""},
        Wrong{{"daemon", "--network", ""}, "--network needs a name", ""},
        Wrong{{"help", "me"}, "there is no command 'me'", ""}));

TEST(Parse, flags_may_stand_anywhere) {
  const std::vector<Words> lines{{"get", kLink, "-o", "d", "--json", "-y", "--home", "h"},
                                 {"--json", "get", "-o", "d", "-y", "--home", "h", kLink},
                                 {"--home", "h", "-y", "-o", "d", "get", "--json", kLink},
                                 {"-yo", "d", "--home=h", "--json", "get", kLink},
                                 {"-od", "-y", "--json", "--home=h", "get", "--", kLink},
                                 {"--json", "--home", "h", "--out=d", "-y", kLink}};
  for (const Words& words : lines) {
    const auto options = parse_as<GetOptions>(words);
    EXPECT_EQ(options.source, kLink);
    EXPECT_EQ(options.into, "d");
    EXPECT_TRUE(options.yes);
    EXPECT_EQ(options.node.home, "h");
    EXPECT_TRUE(parse_with(words, {}).value().json);
  }
}

TEST(Parse, a_link_alone_means_get) {
  EXPECT_EQ(parse_as<GetOptions>({kLink}).source, kLink);
  EXPECT_EQ(parse_as<GetOptions>({"MAGNET:?xt=x"}).source, "MAGNET:?xt=x");
  EXPECT_EQ(parse_as<GetOptions>({"papers.torrent"}).source, "papers.torrent");
  EXPECT_EQ(parse_as<GetOptions>({kHash}).source, kHash);
  EXPECT_EQ(parse_as<GetOptions>({"-"}).source, "-");
}

TEST(Parse, share_takes_several_patterns) {
  const auto options = parse_as<ShareOptions>({"share", "x", "--exclude", "*.o", "--public", "--exclude=-x", "y"});
  EXPECT_EQ(options.exclude, (Words{"*.o", "-x"}));
  EXPECT_EQ(options.paths, (std::vector<std::filesystem::path>{"x", "y"}));
}

TEST(Parse, share_takes_a_number_of_receivers) {
  EXPECT_EQ(parse_as<ShareOptions>({"share", "x", "--public"}).until_complete, 0u);
  EXPECT_EQ(parse_as<ShareOptions>({"share", "x", "--public", "--until-complete", "3"}).until_complete, 3u);
}

TEST(Parse, get_has_its_defaults) {
  const auto options = parse_as<GetOptions>({"get", kLink});
  EXPECT_EQ(options.into, ".");
  EXPECT_FALSE(options.yes);
  EXPECT_EQ(options.patience.count(), 60);
  EXPECT_TRUE(options.peers.empty());
  EXPECT_FALSE(options.node.listen);
  EXPECT_EQ(options.node.network, "rondo/1");
  EXPECT_TRUE(options.node.lan);
  EXPECT_FALSE(options.node.only_ring);
  EXPECT_FALSE(options.node.home);
  EXPECT_FALSE(parse_with({"get", kLink}, {}).value().json);
}

TEST(Parse, several_entry_points_do_not_swallow_the_link) {
  const auto options = parse_as<GetOptions>(
      {"get", "--join", "a.example:1", "--join", "192.0.2.1:2,[2001:db8::1]:3", "--peer", "192.0.2.9:4", kLink});
  EXPECT_EQ(options.source, kLink);
  EXPECT_EQ(options.node.join, (std::vector<HostPort>{{"a.example", 1}, {"192.0.2.1", 2}, {"2001:db8::1", 3}}));
  EXPECT_TRUE(options.node.join_is_explicit);
  EXPECT_EQ(options.peers, (std::vector<HostPort>{{"192.0.2.9", 4}}));
}

TEST(Parse, share_takes_several_paths) {
  const auto options = parse_as<ShareOptions>({"share", "a", "--public", "b", "--name", "n", "--v2", "--torrent-out=t",
                                               "--network", "x", "--no-lan", "--only-ring", "--listen", "[::1]:5"});
  EXPECT_EQ(options.paths, (std::vector<std::filesystem::path>{"a", "b"}));
  EXPECT_EQ(options.name, "n");
  EXPECT_TRUE(options.hybrid);
  EXPECT_EQ(options.torrent_out, "t");
  EXPECT_EQ(options.node.network, "x");
  EXPECT_FALSE(options.node.lan);
  EXPECT_TRUE(options.node.only_ring);
  EXPECT_EQ(options.node.listen, Endpoint::parse("[::1]:5"));
}

TEST(Parse, a_path_may_begin_with_a_dash_behind_two) {
  EXPECT_EQ(parse_as<ShareOptions>({"share", "--public", "--", "-x"}).paths.front(), "-x");
}

TEST(Parse, daemon_listens_on_its_own_port) {
  EXPECT_EQ(parse_as<DaemonOptions>({"daemon"}).node.listen, Endpoint::parse("0.0.0.0:7400"));
  EXPECT_EQ(parse_as<DaemonOptions>({"daemon", "--join", "[::1]:1"}).node.listen, Endpoint::parse("[::]:7400"));
  EXPECT_EQ(parse_as<DaemonOptions>({"daemon", "--listen", "7401"}).node.listen, Endpoint::parse("0.0.0.0:7401"));
  EXPECT_EQ(parse_as<DaemonOptions>({"daemon", "--listen", ":0"}).node.listen, Endpoint::parse("0.0.0.0:0"));
  EXPECT_TRUE(parse_as<DaemonOptions>({"daemon", "--bootstrap"}).bootstrap);
}

TEST(Parse, stdio_means_json) {
  const auto result = parse_with({"daemon", "--stdio"}, {});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result.value().json);
  EXPECT_TRUE(std::get<DaemonOptions>(result.value().command).stdio);
}

TEST(Parse, lookup_may_be_a_read) {
  const auto options = parse_as<LookupOptions>({"lookup", kHash, "--read", "--timeout", "5", "-q"});
  EXPECT_EQ(options.key, kHash);
  EXPECT_TRUE(options.read);
  EXPECT_EQ(options.patience.count(), 5);
  EXPECT_FALSE(parse_as<LookupOptions>({"lookup", kHash}).read);
}

TEST(Parse, the_environment_comes_after_the_flags) {
  const std::map<std::string, std::string> variables{
      {"RONDO_HOME", "/h"}, {"RONDO_JOIN", "a.example:1 b.example:2"}, {"RONDO_NETWORK", "n"}};
  const auto inherited = parse_as<GetOptions>({"get", kLink}, variables).node;
  EXPECT_EQ(inherited.home, "/h");
  EXPECT_EQ(inherited.join, (std::vector<HostPort>{{"a.example", 1}, {"b.example", 2}}));
  EXPECT_FALSE(inherited.join_is_explicit);
  EXPECT_EQ(inherited.network, "n");
  const auto given =
      parse_as<GetOptions>({"get", kLink, "--home", "x", "--join", "c.example:3", "--network", "m"}, variables).node;
  EXPECT_EQ(given.home, "x");
  EXPECT_EQ(given.join, (std::vector<HostPort>{{"c.example", 3}}));
  EXPECT_TRUE(given.join_is_explicit);
  EXPECT_EQ(given.network, "m");
}

TEST(Parse, a_wrong_variable_is_named) {
  const auto result = parse_with({"get", kLink}, {{"RONDO_JOIN", "nowhere"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().sentence, "RONDO_JOIN takes HOST:PORT, and 'nowhere' is none");
}

TEST(Parse, the_last_of_two_values_holds) {
  EXPECT_EQ(parse_as<GetOptions>({"get", kLink, "-o", "a", "--out", "b"}).into, "b");
}

TEST(Parse, help_and_version_are_texts) {
  EXPECT_NE(parse_as<ShowText>({"--help"}).text.find("Commands:"), std::string::npos);
  EXPECT_NE(parse_as<ShowText>({"help"}).text.find("Commands:"), std::string::npos);
  EXPECT_NE(parse_as<ShowText>({"-h"}).text.find("Commands:"), std::string::npos);
  EXPECT_NE(parse_as<ShowText>({"share", "--help"}).text.find("--torrent-out"), std::string::npos);
  EXPECT_NE(parse_as<ShowText>({"--help", "share"}).text.find("--torrent-out"), std::string::npos);
  EXPECT_NE(parse_as<ShowText>({"help", "share"}).text.find("--torrent-out"), std::string::npos);
  EXPECT_EQ(parse_as<ShowText>({"--version"}).text.substr(0, 6), "rondo ");
}

TEST(ParseHostPort, reads_names_and_numbers) {
  EXPECT_EQ(parse_host_port("ring.example.org:7400"), (HostPort{"ring.example.org", 7400}));
  EXPECT_EQ(parse_host_port("192.0.2.1:1"), (HostPort{"192.0.2.1", 1}));
  EXPECT_EQ(parse_host_port("[::1]:65535"), (HostPort{"::1", 65535}));
  for (const char* wrong :
       {"", ":", "a", "a:", ":1", "a:0", "a:65536", "a:1x", "a:-1", "::1:1", "[::1]", "[x]:1", "[]:1"})
    EXPECT_FALSE(parse_host_port(wrong)) << wrong;
  EXPECT_FALSE(parse_host_port(std::string("a\0b:1", 5))) << "the resolver would read up to the NUL";
}

}  // namespace
}  // namespace rondo::cli
