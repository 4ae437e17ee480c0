#include "peer/node/status.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "dht/base/rng.hpp"

namespace rondo::peer {
namespace {

/// The ring of `count` random members, seen by its first one, whose list is `r` long.
dht::ZaveRing ring_of(std::size_t count, std::size_t r, Rng& rng) {
  std::vector<Contact> members;
  for (std::size_t i = 0; i < count; ++i)
    members.push_back({RingId{rng.bytes<20>()}, Endpoint::v4(127, 0, 0, 1, static_cast<std::uint16_t>(i + 1))});
  const Contact self = members.front();
  std::sort(members.begin(), members.end(),
            [&](const Contact& a, const Contact& b) { return distance(self.id, a.id) < distance(self.id, b.id); });
  dht::ZaveRing ring(self, r);
  dht::ToldList list;
  // What our predecessor tells us when we join; it does not stand in its own list.
  list.entries.assign(members.begin() + 1, members.begin() + static_cast<std::ptrdiff_t>(std::min(count - 1, r + 1)));
  if (list.entries.size() > r) list.entries.resize(r);
  list.complete = count <= r + 1;
  EXPECT_TRUE(ring.join(members.back(), list));
  return ring;
}

TEST(RingSize, is_one_for_a_member_alone) {
  const dht::ZaveRing alone({}, 16);
  EXPECT_EQ(ring_size(alone).members, 1);
  EXPECT_TRUE(ring_size(alone).exact);
}

TEST(RingSize, is_exact_while_the_list_goes_once_round) {
  Rng rng(1);
  for (const std::size_t count : {2u, 5u, 16u, 17u}) {
    const RingSize size = ring_size(ring_of(count, 16, rng));
    EXPECT_TRUE(size.exact) << count;
    EXPECT_EQ(size.members, static_cast<double>(count));
  }
}

TEST(RingSize, is_estimated_without_bias_from_the_density) {
  Rng rng(1);
  for (const std::size_t count : {64u, 1000u}) {
    double sum = 0;
    constexpr int kRuns = 400;
    for (int i = 0; i < kRuns; ++i) {
      const RingSize size = ring_size(ring_of(count, 16, rng));
      EXPECT_FALSE(size.exact);
      sum += size.members;
    }
    const double mean = sum / kRuns;
    // One estimate has a standard error of a quarter, the mean of 400 one of 1.3 %.
    EXPECT_NEAR(mean / static_cast<double>(count), 1, 0.05) << count;
  }
}

}  // namespace
}  // namespace rondo::peer
