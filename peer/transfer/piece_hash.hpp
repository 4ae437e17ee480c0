// The hash of a piece that is being written: carried along block by block, so that a complete piece need not be read
// back. SHA-1 goes from the first block on without a gap; SHA-256 is of each block alone, in any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dht/base/bytes.hpp"
#include "peer/transfer/digest.hpp"

namespace rondo::peer {

class PieceHash {
 public:
  using Sha1 = std::array<std::uint8_t, 20>;
  using Sha256 = std::array<std::uint8_t, 32>;
  static constexpr std::size_t kBlockBytes = 16 * 1024;

  /// Takes a block that was written at `offset`. A block that was there already makes what came of it void.
  void add_v1(std::size_t offset, ByteView block);
  /// `block` without the pad that may follow a file's end.
  void add_v2(std::size_t offset, ByteView block, Digest& sha256);

  /// Nothing came by.
  [[nodiscard]] bool empty() const { return end_ == 0 && blocks_.empty(); }
  /// SHA-1 has come so far.
  [[nodiscard]] std::size_t v1_end() const { return end_; }
  /// Goes on with what follows v1_end().
  void resume_v1(ByteView bytes);
  /// Ends the SHA-1, and begins anew.
  Sha1 finish_v1();
  /// Of the block at `offset`, if it came by.
  [[nodiscard]] const std::optional<Sha256>& v2(std::size_t offset) const;

 private:
  std::optional<Digest> sha1_;
  std::size_t end_ = 0;
  std::vector<std::optional<Sha256>> blocks_;
};

}  // namespace rondo::peer
