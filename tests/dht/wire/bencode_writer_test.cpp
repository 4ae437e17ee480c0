#include "dht/wire/codec/bencode_writer.hpp"

#include <gtest/gtest.h>

namespace rondo::dht::wire::test {
namespace {

std::string written(BencodeWriter&& writer) {
  const Bytes bytes = std::move(writer).take();
  return {bytes.begin(), bytes.end()};
}

TEST(BencodeWriter, writes_the_examples_of_bep_3) {
  BencodeWriter writer(0);
  writer.begin_dictionary();
  writer.key("cow");
  writer.string(std::string_view("moo"));
  writer.key("spam");
  writer.begin_list();
  writer.string(std::string_view("a"));
  writer.integer(3);
  writer.integer(0);
  writer.begin_dictionary();
  writer.end();
  writer.end();
  writer.end();
  EXPECT_EQ(written(std::move(writer)), "d3:cow3:moo4:spaml1:ai3ei0edeee");
}

TEST(BencodeWriter, writes_every_length_and_number) {
  BencodeWriter writer(0);
  writer.begin_list();
  writer.string(ByteView{});
  writer.string(std::string(100, 'x'));
  writer.zeros(3);
  writer.zeros(0);
  writer.integer(~std::uint64_t{0});
  writer.end();
  EXPECT_EQ(written(std::move(writer)),
            "l0:100:" + std::string(100, 'x') + "3:" + std::string(3, '\0') + "0:i18446744073709551615ee");
}

TEST(BencodeWriter, keys_start_anew_in_every_dictionary) {
  BencodeWriter writer(0);
  writer.begin_dictionary();
  writer.key("b");
  writer.begin_dictionary();
  writer.key("a");
  writer.integer(1);
  writer.end();
  writer.key("c");
  writer.integer(2);
  writer.end();
  EXPECT_EQ(written(std::move(writer)), "d1:bd1:ai1ee1:ci2ee");
}

TEST(BencodeWriter, refuses_unsorted_and_repeated_keys) {
  const auto two_keys = [](std::string_view first, std::string_view second) {
    BencodeWriter writer(0);
    writer.begin_dictionary();
    writer.key(first);
    writer.integer(1);
    writer.key(second);
  };
  EXPECT_DEATH(two_keys("b", "a"), "broken invariant");
  EXPECT_DEATH(two_keys("a", "a"), "broken invariant");
  EXPECT_DEATH(two_keys("nodes6", "nodes"), "broken invariant");
}

TEST(BencodeWriter, refuses_what_is_not_nested) {
  EXPECT_DEATH(BencodeWriter(0).end(), "broken invariant");
  EXPECT_DEATH(BencodeWriter(0).key("a"), "broken invariant");
  const auto open = [] {
    BencodeWriter writer(0);
    writer.begin_list();
    return std::move(writer).take();
  };
  EXPECT_DEATH(open(), "broken invariant");
  const auto deep = [] {
    BencodeWriter writer(0);
    for (int i = 0; i <= limits::kBencodeDepth; ++i) writer.begin_list();
  };
  EXPECT_DEATH(deep(), "broken invariant");
}

}  // namespace
}  // namespace rondo::dht::wire::test
