// Which id may stand where (DESIGN 2 "Ids"): derived on public addresses, free on private ones, never mixed.
#include "dht/chord/member_id.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "dht/base/rng.hpp"
#include "dht/chord/chord_config.hpp"

namespace rondo::dht {
namespace {

Endpoint endpoint(const char* text) { return Endpoint::parse(text).value(); }

Contact allowed(const char* text, unsigned r = 0) {
  const Endpoint at = endpoint(text);
  return {ids_of_address(at)[r], at};
}

Contact with_random_id(const char* text) {
  static Rng rng(77);
  return {RingId{rng.bytes<20>()}, endpoint(text)};
}

const Contact kPublicSelf = allowed("203.0.113.9:6881");
const Contact kPrivateSelf = with_random_id("192.168.1.5:6881");
const Contact kPublicSelf6 = allowed("[2001:db8:9::1]:6881");

// Computed with Python's hashlib from the sentence in DESIGN, not with this code.
TEST(IdsOfAddress, are_the_first_20_bytes_of_the_hash) {
  const auto v4 = ids_of_address(endpoint("198.51.100.7:1"));
  EXPECT_EQ(v4[0].hex(), "a624372a7d81a98bddc75d542711da8e7cabaf0f");
  EXPECT_EQ(v4[7].hex(), "7cee5059401b286b33c2dc21364e103dce8555cb");
  EXPECT_EQ(ids_of_address(endpoint("[2001:db8:1:2::9]:1"))[3].hex(), "e60afd73a2b7e4f56790e0f76efbe3caa0557ff4");
}

TEST(IdsOfAddress, are_eight_different_ones_for_any_port) {
  const auto ids = ids_of_address(endpoint("198.51.100.7:6881"));
  EXPECT_EQ(std::set<RingId>(ids.begin(), ids.end()).size(), kIdsPerAddress);
  EXPECT_EQ(ids, ids_of_address(endpoint("198.51.100.7:1")));
  EXPECT_NE(ids, ids_of_address(endpoint("198.51.100.8:6881")));
}

TEST(IdsOfAddress, of_v6_depend_on_the_64_and_on_no_more) {
  const auto ids = ids_of_address(endpoint("[2001:db8:1:2::1]:6881"));
  EXPECT_EQ(ids, ids_of_address(endpoint("[2001:db8:1:2:ffff:ffff:ffff:ffff]:6881")));
  EXPECT_NE(ids, ids_of_address(endpoint("[2001:db8:1:3::1]:6881")));
}

TEST(NetworkTag, tells_names_apart) {
  EXPECT_NE(network_tag("rondo/1"), network_tag("rondo/2"));
  EXPECT_NE(network_tag(""), network_tag(std::string_view("\0", 1)));
}

// --- who may enter a table ------------------------------------------------------------------------------------------

TEST(Admissible, public_contact_needs_one_of_its_eight_ids) {
  for (const Contact& self : {kPublicSelf, kPrivateSelf})
    for (unsigned r = 0; r < kIdsPerAddress; ++r) EXPECT_TRUE(admissible(self, allowed("198.51.100.7:6881", r)));
  EXPECT_FALSE(admissible(kPublicSelf, with_random_id("198.51.100.7:6881")));
  EXPECT_FALSE(admissible(kPrivateSelf, with_random_id("198.51.100.7:6881")));
}

TEST(Admissible, id_of_another_address_is_stolen) {
  Contact thief = allowed("198.51.100.7:6881");
  thief.endpoint = endpoint("198.51.100.8:6881");
  EXPECT_FALSE(admissible(kPublicSelf, thief));
  thief = allowed("[2001:db8:1:2::1]:6881");
  thief.endpoint = endpoint("[2001:db8:1:3::1]:6881");
  EXPECT_FALSE(admissible(kPublicSelf6, thief));
}

TEST(Admissible, hosts_of_one_v6_64_share_their_ids) {
  Contact neighbour = allowed("[2001:db8:1:2::1]:6881");
  neighbour.endpoint = endpoint("[2001:db8:1:2::2]:6881");
  EXPECT_TRUE(admissible(kPublicSelf6, neighbour));
}

TEST(Admissible, private_contact_never_enters_a_public_members_table) {
  for (const char* text : {"127.0.0.1:6881", "10.1.2.3:6881", "172.16.0.1:6881", "172.31.255.1:6881",
                           "192.168.0.1:6881", "100.64.0.1:6881", "100.127.255.1:6881", "169.254.1.1:6881"}) {
    EXPECT_FALSE(admissible(kPublicSelf, with_random_id(text))) << text;
    EXPECT_FALSE(admissible(kPublicSelf, allowed(text))) << text << ", not even with an id as if it were public";
    EXPECT_TRUE(admissible(kPrivateSelf, with_random_id(text))) << text;
  }
  for (const char* text : {"[::1]:6881", "[fe80::1]:6881", "[fd00::1]:6881", "[fc00::1]:6881"})
    EXPECT_FALSE(admissible(kPublicSelf6, with_random_id(text))) << text;
}

TEST(Admissible, neighbours_of_the_private_ranges_are_public) {
  for (const char* text : {"11.0.0.1:1", "172.15.0.1:1", "172.32.0.1:1", "192.169.0.1:1", "100.63.0.1:1",
                           "100.128.0.1:1", "169.253.0.1:1", "128.0.0.1:1"})
    EXPECT_FALSE(admissible(kPrivateSelf, with_random_id(text))) << text << " needs a derived id";
}

TEST(Admissible, what_no_host_can_own_is_refused_by_everybody) {
  for (const char* text : {"198.51.100.7:0", "192.168.0.1:0", "0.0.0.0:6881", "0.1.2.3:6881", "224.0.0.1:6881",
                           "239.255.255.255:6881", "255.255.255.255:6881", "240.0.0.1:6881"}) {
    EXPECT_FALSE(admissible(kPublicSelf, allowed(text))) << text;
    EXPECT_FALSE(admissible(kPrivateSelf, allowed(text))) << text;
  }
  for (const char* text : {"[::]:6881", "[ff02::1]:6881", "[::ffff:198.51.100.7]:6881", "[2001:db8::1]:0"})
    EXPECT_FALSE(admissible(kPublicSelf6, allowed(text))) << text;
}

TEST(Admissible, other_family_is_refused) {
  EXPECT_FALSE(admissible(kPublicSelf, allowed("[2001:db8::1]:6881")));
  EXPECT_FALSE(admissible(kPublicSelf6, allowed("198.51.100.7:6881")));
}

TEST(Admissible, we_are_not_our_own_contact) {
  EXPECT_FALSE(admissible(kPublicSelf, kPublicSelf));
  Contact our_id = kPrivateSelf;
  our_id.endpoint.port = 1;
  EXPECT_FALSE(admissible(kPrivateSelf, our_id));
  Contact our_endpoint = with_random_id("192.168.1.5:6881");
  EXPECT_FALSE(admissible(kPrivateSelf, our_endpoint));
}

TEST(Admissible, node_that_does_not_know_its_address_yet_takes_private_contacts) {
  const Contact unknown{{}, endpoint("0.0.0.0:6881")};
  EXPECT_TRUE(admissible(unknown, with_random_id("192.168.1.5:6881")));
  EXPECT_FALSE(admissible(unknown, with_random_id("198.51.100.7:6881")));
}

TEST(Credible, holds_for_our_own_id_elsewhere_if_that_address_allows_it) {
  Contact twin = kPublicSelf;
  twin.endpoint.port = 7000;
  EXPECT_TRUE(credible(kPublicSelf, twin)) << "another process on our address may have drawn the same number";
  twin.endpoint = endpoint("198.51.100.7:6881");
  EXPECT_FALSE(credible(kPublicSelf, twin)) << "our id is not to be had from another address";
  twin.endpoint = endpoint("10.0.0.1:6881");
  EXPECT_FALSE(credible(kPublicSelf, twin));
}

}  // namespace
}  // namespace rondo::dht
