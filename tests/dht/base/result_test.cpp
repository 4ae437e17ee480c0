#include "dht/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "dht/base/time.hpp"

namespace rondo {
namespace {

enum class Trouble { kSmall, kBig };

Result<int, Trouble> half(int number) {
  if (number % 2 != 0) return Failure{Trouble::kSmall};
  return number / 2;
}

TEST(Result, holds_a_value) {
  const auto result = half(8);
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result.value(), 4);
  EXPECT_EQ(*result, 4);
}

TEST(Result, or_an_error) {
  const auto result = half(7);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.error(), Trouble::kSmall);
}

TEST(Result, a_failure_converts_to_the_error_type) {
  const auto fails = []() -> Result<int> { return Failure{"no such file"}; };
  EXPECT_EQ(fails().error(), "no such file");
}

TEST(Result, tells_value_and_error_of_one_type_apart) {
  const Result<std::string> good = std::string("x");
  const Result<std::string> bad = Failure{std::string("x")};
  EXPECT_TRUE(good.ok());
  EXPECT_FALSE(bad.ok());
}

TEST(Result, carries_what_can_only_be_moved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> moved = std::move(result).value();
  EXPECT_EQ(*moved, 5);
}

TEST(Result, value_can_be_changed_in_place) {
  Result<std::string> result = std::string("ab");
  result->push_back('c');
  *result += 'd';
  EXPECT_EQ(result.value(), "abcd");
}

TEST(Result, the_wrong_side_is_a_bug_of_the_caller) {
  EXPECT_DEATH(static_cast<void>(half(7).value()), "broken invariant");
  EXPECT_DEATH(static_cast<void>(half(8).error()), "broken invariant");
}

TEST(Time, milliseconds_are_cut_and_never_is_last) {
  EXPECT_EQ(to_milliseconds(std::chrono::microseconds(1999)), 1);
  EXPECT_GT(kNever, Instant(std::chrono::hours(24 * 365 * 1000)));
}

}  // namespace
}  // namespace rondo
