#include "dht/base/endpoint.hpp"

#include <gtest/gtest.h>

#include "dht/base/contact.hpp"

namespace rondo {
namespace {

Endpoint at(std::string_view text) {
  const auto endpoint = Endpoint::parse(text);
  EXPECT_TRUE(endpoint) << text;
  return endpoint.value_or(Endpoint{});
}

TEST(Endpoint, reads_and_prints_both_families) {
  for (const char* text : {"192.0.2.1:6881", "0.0.0.0:0", "255.255.255.255:65535", "[2001:db8::1]:6881", "[::]:0",
                           "[::1]:1", "[fe80::1:2]:80"})
    EXPECT_EQ(at(text).text(), text);
  EXPECT_EQ(at("[2001:DB8:0:0::1]:5").text(), "[2001:db8::1]:5");
  EXPECT_EQ(at("192.0.2.1:6881"), Endpoint::v4(192, 0, 2, 1, 6881));
  EXPECT_EQ(at("[2001:db8::1]:6881").address_text(), "2001:db8::1");
  EXPECT_EQ(at("1.2.3.4:5").family, Family::kV4);
  EXPECT_EQ(at("[::1]:5").family, Family::kV6);
}

TEST(Endpoint, refuses_what_is_not_numeric) {
  for (const char* text : {"",           ":",           "1.2.3.4",     "1.2.3.4:",      ":5",
                           "1.2.3:5",    "1.2.3.4.5:5", "256.1.1.1:5", "1.2.3.4:65536", "1.2.3.4:-1",
                           "1.2.3.4:+1", "1.2.3.4:5 ",  " 1.2.3.4:5",  "1.2.3.4:0x5",   "localhost:5",
                           "::1:5",      "[::1]",       "[::1:5",      "::1]:5",        "[]:5",
                           "[:5",        "[1.2.3.4]:5", "[::1%lo]:5",  "[::1]]:5",      "[[::1]]:5",
                           "01.2.3.4:5", "[12345::]:5"})
    EXPECT_FALSE(Endpoint::parse(text)) << text;
}

TEST(Endpoint, refuses_a_zero_byte_inside_the_address) {
  EXPECT_FALSE(Endpoint::parse(std::string_view("1.2.3.4\0.evil:5", 15)));
  EXPECT_FALSE(Endpoint::parse(std::string_view("[::1\0]:5", 8)));
}

TEST(Endpoint, address_bytes_are_four_or_sixteen) {
  EXPECT_EQ(to_hex(at("1.2.3.4:5").address_bytes()), "01020304");
  EXPECT_EQ(to_hex(at("[2001:db8::1]:5").address_bytes()), "20010db8000000000000000000000001");
  EXPECT_EQ(compact_size(Family::kV4), 6u);
  EXPECT_EQ(compact_size(Family::kV6), 18u);
}

TEST(Endpoint, order_is_address_then_port) {
  EXPECT_LT(at("1.2.3.4:9"), at("1.2.3.5:1"));
  EXPECT_LT(at("1.2.3.4:1"), at("1.2.3.4:9"));
  EXPECT_NE(at("1.2.3.4:1"), at("1.2.3.4:2"));
}

TEST(Endpoint, loopback) {
  for (const char* text : {"127.0.0.1:1", "127.255.255.254:1", "[::1]:1"}) EXPECT_TRUE(is_loopback(at(text))) << text;
  for (const char* text : {"126.0.0.1:1", "128.0.0.1:1", "[::]:1", "[::2]:1", "[1::1]:1", "[::ffff:127.0.0.1]:1"})
    EXPECT_FALSE(is_loopback(at(text))) << text;
}

TEST(Endpoint, private_classes_and_their_edges) {
  for (const char* text :
       {"127.0.0.1:1", "10.0.0.0:1", "10.255.255.255:1", "172.16.0.0:1", "172.31.255.255:1", "192.168.0.0:1",
        "192.168.255.255:1", "100.64.0.0:1", "100.127.255.255:1", "169.254.0.0:1", "169.254.255.255:1", "[::1]:1",
        "[fe80::]:1", "[febf:ffff::]:1", "[fc00::]:1", "[fdff:ffff::]:1"})
    EXPECT_TRUE(is_private(at(text))) << text;
  for (const char* text :
       {"9.255.255.255:1", "11.0.0.0:1", "172.15.255.255:1", "172.32.0.0:1", "192.167.255.255:1", "192.169.0.0:1",
        "100.63.255.255:1", "100.128.0.0:1", "169.253.255.255:1", "169.255.0.0:1", "198.51.100.1:1", "203.0.113.1:1",
        "[fe7f::]:1", "[fec0::]:1", "[fbff::]:1", "[fe00::]:1", "[2001:db8::1]:1", "[::2]:1"})
    EXPECT_FALSE(is_private(at(text))) << text;
}

TEST(Endpoint, usable_is_what_a_host_can_own) {
  for (const char* text : {"1.0.0.0:1", "127.0.0.1:1", "192.0.2.1:65535", "223.255.255.255:1", "[::1]:1",
                           "[2001:db8::1]:1", "[fe80::1]:1", "[::1:0:0]:1", "[64:ff9b::1.2.3.4]:1"})
    EXPECT_TRUE(is_usable(at(text))) << text;
  for (const char* text :
       {"192.0.2.1:0", "[2001:db8::1]:0", "0.0.0.0:1", "0.1.2.3:1", "224.0.0.1:1", "239.1.1.1:1", "240.0.0.1:1",
        "255.255.255.255:1", "[::]:1", "[ff02::1]:1", "[ff00::]:1", "[::ffff:192.0.2.1]:1"})
    EXPECT_FALSE(is_usable(at(text))) << text;
}

TEST(Contact, order_is_id_then_endpoint) {
  Contact low{RingId{}, at("9.9.9.9:9")};
  Contact high{power_of_two(0), at("1.1.1.1:1")};
  EXPECT_LT(low, high);
  high.id = low.id;
  EXPECT_LT(high, low);
  high.endpoint = low.endpoint;
  EXPECT_EQ(high, low);
}

}  // namespace
}  // namespace rondo
