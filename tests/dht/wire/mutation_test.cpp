// Every datagram that lost its tail or had one byte changed: whatever decode says of it, it neither crashes nor
// accepts what it could not write again.
#include <gtest/gtest.h>

#include "dht/base/limits.hpp"
#include "dht/wire/codec/codec.hpp"
#include "tests/dht/wire/samples.hpp"

namespace rondo::dht::wire::test {
namespace {

void expect_stable(ByteView datagram, Family family) {
  const auto decoded = decode(datagram, family);
  if (!decoded.ok()) return;
  if (encoded_size(decoded.value(), family) > limits::kDatagram) return;
  const auto again = decode(encode(decoded.value(), family), family);
  ASSERT_TRUE(again.ok()) << to_string(again.error().error) << " after " << to_hex(datagram);
  ASSERT_EQ(again.value(), decoded.value()) << to_hex(datagram);
}

TEST(Mutation, no_truncated_datagram_is_a_message) {
  for (const Sample& sample : samples()) {
    const Bytes datagram = encode(sample.message, sample.family);
    for (std::size_t length = 0; length < datagram.size(); ++length) {
      // An exact copy: a sanitizer sees every byte read past the end.
      const Bytes cut(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(length));
      const auto decoded = decode(cut, sample.family);
      ASSERT_FALSE(decoded.ok()) << sample.name << " cut to " << length;
      EXPECT_EQ(decoded.error().error, DecodeError::kNotBencode);
      EXPECT_FALSE(decoded.error().header);
    }
  }
}

TEST(Mutation, every_changed_byte_is_survived) {
  for (const Sample& sample : samples()) {
    const Bytes datagram = encode(sample.message, sample.family);
    // The largest forms only repeat contacts; one bit at a time is enough of them.
    const bool largest = sample.name.find("largest") != std::string::npos;
    for (std::size_t at = 0; at < datagram.size(); ++at) {
      Bytes changed = datagram;
      for (unsigned difference = 1; difference < 256; difference = largest ? 2 * difference : difference + 1) {
        changed[at] = static_cast<std::uint8_t>(datagram[at] ^ difference);
        expect_stable(changed, sample.family);
      }
      if (HasFatalFailure()) FAIL() << sample.name << " at " << at;
    }
  }
}

TEST(Mutation, every_lost_or_doubled_byte_is_survived) {
  for (const Sample& sample : samples()) {
    const Bytes datagram = encode(sample.message, sample.family);
    for (std::size_t at = 0; at < datagram.size(); ++at) {
      const auto place = static_cast<std::ptrdiff_t>(at);
      Bytes changed = datagram;
      changed.erase(changed.begin() + place);
      expect_stable(changed, sample.family);
      changed = datagram;
      changed.insert(changed.begin() + place, datagram[at]);
      expect_stable(changed, sample.family);
    }
    if (HasFatalFailure()) FAIL() << sample.name;
  }
}

TEST(Mutation, the_other_family_never_reads_an_address_wrongly) {
  for (const Sample& sample : samples()) {
    const Family other = sample.family == Family::kV4 ? Family::kV6 : Family::kV4;
    const auto decoded = decode(encode(sample.message, sample.family), other);
    if (std::holds_alternative<Reply>(sample.message)) {
      ASSERT_FALSE(decoded.ok()) << sample.name;
      EXPECT_EQ(decoded.error().error, DecodeError::kWrongFamily) << sample.name;
    } else {
      EXPECT_TRUE(decoded.ok()) << sample.name << " carries no address";
    }
  }
}

}  // namespace
}  // namespace rondo::dht::wire::test
