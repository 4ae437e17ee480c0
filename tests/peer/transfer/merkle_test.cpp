#include "peer/transfer/merkle.hpp"

#include <gtest/gtest.h>

#include "tests/peer/transfer/hash_model.hpp"

namespace rondo::peer::test {
namespace {

std::vector<Subtree> run_of(std::string_view content, std::uint64_t first, std::uint64_t last, Digest& sha256) {
  LeafHasher hasher(first, 63, sha256);
  hasher.update(as_bytes(content.substr(first * kBlock, (last - first) * kBlock)));
  return hasher.finish();
}

TEST(Merkle, heights_are_those_of_the_smallest_tree_with_room) {
  EXPECT_EQ(height_for(1), 0u);
  EXPECT_EQ(height_for(2), 1u);
  EXPECT_EQ(height_for(3), 2u);
  EXPECT_EQ(height_for(4), 2u);
  EXPECT_EQ(height_for(5), 3u);
  EXPECT_EQ(height_for((1ull << 40) + 1), 41u);
}

TEST(Merkle, a_run_is_merged_as_far_as_it_is_aligned) {
  Digest sha256 = Digest::sha256();
  const std::string content = random_text(1, 12 * kBlock);
  const auto subtrees = run_of(content, 3, 12, sha256);
  // 3, 4-7, 8-11.
  ASSERT_EQ(subtrees.size(), 3u);
  EXPECT_EQ(subtrees[0].height, 0u);
  EXPECT_EQ(subtrees[1].height, 2u);
  EXPECT_EQ(subtrees[1].first, 4u);
  EXPECT_EQ(subtrees[1].root, naive_root(content, 4, 8));
  EXPECT_EQ(subtrees[2].root, naive_root(content, 8, 12));
}

TEST(Merkle, runs_in_any_order_make_the_same_root) {
  Digest sha256 = Digest::sha256();
  Rng rng(3);
  for (std::uint64_t leaves = 1; leaves <= 40; ++leaves) {
    // The last leaf is short.
    const std::string content = random_text(leaves, leaves * kBlock - rng.below(kBlock));
    std::vector<std::pair<std::uint64_t, std::uint64_t>> runs;
    for (std::uint64_t first = 0; first < leaves;) {
      const std::uint64_t last = std::min(leaves, first + 1 + rng.below(9));
      runs.emplace_back(first, last);
      first = last;
    }
    rng.shuffle(runs);
    MerkleCollector collector(leaves);
    for (const auto& [first, last] : runs) {
      EXPECT_FALSE(collector.complete());
      collector.add(run_of(content, first, last, sha256), sha256);
    }
    ASSERT_TRUE(collector.complete());
    EXPECT_EQ(collector.root(sha256), naive_file_root(content)) << leaves;
  }
}

TEST(Merkle, roots_of_pieces_make_the_root_of_the_file) {
  Digest sha256 = Digest::sha256();
  for (std::uint64_t leaves = 1; leaves <= 40; ++leaves) {
    const std::string content = random_text(leaves, leaves * kBlock - 1);
    for (const unsigned height : {0u, 1u, 3u})
      EXPECT_EQ(root_of_pieces(naive_v2(content, std::size_t{kBlock} << height), height, sha256),
                naive_file_root(content))
          << leaves;
  }
}

TEST(Merkle, what_waits_is_a_few_subtrees_for_each_reader) {
  // 20 GiB in units of 64 leaves and a bit, of which eight are under way at any time.
  constexpr std::uint64_t kLeaves = 20ull << 16, kUnit = 67;
  Digest sha256 = Digest::sha256();
  Rng rng(5);
  MerkleCollector collector(kLeaves);
  std::vector<std::uint64_t> under_way;
  std::size_t most = 0;
  for (std::uint64_t next = 0; next < kLeaves || !under_way.empty();) {
    for (; under_way.size() < 8 && next < kLeaves; next += kUnit) under_way.push_back(next);
    const auto done = under_way.begin() + static_cast<std::ptrdiff_t>(rng.below(under_way.size()));
    MerkleRun run(63, sha256);
    for (std::uint64_t leaf = *done; leaf < std::min(*done + kUnit, kLeaves); ++leaf) run.add({leaf, 0, {}});
    under_way.erase(done);
    collector.add(run.subtrees(), sha256);
    most = std::max(most, collector.waiting());
  }
  ASSERT_TRUE(collector.complete());
  EXPECT_LE(most, 500u);
}

}  // namespace
}  // namespace rondo::peer::test
