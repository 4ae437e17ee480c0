#include "dht/net/interfaces.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace rondo::dht {
namespace {

TEST(Interfaces, loopback_is_among_them_with_the_port) {
  const auto endpoints = interface_endpoints(7001, Family::kV4);
  EXPECT_NE(std::find(endpoints.begin(), endpoints.end(), Endpoint::v4(127, 0, 0, 1, 7001)), endpoints.end());
  for (const Endpoint& endpoint : endpoints) {
    EXPECT_EQ(endpoint.family, Family::kV4);
    EXPECT_EQ(endpoint.port, 7001);
  }
}

TEST(Interfaces, v6_ones_are_of_v6_and_not_link_local) {
  for (const Endpoint& endpoint : interface_endpoints(7001, Family::kV6)) {
    EXPECT_EQ(endpoint.family, Family::kV6);
    EXPECT_FALSE(endpoint.address[0] == 0xfe && (endpoint.address[1] & 0xc0) == 0x80) << endpoint.text();
  }
}

TEST(Interfaces, a_bound_address_is_its_own_guess) {
  const Endpoint bound = Endpoint::v4(127, 0, 0, 9, 7001);
  EXPECT_EQ(guess_own_endpoint(bound), bound);
}

TEST(Interfaces, the_guess_for_all_addresses_is_an_address_of_ours) {
  const Endpoint guess = guess_own_endpoint(Endpoint::v4(0, 0, 0, 0, 7001));
  EXPECT_TRUE(is_usable(guess)) << guess.text();
  EXPECT_EQ(guess.port, 7001);
  const auto own = interface_endpoints(7001, Family::kV4);
  EXPECT_NE(std::find(own.begin(), own.end(), guess), own.end()) << guess.text();
  const Endpoint v6 = guess_own_endpoint(*Endpoint::parse("[::]:7001"));
  EXPECT_TRUE(is_usable(v6)) << v6.text();
}

}  // namespace
}  // namespace rondo::dht
