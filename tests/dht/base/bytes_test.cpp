#include "dht/base/bytes.hpp"

#include <gtest/gtest.h>

namespace rondo {
namespace {

TEST(Hex, prints_lower_case_pairs) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0x7f, 0xAB, 0xff}), "007fabff");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Hex, reads_both_cases) {
  EXPECT_EQ(from_hex("00ffAbCd"), (Bytes{0x00, 0xff, 0xab, 0xcd}));
  EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(Hex, refuses_odd_lengths_and_other_characters) {
  for (const char* wrong : {"0", "000", "0g", "g0", " 0", "0x", "0:", "0/", "0@", "0`", "\xc3\xa9"})
    EXPECT_FALSE(from_hex(wrong)) << wrong;
  EXPECT_FALSE(from_hex(std::string_view("0\0", 2)));
}

TEST(Hex, is_its_own_inverse) {
  Bytes all;
  for (unsigned i = 0; i < 256; ++i) all.push_back(static_cast<std::uint8_t>(i));
  EXPECT_EQ(from_hex(to_hex(all)), all);
}

TEST(Hex, arrays_have_one_length) {
  EXPECT_EQ(array_from_hex<2>("beef"), (std::array<std::uint8_t, 2>{0xbe, 0xef}));
  EXPECT_FALSE(array_from_hex<2>("bee"));
  EXPECT_FALSE(array_from_hex<2>("beefbe"));
  EXPECT_FALSE(array_from_hex<2>("beeg"));
}

TEST(Bytes, a_text_is_viewed_as_it_stands) {
  const std::string text("a\0\xff", 3);
  const ByteView view = as_bytes(text);
  EXPECT_EQ(Bytes(view.begin(), view.end()), (Bytes{'a', 0, 0xff}));
  EXPECT_TRUE(as_bytes("").empty());
}

}  // namespace
}  // namespace rondo
