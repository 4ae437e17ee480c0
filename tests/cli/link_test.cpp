#include "cli/link.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "cli/ask.hpp"
#include "cli/resolve.hpp"

namespace rondo::cli {
namespace {

constexpr const char* kHash = "0123456789abcdef0123456789abcdef01234567";

TEST(ScrubLinks, hides_links_and_keys_and_nothing_else) {
  char program[] = "rondo";
  char verb[] = "get";
  char link[] = "magnet:?xt=urn:btih:abc&dn=secret";
  char hash[] = "0123456789abcdef0123456789abcdef01234567";
  char option[] = "--json";
  char* argv[] = {program, verb, link, hash, option};
  scrub_links(5, argv);
  EXPECT_STREQ(verb, "get");
  EXPECT_STREQ(option, "--json");
  EXPECT_EQ(std::string(link), std::string(33, '*'));
  EXPECT_EQ(std::string(hash), std::string(40, '*'));
}

TEST(ReadKey, takes_hex_or_a_magnet) {
  EXPECT_EQ(read_key(kHash).value().key.hex(), kHash);
  const auto target = read_key("magnet:?xt=urn:btih:" + std::string(kHash) + "&x.rondo=192.0.2.1:7400");
  ASSERT_TRUE(target);
  EXPECT_EQ(target.value().key.hex(), kHash);
  ASSERT_EQ(target.value().entry_points.size(), 1u);
  EXPECT_EQ(target.value().entry_points[0].text(), "192.0.2.1:7400");
}

TEST(ReadKey, an_error_shows_the_word_harmlessly) {
  const auto target = read_key("\x1b]0;x\x07");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, control::Code::kBadInput);
  EXPECT_EQ(target.error().sentence, "'\\x1b]0;x\\x07' is neither a key of 40 hexadecimal digits nor a magnet link");
}

TEST(ReadSource, a_hash_alone_is_a_link) {
  const auto source = read_source(kHash, 0);
  ASSERT_TRUE(source);
  EXPECT_EQ(std::get<peer::Magnet>(source.value()).info_hash.hex(), kHash);
}

TEST(Resolve, numbers_need_no_resolver) {
  const auto result = resolve({{"192.0.2.1", 1}, {"2001:db8::1", 2}, {"192.0.2.1", 1}});
  ASSERT_TRUE(result);
  ASSERT_EQ(result.value().size(), 2u);
  EXPECT_EQ(result.value()[0].text(), "192.0.2.1:1");
  EXPECT_EQ(result.value()[1].text(), "[2001:db8::1]:2");
  EXPECT_TRUE(resolve({}).value().empty());
}

TEST(Resolve, fails_only_when_nothing_is_left) {
  const HostPort wrong{"no such name.invalid", 1};
  const auto none = resolve({wrong});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, control::Code::kNetwork);
  EXPECT_TRUE(none.error().sentence.starts_with("the name 'no such name.invalid' can't be resolved: "));
  EXPECT_EQ(resolve({wrong, {"192.0.2.1", 1}}).value().size(), 1u);
}

TEST(YesOrNo, nothing_means_yes) {
  for (const char* yes : {"", "y", "Y", "yes", " Yes \r"}) EXPECT_EQ(yes_or_no(yes), true) << yes;
  for (const char* no : {"n", "No", "NO "}) EXPECT_EQ(yes_or_no(no), false) << no;
  for (const char* other : {"x", "yess", "nope", "\x1b"}) EXPECT_EQ(yes_or_no(other), std::nullopt) << other;
}

}  // namespace
}  // namespace rondo::cli
