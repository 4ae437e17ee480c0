// Hashes the files of a share into the pieces of a torrent: one reader, one pass for v1 and v2.
//
// v1 (BEP 3): SHA-1 of each piece of all files laid end to end, pad files read as zeros. v2 (BEP 52): for each file
// the SHA-256 roots of the Merkle trees over its pieces, 16 KiB a leaf, missing leaves zero; a file smaller than a
// piece has the tree over its own leaves, filled up to a power of two.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dht/base/result.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

inline constexpr std::uint32_t kBlock = 16 * 1024;

using Sha1 = std::array<std::uint8_t, 20>;
using Root = std::array<std::uint8_t, 32>;

struct HashPlan {
  struct Part {
    /// Absolute; empty for a pad file.
    std::string disk_path;
    std::uint64_t size = 0;
  };
  /// A power of two, at least kBlock.
  std::uint32_t piece_length = kBlock;
  bool v1 = true;
  /// With v2 every part that isn't padding begins at a piece's beginning.
  bool v2 = false;
  /// In the torrent's order.
  std::vector<Part> parts;
};

struct Hashes {
  std::vector<Sha1> v1;
  /// For each part the roots of its pieces; empty for pad files and empty files.
  std::vector<std::vector<Root>> v2;
};

/// Opens files without following a final symbolic link and without waiting for anyone. A file whose size is not what
/// the plan says is an error: someone is changing it. `progress` gets the bytes of files read so far, often.
Result<Hashes, TransferError> hash_files(const HashPlan& plan, const std::function<void(std::uint64_t)>& progress,
                                         const std::atomic<bool>& cancelled);

}  // namespace rondo::peer
