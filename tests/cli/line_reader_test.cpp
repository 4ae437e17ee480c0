#include "cli/line_reader.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;

class LineReaderTest : public testing::Test {
 protected:
  LineReaderTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~LineReaderTest() override {
    finish();
    close(ends_[0]);
  }

  void write_text(const std::string& text) {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void finish() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  /// Takes lines until the input is over, or `count` came.
  std::vector<std::string> collect(LineReader& reader, std::size_t count = SIZE_MAX) {
    std::vector<std::string> out;
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (out.size() < count && !reader.is_over() && std::chrono::steady_clock::now() < deadline) {
      for (const LineReader::Line& line : reader.take()) out.push_back(line.too_long ? "(too long)" : line.text);
      std::this_thread::yield();
    }
    return out;
  }

  int ends_[2] = {-1, -1};
  std::atomic<int> woken_{0};
  const std::function<void()> wake_ = [this] { ++woken_; };
};

TEST_F(LineReaderTest, splits_lines_and_takes_a_last_one_without_end) {
  LineReader reader(ends_[0], 100, wake_);
  write_text("one\n\ntw");
  write_text("o\nlast");
  finish();
  EXPECT_EQ(collect(reader), (std::vector<std::string>{"one", "", "two", "last"}));
  EXPECT_GE(woken_.load(), 5);
}

TEST_F(LineReaderTest, a_long_line_is_skipped_to_its_end) {
  LineReader reader(ends_[0], 5, wake_);
  write_text("12345\n123456\nok\n" + std::string(50'000, 'x') + "\nok\n1234567");
  finish();
  EXPECT_EQ(collect(reader), (std::vector<std::string>{"12345", "(too long)", "ok", "(too long)", "ok", "(too long)"}));
}

TEST_F(LineReaderTest, reads_no_further_than_its_queue_holds) {
  LineReader reader(ends_[0], 100, wake_);
  std::string many;
  for (int i = 0; i < 500; ++i) many += "x\n";
  write_text(many);
  EXPECT_LE(reader.take().size(), LineReader::kWaiting);
  finish();
  EXPECT_LE(collect(reader).size(), 500u);
}

TEST_F(LineReaderTest, ends_while_it_waits_for_input) { LineReader reader(ends_[0], 100, wake_); }

TEST_F(LineReaderTest, ends_while_it_waits_for_room) {
  LineReader reader(ends_[0], 100, wake_);
  std::string many;
  for (int i = 0; i < 500; ++i) many += "x\n";
  write_text(many);
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (woken_ < static_cast<int>(LineReader::kWaiting) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(woken_.load(), static_cast<int>(LineReader::kWaiting));
}

}  // namespace
}  // namespace rondo::cli
