// Where the parts of a torrent lie in the row of its pieces.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "peer/transfer/hasher.hpp"

namespace rondo::peer {

/// Bytes [begin, end).
struct Span {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  [[nodiscard]] std::uint64_t size() const { return end - begin; }
};

/// `plan` outlives it.
class PieceLayout {
 public:
  explicit PieceLayout(const HashPlan& plan);

  /// What v2 asks of a plan: files begin where pieces do.
  [[nodiscard]] bool aligned() const { return aligned_; }
  [[nodiscard]] std::size_t pieces() const { return pieces_; }
  /// Pieces that one reader takes at a time.
  [[nodiscard]] std::size_t pieces_per_unit() const { return pieces_per_unit_; }
  [[nodiscard]] std::size_t units() const;
  [[nodiscard]] unsigned readers() const { return readers_; }

  /// The bytes of the torrent that the pieces [first, last) cover.
  [[nodiscard]] Span bytes_of(std::size_t first, std::size_t last) const;
  [[nodiscard]] Span unit(std::size_t number) const;

  /// The first part with bytes in `span` or an empty one at its beginning; the parts of the span are this one and those
  /// that follow while has() is true.
  [[nodiscard]] std::size_t first_part(const Span& span) const;
  /// An empty part belongs to the span in which it begins, those at the torrent's end to the last one.
  [[nodiscard]] bool has(const Span& span, std::size_t part) const;
  [[nodiscard]] std::uint64_t begin_of(std::size_t part) const { return begins_[part]; }
  /// What of a part lies in the span, counted from the part's beginning.
  [[nodiscard]] Span within(const Span& span, std::size_t part) const;

 private:
  const HashPlan& plan_;
  bool aligned_ = true;
  std::vector<std::uint64_t> begins_;
  std::uint64_t bytes_ = 0;
  std::size_t pieces_ = 0;
  std::size_t pieces_per_unit_ = 1;
  unsigned readers_ = 1;
};

}  // namespace rondo::peer
