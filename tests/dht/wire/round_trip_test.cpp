// Properties over random messages. A failure names the seed: RONDO_SEED=... repeats the run.
#include <gtest/gtest.h>

#include <array>
#include <iostream>
#include <string_view>

#include "dht/base/limits.hpp"
#include "dht/wire/codec/codec.hpp"
#include "tests/dht/wire/generator.hpp"
#include "tests/dht/wire/layout.hpp"

namespace rondo::dht::wire::test {
namespace {

constexpr int kCases = 2000;

class RoundTrip : public testing::TestWithParam<Family> {
 protected:
  RoundTrip() { std::cout << "seed " << seed_ << " (RONDO_SEED repeats it)\n"; }

  template <class Check>
  void for_each_message(Check check) {
    Generator generator(rng_, GetParam());
    for (std::size_t kind = 0; kind < kKinds; ++kind)
      for (int i = 0; i < kCases; ++i) {
        check(generator.message(kind));
        if (HasFailure()) FAIL() << "seed " << seed_ << ", kind " << kind << ", case " << i;
      }
  }

 private:
  const std::uint64_t seed_ = seed_of_run();
  Rng rng_{seed_};
};

TEST_P(RoundTrip, decoding_gives_back_what_was_encoded) {
  for_each_message([](const Message& message) {
    const auto decoded = decode(encode(message, GetParam()), GetParam());
    ASSERT_TRUE(decoded.ok()) << to_string(decoded.error().error);
    EXPECT_EQ(decoded.value(), message);
  });
}

TEST_P(RoundTrip, encoded_size_is_the_number_of_bytes) {
  for_each_message([](const Message& message) {
    const Bytes datagram = encode(message, GetParam());
    EXPECT_EQ(encoded_size(message, GetParam()), datagram.size());
    EXPECT_LE(datagram.size(), limits::kDatagram);
  });
}

TEST_P(RoundTrip, what_we_write_is_canonical) {
  for_each_message([](const Message& message) {
    const Bytes datagram = encode(message, GetParam());
    EXPECT_TRUE(layout_of(datagram)) << to_hex(datagram);
  });
}

TEST_P(RoundTrip, every_kind_begins_as_wireshark_expects_it) {
  // Its heuristic for the BitTorrent DHT looks at the first five bytes.
  constexpr std::array<std::string_view, 3> kStarts = {"d1:ad", "d2:ip", "d1:el"};
  for_each_message([&kStarts](const Message& message) {
    const Bytes datagram = encode(message, GetParam());
    EXPECT_EQ(std::string(datagram.begin(), datagram.begin() + 5), kStarts[message.index()]);
  });
}

TEST_P(RoundTrip, no_answer_is_longer_than_the_largest) {
  for_each_message([](const Message& message) {
    if (const auto* reply = std::get_if<Reply>(&message)) {
      EXPECT_LE(encoded_size(message, GetParam()), largest_reply(method_of(reply->body), GetParam()));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Families, RoundTrip, testing::Values(Family::kV4, Family::kV6),
                         [](const auto& family) { return family.param == Family::kV4 ? "v4" : "v6"; });

}  // namespace
}  // namespace rondo::dht::wire::test
