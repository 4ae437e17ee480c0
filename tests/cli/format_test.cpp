#include "cli/format.hpp"

#include <gtest/gtest.h>

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;

TEST(SizeText, has_three_digits_in_decimal_units) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1), "1 B");
  EXPECT_EQ(size_text(999), "999 B");
  EXPECT_EQ(size_text(1000), "1.0 kB");
  EXPECT_EQ(size_text(1049), "1.0 kB");
  EXPECT_EQ(size_text(1051), "1.1 kB");
  EXPECT_EQ(size_text(99'940), "99.9 kB");
  EXPECT_EQ(size_text(4'100'000'000), "4.1 GB");
  EXPECT_EQ(size_text(143'000'000), "143 MB");
  EXPECT_EQ(size_text(18'446'744'073'709'551'615u), "18.4 EB");
}

TEST(SizeText, rounding_moves_to_the_next_unit) {
  EXPECT_EQ(size_text(99'960), "100 kB");
  EXPECT_EQ(size_text(999'400), "999 kB");
  EXPECT_EQ(size_text(999'600), "1.0 MB");
  EXPECT_EQ(size_text(999'999'999), "1.0 GB");
}

TEST(SizePairText, uses_the_unit_of_the_whole) {
  EXPECT_EQ(size_pair_text(2'500'000'000, 4'100'000'000), "2.5/4.1 GB");
  EXPECT_EQ(size_pair_text(900, 4'100'000), "0.0/4.1 MB");
  EXPECT_EQ(size_pair_text(0, 0), "0/0 B");
  EXPECT_EQ(size_pair_text(7, 900), "7/900 B");
}

TEST(RateText, is_a_size_a_second) {
  EXPECT_EQ(rate_text(11'300'000), "11.3 MB/s");
  EXPECT_EQ(rate_text(0.4), "0 B/s");
  EXPECT_EQ(rate_text(-1), "0 B/s");
}

TEST(ElapsedText, grows_coarser) {
  EXPECT_EQ(elapsed_text(0ms), "0.0 s");
  EXPECT_EQ(elapsed_text(3149ms), "3.1 s");
  EXPECT_EQ(elapsed_text(42s), "42 s");
  EXPECT_EQ(elapsed_text(192s), "3 min 12 s");
  EXPECT_EQ(elapsed_text(7500s), "2 h 5 min");
}

TEST(EtaText, says_about_when_it_is_far) {
  EXPECT_EQ(eta_text(std::nullopt), "-");
  EXPECT_EQ(eta_text(-1s), "-");
  EXPECT_EQ(eta_text(0s), "0 s");
  EXPECT_EQ(eta_text(89s), "89 s");
  EXPECT_EQ(eta_text(90s), "2 min");
  EXPECT_EQ(eta_text(12min), "12 min");
  EXPECT_EQ(eta_text(3h), "about 3 h");
  EXPECT_EQ(eta_text(24h * 5), "about 5 d");
}

TEST(RoundTripText, keeps_three_digits) {
  EXPECT_EQ(round_trip_text(420us), "0.42 ms");
  EXPECT_EQ(round_trip_text(12'340us), "12.3 ms");
  EXPECT_EQ(round_trip_text(1'200'000us), "1.20 s");
}

TEST(CountText, knows_one_from_many) {
  EXPECT_EQ(count_text(0, "peer"), "0 peers");
  EXPECT_EQ(count_text(1, "peer"), "1 peer");
  EXPECT_EQ(count_text(2, "peer"), "2 peers");
}

TEST(ShellQuoted, quotes_what_a_shell_would_read) {
  EXPECT_EQ(shell_quoted("rondo/1"), "rondo/1");
  EXPECT_EQ(shell_quoted("magnet:?xt=a&dn=b"), "'magnet:?xt=a&dn=b'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("~/x"), "'~/x'");
}

TEST(TableText, aligns_columns) {
  EXPECT_EQ(table_text({{"hop", "who"}, {"1", "a"}, {"10", "long"}}, {0}), "  hop  who\n    1  a\n   10  long\n");
  EXPECT_EQ(table_text({{"a", "b"}, {"long", "c"}}), "  a     b\n  long  c\n");
  EXPECT_EQ(table_text({}), "");
}

}  // namespace
}  // namespace rondo::cli
