// Hashes the files of a share into the pieces of a torrent, and checks pieces against such hashes: several readers, one
// pass over the files for v1 pieces, v2 pieces and file roots.
//
// v1 (BEP 3): SHA-1 of each piece of all files laid end to end, pad files read as zeros. v2 (BEP 52): for each file
// the SHA-256 roots of the Merkle trees over its pieces, 16 KiB a leaf, missing leaves zero; a file smaller than a
// piece has the tree over its own leaves, filled up to a power of two. A file's root is that of the tree over all its
// leaves, wherever in the torrent it begins.
//
// The pieces are cut into units of about a megabyte, and each reader takes the next unit when it is done with its own.
// A v1 torrent without pad files has leaves that cross a unit's end: they belong to the reader in whose unit they
// begin, which reads on to their end. Memory: a read buffer of kReadBytes a reader, the results, and where each part
// begins; trees are merged while they are read, so that neither the size nor the number of files makes a difference.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dht/base/result.hpp"
#include "peer/transfer/merkle.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

/// Readers unless the plan says how many: one a processor, and no more than this. Beyond it memory is the limit.
inline constexpr unsigned kHashReaders = 8;

using Sha1 = std::array<std::uint8_t, 20>;

struct HashPlan {
  struct Part {
    /// Absolute; empty for a pad file.
    std::string disk_path;
    std::uint64_t size = 0;
  };
  /// With v2 or file roots a power of two, at least kBlock. Others make v1 torrents of any length.
  std::uint32_t piece_length = kBlock;
  bool v1 = true;
  /// With v2 every part that isn't padding begins at a piece's beginning; without v1 the padding need not be a part.
  bool v2 = false;
  /// The root of every file too. Off where nobody asks: with v1 alone it costs as much again.
  bool file_roots = false;
  /// In the torrent's order.
  std::vector<Part> parts;
  /// 0: as many as this machine is good for.
  unsigned readers = 0;
};

struct Hashes {
  std::vector<Sha1> v1;
  /// For each part the roots of its pieces; empty for pad files and empty files.
  std::vector<std::vector<Root>> v2;
  /// For each part; zeros for pad files and empty files, which have none.
  std::vector<Root> file_roots;
};

/// Gets the bytes of files looked at so far: from several threads, but one at a time and never fewer than before. It
/// must not throw.
using HashedBytes = std::function<void(std::uint64_t)>;

/// Opens files without following a final symbolic link and without waiting for anyone. A file whose size is not what
/// the plan says is an error: someone is changing it. Of several errors it is the one that comes first in the torrent.
/// The calling thread is one of the readers, and the others have ended when it returns.
Result<Hashes, TransferError> hash_files(const HashPlan& plan, const HashedBytes& progress,
                                         const std::atomic<bool>& cancelled);

/// Which of the pieces `which` (by their number in the torrent) are on disk as they should be, by `expected.v1`, or by
/// `expected.v2` when there is no v1. A missing, short or unreadable file, or one that is no regular file, makes the
/// pieces wrong for which it lacks bytes; it is no error, nor is a file that is too long. A piece that lies wholly in
/// holes of sparse files was never written: it is wrong without reading, unless it should be all zeros.
/// Pieces that weren't looked at are false when it was cancelled.
std::vector<bool> check_pieces(const HashPlan& plan, const Hashes& expected, const std::vector<bool>& which,
                               const HashedBytes& progress, const std::atomic<bool>& cancelled);

}  // namespace rondo::peer
