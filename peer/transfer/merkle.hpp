// The Merkle trees of BEP 52: SHA-256 over leaves of 16 KiB of one file, the last one as short as the file leaves it.
//
// A tree is filled up to a power of two with leaves of 32 zero bytes (not hashes of zeros). Heights count from the
// leaves: a subtree of height h at leaf f (a multiple of 2^h) covers the leaves [f, f + 2^h). Leaves that come in order
// need a stack of at most one subtree a height; runs of leaves that several readers bring out of order meet in a
// MerkleCollector, which needs a few subtrees for each gap between them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "dht/base/bytes.hpp"
#include "peer/transfer/digest.hpp"

namespace rondo::peer {

inline constexpr std::uint32_t kBlock = 16 * 1024;

using Root = std::array<std::uint8_t, 32>;

struct Subtree {
  std::uint64_t first = 0;
  unsigned height = 0;
  Root root{};
};

inline std::uint64_t leaves_of(std::uint64_t bytes) { return bytes / kBlock + (bytes % kBlock != 0 ? 1 : 0); }

/// Of the smallest tree with room for so many leaves.
unsigned height_for(std::uint64_t leaves);

/// The root of height `height` over subtrees that follow each other without a gap, from a multiple of 2^height on, each
/// as large as can be; what is missing at the end is filled up. REQUIRES: at least one.
Root fold(std::span<const Subtree> subtrees, unsigned height, Digest& sha256);

/// The root of the tree over a whole file, from the roots of its pieces.
Root root_of_pieces(const std::vector<Root>& pieces, unsigned piece_height, Digest& sha256);

/// Subtrees that follow each other, merged as far as they are aligned and lower than `max_height`.
class MerkleRun {
 public:
  MerkleRun(unsigned max_height, Digest& sha256) : max_height_(max_height), sha256_(&sha256) {}

  void add(Subtree subtree);
  [[nodiscard]] const std::vector<Subtree>& subtrees() const { return subtrees_; }

 private:
  unsigned max_height_;
  Digest* sha256_;
  std::vector<Subtree> subtrees_;
};

/// Cuts bytes of one file, from the beginning of a leaf on, into leaves.
class LeafHasher {
 public:
  LeafHasher(std::uint64_t first_leaf, unsigned max_height, Digest& sha256)
      : next_(first_leaf), sha256_(&sha256), run_(max_height, sha256) {}

  void update(ByteView bytes);
  /// Ends the file's last, short leaf, if there is one.
  const std::vector<Subtree>& finish();

 private:
  void close_leaf();

  std::uint64_t next_;
  std::uint32_t filled_ = 0;
  Digest* sha256_;
  MerkleRun run_;
};

/// Puts the tree of one file together from subtrees that come in any order, each leaf once.
class MerkleCollector {
 public:
  explicit MerkleCollector(std::uint64_t leaves) : leaves_(leaves), missing_(leaves) {}

  void add(std::span<const Subtree> subtrees, Digest& sha256);
  [[nodiscard]] bool complete() const { return missing_ == 0; }
  /// REQUIRES: complete(), and the file isn't empty.
  Root root(Digest& sha256) const;
  /// Subtrees that wait for their neighbours.
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  void add(Subtree subtree, Digest& sha256);

  std::uint64_t leaves_;
  std::uint64_t missing_;
  /// By first leaf.
  std::map<std::uint64_t, Subtree> waiting_;
};

}  // namespace rondo::peer
