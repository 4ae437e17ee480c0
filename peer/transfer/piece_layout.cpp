#include "peer/transfer/piece_layout.hpp"

#include <thread>

#include "dht/base/assert.hpp"

namespace rondo::peer {
namespace {

/// Pieces are taken together up to this size: small enough that cancelling is prompt and the readers end together,
/// large enough that taking costs nothing and few files are opened twice.
constexpr std::uint64_t kUnitBytes = 1 << 20;
/// Small torrents are cut finer, for tiny files cost by their number and not by their bytes.
constexpr std::size_t kUnitsPerReader = 16;

}  // namespace

PieceLayout::PieceLayout(const HashPlan& plan) : plan_(plan) {
  const std::uint64_t length = plan.piece_length;
  const bool has_trees = plan.v2 || plan.file_roots;
  RONDO_ASSERT(length > 0 && (!has_trees || (length >= kBlock && (length & (length - 1)) == 0)));
  begins_.reserve(plan.parts.size());
  for (const HashPlan::Part& part : plan.parts) {
    if (plan.v2 && !plan.v1 && !part.disk_path.empty()) bytes_ = (bytes_ + length - 1) / length * length;
    if (!part.disk_path.empty() && part.size > 0 && bytes_ % length != 0) aligned_ = false;
    begins_.push_back(bytes_);
    bytes_ += part.size;
  }
  pieces_ = static_cast<std::size_t>((bytes_ + length - 1) / length);
  const unsigned wanted =
      plan.readers != 0 ? plan.readers : std::clamp(std::thread::hardware_concurrency(), 1u, kHashReaders);
  pieces_per_unit_ = std::clamp<std::size_t>(pieces_ / (wanted * kUnitsPerReader), 1,
                                             static_cast<std::size_t>(std::max<std::uint64_t>(kUnitBytes / length, 1)));
  readers_ = static_cast<unsigned>(std::min<std::size_t>(wanted, units()));
}

std::size_t PieceLayout::units() const {
  // One unit even without a byte: its empty files are looked at too.
  return std::max<std::size_t>((pieces_ + pieces_per_unit_ - 1) / pieces_per_unit_, 1);
}

Span PieceLayout::bytes_of(std::size_t first, std::size_t last) const {
  return {std::min(first * std::uint64_t{plan_.piece_length}, bytes_),
          std::min(last * std::uint64_t{plan_.piece_length}, bytes_)};
}

Span PieceLayout::unit(std::size_t number) const {
  return bytes_of(number * pieces_per_unit_, (number + 1) * pieces_per_unit_);
}

std::size_t PieceLayout::first_part(const Span& span) const {
  const auto found = std::lower_bound(begins_.begin(), begins_.end(), span.begin);
  const auto part = static_cast<std::size_t>(found - begins_.begin());
  // Of those that begin before the span only the last can reach into it.
  return part > 0 && begins_[part - 1] + plan_.parts[part - 1].size > span.begin ? part - 1 : part;
}

bool PieceLayout::has(const Span& span, std::size_t part) const {
  return part < begins_.size() && (begins_[part] < span.end || (span.end == bytes_ && begins_[part] == bytes_));
}

Span PieceLayout::within(const Span& span, std::size_t part) const {
  const std::uint64_t begin = begins_[part];
  const std::uint64_t end = begin + plan_.parts[part].size;
  return {std::clamp(span.begin, begin, end) - begin, std::clamp(span.end, begin, end) - begin};
}

}  // namespace rondo::peer
