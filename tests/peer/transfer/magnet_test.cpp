#include <gtest/gtest.h>

#include <string>

#include "peer/transfer/limits.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {
namespace {

const std::string kHex = "0123456789abcdef0123456789ABCDEF01234567";
const std::string kHex2 = "1220" + std::string(64, 'a');
const std::string kLink = "magnet:?xt=urn:btih:" + kHex;

std::string error_of(const std::string& link) {
  const auto magnet = parse_magnet(link);
  return magnet ? "" : magnet.error();
}

TEST(ParseMagnet, reads_hex) {
  const auto magnet = parse_magnet(kLink + "&dn=a%20name+with%2Fslash");
  ASSERT_TRUE(magnet) << magnet.error();
  EXPECT_EQ(magnet->info_hash.hex(), "0123456789abcdef0123456789abcdef01234567");
  EXPECT_TRUE(magnet->has_v1);
  EXPECT_FALSE(magnet->info_hash_v2);
  EXPECT_EQ(magnet->name, "a name with/slash");
  EXPECT_FALSE(is_bare(*magnet));
  EXPECT_TRUE(is_bare(*parse_magnet(kLink)));
}

TEST(ParseMagnet, reads_base32_of_either_case) {
  // The alphabet from its first to its last letter: 32 characters, 20 bytes.
  const auto upper = parse_magnet("magnet:?xt=urn:btih:ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  const auto lower = parse_magnet("magnet:?xt=urn:btih:abcdefghijklmnopqrstuvwxyz234567");
  ASSERT_TRUE(upper && lower);
  EXPECT_EQ(upper->info_hash.hex(), "00443214c74254b635cf84653a56d7c675be77df");
  EXPECT_EQ(upper->info_hash, lower->info_hash);
  EXPECT_FALSE(parse_magnet("magnet:?xt=urn:btih:ABCDEFGHIJKLMNOPQRSTUVWXYZ234561"));
}

TEST(ParseMagnet, reads_v2_and_hybrid) {
  const auto v2 = parse_magnet("magnet:?xt=urn:btmh:" + kHex2);
  ASSERT_TRUE(v2) << v2.error();
  EXPECT_FALSE(v2->has_v1);
  EXPECT_EQ(v2->info_hash.hex(), std::string(40, 'a'));
  const auto hybrid = parse_magnet("magnet:?xt=urn:btmh:" + kHex2 + "&xt=urn:btih:" + kHex);
  ASSERT_TRUE(hybrid) << hybrid.error();
  EXPECT_TRUE(hybrid->has_v1);
  EXPECT_TRUE(hybrid->info_hash_v2);
  EXPECT_EQ(hybrid->info_hash.hex().substr(0, 4), "0123");
}

TEST(ParseMagnet, reads_entry_points_peers_and_trackers) {
  const auto magnet = parse_magnet(kLink +
                                   "&x.rondo=192.0.2.1:7000,[2001:db8::1]:7001&x.rondo=192.0.2.2:7002"
                                   "&x.pe=198.51.100.3:1&x.pe=host.example:2&x.pe=198.51.100.3:1&x.pe=1.2.3.4:0"
                                   "&tr=http%3A%2F%2Ft.example%2Fannounce&tr.1=udp://u.example");
  ASSERT_TRUE(magnet) << magnet.error();
  ASSERT_EQ(magnet->entry_points.size(), 3u);
  EXPECT_EQ(magnet->entry_points[1].text(), "[2001:db8::1]:7001");
  ASSERT_EQ(magnet->peers.size(), 1u) << "names, port 0 and repetitions are left out";
  EXPECT_EQ(magnet->trackers, (std::vector<std::string>{"http://t.example/announce", "udp://u.example"}));
}

TEST(ParseMagnet, takes_what_people_paste) {
  EXPECT_TRUE(parse_magnet("  " + kLink + "\r\n"));
  EXPECT_TRUE(parse_magnet("MAGNET:?XT=URN:BTIH:" + kHex));
  EXPECT_TRUE(parse_magnet("magnet:?dn=x&amp;xt=urn:btih:" + kHex));
  EXPECT_TRUE(parse_magnet("magnet:?xt.1=urn:btih:" + kHex));
  EXPECT_TRUE(parse_magnet("magnet:?&&&xt=urn:btih:" + kHex + "&"));
  EXPECT_TRUE(parse_magnet(kLink + "&unknown=1&x.unknown&=&xl=10#fragment&xt=urn:btih:zz"));
  EXPECT_TRUE(parse_magnet("magnet:?xt=urn%3Abtih%3A" + kHex));
  EXPECT_TRUE(parse_magnet(kLink + "&xt=urn:sha1:ABC&xt=urn:btih:" + kHex));
  EXPECT_EQ(parse_magnet(kLink + "&dn=100%&tr=%zz%4")->name, "100%");
}

TEST(ParseMagnet, says_what_is_wrong) {
  EXPECT_EQ(error_of(""), "a magnet link begins with magnet:?");
  EXPECT_EQ(error_of("http://example/"), "a magnet link begins with magnet:?");
  EXPECT_EQ(error_of("magnet:"), "a magnet link begins with magnet:?");
  EXPECT_EQ(error_of("magnet:?xt=urn:btih:0123"),
            "the info-hash of this magnet link has 4 characters or a wrong one: 40 hexadecimal digits or 32 of base32 "
            "are expected after btih:");
  EXPECT_EQ(error_of("magnet:?xt=urn:btmh:1220aa"),
            "the v2 info-hash of this magnet link is malformed: 1220 and 64 hexadecimal digits are expected");
  EXPECT_NE(error_of("magnet:?xt=urn:btmh:1320" + std::string(64, 'a')), "");
  EXPECT_EQ(error_of(kLink + "&xt=urn:btih:" + std::string(40, '1')),
            "this magnet link names two different contents (two btih info-hashes)");
  EXPECT_EQ(error_of("magnet:?dn=a&tr=b"),
            "this magnet link names no BitTorrent content: xt=urn:btih:... or xt=urn:btmh:... is missing");
}

TEST(ParseMagnet, a_link_that_the_shell_cut_is_recognised) {
  const std::string expected =
      "this magnet link is cut off and names no content (xt=urn:btih:... is missing): put it in quotes, the shell "
      "takes "
      "& for itself";
  EXPECT_EQ(error_of("magnet:?dn=some-name"), expected);
  EXPECT_EQ(error_of("magnet:?"), expected);
}

TEST(ParseMagnet, every_length_of_hash_is_handled) {
  for (std::size_t length = 0; length < 130; ++length) {
    const std::string digits(length, '2');
    EXPECT_EQ(parse_magnet("magnet:?xt=urn:btih:" + digits).ok(), length == 32 || length == 40) << length;
    EXPECT_EQ(parse_magnet("magnet:?xt=urn:btmh:1220" + digits).ok(), length == 64) << length;
  }
}

TEST(ParseMagnet, lengths_and_counts_are_bounded) {
  EXPECT_TRUE(parse_magnet(kLink + "&dn=" + std::string(limits::kMagnetBytes - kLink.size() - 4, 'x')));
  EXPECT_EQ(error_of(kLink + "&dn=" + std::string(limits::kMagnetBytes, 'x')),
            "this magnet link has " + std::to_string(kLink.size() + 4 + limits::kMagnetBytes) +
                " bytes: at most 8192 are read");
  std::string parameters = kLink;
  for (std::size_t i = 1; i < limits::kMagnetParameters; ++i) parameters += "&a=1";
  EXPECT_TRUE(parse_magnet(parameters));
  EXPECT_EQ(error_of(parameters + "&a=1"), "this magnet link has too many parameters");
  std::string peers = kLink + "&x.pe=";
  for (std::size_t i = 0; i < limits::kMagnetList + 5; ++i) peers += "192.0.2.1:" + std::to_string(1000 + i) + ",";
  EXPECT_EQ(parse_magnet(peers)->peers.size(), limits::kMagnetList);
}

TEST(FormatMagnet, is_read_back_as_it_was) {
  Magnet magnet;
  magnet.info_hash = *RingId::from_hex(kHex);
  magnet.info_hash_v2.emplace().fill(7);
  magnet.name = "a/b & c=d 100% naïve\n\x1b";
  magnet.entry_points = {Endpoint::v4(192, 0, 2, 1, 7000), *Endpoint::parse("[2001:db8::1]:7001")};
  magnet.peers = {Endpoint::v4(192, 0, 2, 9, 1)};
  magnet.trackers = {"http://t.example/announce?key=1&x=2"};
  const std::string link = format_magnet(magnet);
  for (const char c : link) EXPECT_TRUE(c > ' ' && c < '\x7f') << link;
  const auto back = parse_magnet(link);
  ASSERT_TRUE(back) << back.error();
  EXPECT_EQ(back->info_hash, magnet.info_hash);
  EXPECT_EQ(back->info_hash_v2, magnet.info_hash_v2);
  EXPECT_EQ(back->name, magnet.name);
  EXPECT_EQ(back->entry_points, magnet.entry_points);
  EXPECT_EQ(back->peers, magnet.peers);
  EXPECT_EQ(back->trackers, magnet.trackers);
  EXPECT_EQ(format_magnet(*back), link);
}

TEST(FormatMagnet, v2_alone_has_no_v1_part) {
  Magnet magnet;
  magnet.has_v1 = false;
  magnet.info_hash_v2.emplace().fill(0xaa);
  EXPECT_EQ(format_magnet(magnet), "magnet:?xt=urn:btmh:" + kHex2);
}

}  // namespace
}  // namespace rondo::peer
