#include "dht/base/display.hpp"

#include <gtest/gtest.h>

#include <string>

#include "dht/base/rng.hpp"

namespace rondo {
namespace {

using namespace std::string_literals;

TEST(Display, leaves_ordinary_text_alone) {
  for (const char* text : {"", "plain", "naïve – файл 日本語 😀", "back\\slash", "100% ~!@#$^&*()", "a\u00a0b"})
    EXPECT_EQ(display(text), text);
}

TEST(Display, writes_out_what_a_terminal_would_obey) {
  EXPECT_EQ(display("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(display("a\nb\tc\r"), "a\\x0ab\\x09c\\x0d");
  EXPECT_EQ(display("a\0b"s), "a\\x00b");
  EXPECT_EQ(display("\x7f"), "\\x7f");
  EXPECT_EQ(display("\u009b31m"), "\\x9b31m");
  EXPECT_EQ(display("\x9b"
                    "31m"),
            "\\x9b31m");
}

TEST(Display, writes_out_what_would_deceive_the_eye) {
  EXPECT_EQ(display("exe.\u202ecod"), "exe.\\u{202e}cod");
  EXPECT_EQ(display("a\u200bb\u200d"), "a\\u{200b}b\\u{200d}");
  EXPECT_EQ(display("\u061c\u2066\u2069\ufeff"), "\\u{61c}\\u{2066}\\u{2069}\\u{feff}");
  EXPECT_EQ(display("\u2028"), "\\u{2028}");
  EXPECT_EQ(display("\U000e0041"), "\\u{e0041}");
  EXPECT_EQ(display("\u00ad"), "\\xad");
}

TEST(Display, writes_out_each_byte_that_is_no_utf8) {
  EXPECT_EQ(display("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(display("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(display("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(display("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(display("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond U+10FFFF";
  EXPECT_EQ(display("\xe2\x82"), "\\xe2\\x82") << "cut off";
  EXPECT_EQ(display("\xe2\x82\xac"), "€");
}

TEST(Display, shows_only_safe_text_whatever_comes_and_is_stable) {
  Rng rng(1);
  for (int i = 0; i < 5'000; ++i) {
    std::string text(rng.below(64), '\0');
    for (char& c : text) c = static_cast<char>(rng.below(256));
    const std::string shown = display(text);
    EXPECT_TRUE(is_valid_utf8(shown));
    EXPECT_EQ(display(shown), shown);
  }
}

TEST(Utf8, every_code_point_is_read_back) {
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text;
    append_utf8(text, c);
    const CodePoint read = first_code_point(text);
    ASSERT_TRUE(read.valid && read.value == c && read.length == text.size()) << static_cast<unsigned>(c);
    ASSERT_TRUE(is_valid_utf8(text));
    if (text.size() > 1) {
      ASSERT_FALSE(is_valid_utf8(text.substr(0, text.size() - 1)));
    }
  }
}

}  // namespace
}  // namespace rondo
