#include "peer/transfer/merkle.hpp"

#include <algorithm>
#include <bit>

#include "dht/base/assert.hpp"

namespace rondo::peer {
namespace {

Root parent_of(const Root& left, const Root& right, Digest& sha256) {
  sha256.update(left);
  sha256.update(right);
  return sha256.finish<32>();
}

/// Whether `right` is the other half of the subtree that `left` begins.
bool siblings(const Subtree& left, const Subtree& right) {
  return left.height == right.height && (left.first ^ right.first) == std::uint64_t{1} << left.height;
}

}  // namespace

unsigned height_for(std::uint64_t leaves) {
  return leaves <= 1 ? 0 : static_cast<unsigned>(std::bit_width(leaves - 1));
}

Root fold(std::span<const Subtree> subtrees, unsigned height, Digest& sha256) {
  RONDO_ASSERT(!subtrees.empty());
  Subtree all = subtrees.back();
  std::size_t left = subtrees.size() - 1;
  Root filler{};
  unsigned filler_height = 0;
  for (; all.height < height; ++all.height) {
    for (; filler_height < all.height; ++filler_height) filler = parent_of(filler, filler, sha256);
    // It is a right half exactly when its left neighbour has the same height.
    if (left > 0 && subtrees[left - 1].height == all.height)
      all.root = parent_of(subtrees[--left].root, all.root, sha256);
    else
      all.root = parent_of(all.root, filler, sha256);
  }
  RONDO_ASSERT(left == 0);
  return all.root;
}

Root root_of_pieces(const std::vector<Root>& pieces, unsigned piece_height, Digest& sha256) {
  // The only piece of a small file is the whole tree, lower than a piece's.
  if (pieces.size() == 1) return pieces[0];
  const unsigned height = piece_height + height_for(pieces.size());
  MerkleRun run(height, sha256);
  std::uint64_t first = 0;
  for (const Root& piece : pieces) {
    run.add({first, piece_height, piece});
    first += std::uint64_t{1} << piece_height;
  }
  return fold(run.subtrees(), height, sha256);
}

void MerkleRun::add(Subtree subtree) {
  while (subtree.height < max_height_ && !subtrees_.empty() && subtrees_.back().first < subtree.first &&
         siblings(subtrees_.back(), subtree)) {
    subtree.root = parent_of(subtrees_.back().root, subtree.root, *sha256_);
    subtree.first = subtrees_.back().first;
    ++subtree.height;
    subtrees_.pop_back();
  }
  subtrees_.push_back(subtree);
}

void LeafHasher::update(ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t take = std::min<std::size_t>(bytes.size(), kBlock - filled_);
    sha256_->update(bytes.first(take));
    bytes = bytes.subspan(take);
    filled_ += static_cast<std::uint32_t>(take);
    if (filled_ == kBlock) close_leaf();
  }
}

const std::vector<Subtree>& LeafHasher::finish() {
  if (filled_ != 0) close_leaf();
  return run_.subtrees();
}

void LeafHasher::close_leaf() {
  run_.add({next_++, 0, sha256_->finish<32>()});
  filled_ = 0;
}

void MerkleCollector::add(std::span<const Subtree> subtrees, Digest& sha256) {
  for (const Subtree& subtree : subtrees) add(subtree, sha256);
}

void MerkleCollector::add(Subtree subtree, Digest& sha256) {
  const std::uint64_t leaves = std::uint64_t{1} << subtree.height;
  RONDO_ASSERT(subtree.first % leaves == 0 && leaves <= missing_);
  missing_ -= leaves;
  for (;;) {
    const auto other = waiting_.find(subtree.first ^ (std::uint64_t{1} << subtree.height));
    if (other == waiting_.end() || !siblings(other->second, subtree)) break;
    const bool left = other->first < subtree.first;
    subtree.root = left ? parent_of(other->second.root, subtree.root, sha256)
                        : parent_of(subtree.root, other->second.root, sha256);
    subtree.first = std::min(subtree.first, other->first);
    ++subtree.height;
    waiting_.erase(other);
  }
  waiting_.emplace(subtree.first, subtree);
}

Root MerkleCollector::root(Digest& sha256) const {
  RONDO_ASSERT(complete());
  std::vector<Subtree> subtrees;
  for (const auto& [first, subtree] : waiting_) subtrees.push_back(subtree);
  return fold(subtrees, height_for(leaves_), sha256);
}

}  // namespace rondo::peer
