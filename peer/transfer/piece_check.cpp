// check_pieces: one piece after the other, each reader with one buffer.

#include <algorithm>
#include <bit>
#include <exception>
#include <optional>
#include <span>

#include "dht/base/bytes.hpp"
#include "peer/transfer/digest.hpp"
#include "peer/transfer/hash_readers.hpp"
#include "peer/transfer/hasher.hpp"
#include "peer/transfer/piece_layout.hpp"

namespace rondo::peer {
namespace {

class PieceChecker {
 public:
  PieceChecker(const HashPlan& plan, const PieceLayout& layout, const Hashes& expected,
               const std::atomic<bool>& cancelled)
      : plan_(plan),
        layout_(layout),
        expected_(expected),
        cancelled_(cancelled),
        piece_height_(static_cast<unsigned>(std::countr_zero(plan.piece_length / kBlock))),
        file_(plan),
        sha1_(Digest::sha1()),
        sha256_(Digest::sha256()),
        buffer_(kReadBytes) {}

  bool good(std::size_t piece) { return expected_.v1.empty() ? good_v2(piece) : good_v1(piece); }
  [[nodiscard]] std::uint64_t file_bytes(std::size_t piece) const;

 private:
  enum class Found {
    kBytes,
    /// Nothing but holes and padding: the sink got nothing.
    kHoles,
    /// The sink got some of it at most.
    kNothing,
  };

  bool good_v1(std::size_t piece);
  bool good_v2(std::size_t piece);
  bool is_padding(std::size_t part) const { return plan_.parts[part].disk_path.empty(); }

  /// Reads the files of a piece into `sink`, padding and holes as zeros.
  template <class Sink>
  Found read(const Span& span, Sink& sink);
  template <class Sink>
  bool read_file(const Span& wanted, Sink& sink);

  const HashPlan& plan_;
  const PieceLayout& layout_;
  const Hashes& expected_;
  const std::atomic<bool>& cancelled_;
  unsigned piece_height_;
  PartFile file_;
  Digest sha1_;
  Digest sha256_;
  Bytes buffer_;
  /// Of a whole piece of zeros, once it was needed.
  std::optional<Sha1> zeros_v1_;
  std::optional<Root> zeros_v2_;
};

std::uint64_t PieceChecker::file_bytes(std::size_t piece) const {
  const Span span = layout_.bytes_of(piece, piece + 1);
  std::uint64_t bytes = 0;
  for (std::size_t part = layout_.first_part(span); layout_.has(span, part); ++part)
    if (!is_padding(part)) bytes += layout_.within(span, part).size();
  return bytes;
}

bool PieceChecker::good_v1(std::size_t piece) {
  if (piece >= expected_.v1.size()) return false;
  const Span span = layout_.bytes_of(piece, piece + 1);
  const Found found = read(span, sha1_);
  if (found != Found::kHoles) {
    // Also ends what a lacking file left unfinished.
    const Sha1 hash = sha1_.finish<20>();
    return found == Found::kBytes && hash == expected_.v1[piece];
  }
  const bool whole = span.size() == plan_.piece_length;
  if (whole && zeros_v1_) return *zeros_v1_ == expected_.v1[piece];
  feed_zeros(span.size(), [this](ByteView zeros) { sha1_.update(zeros); });
  const Sha1 hash = sha1_.finish<20>();
  if (whole) zeros_v1_ = hash;
  return hash == expected_.v1[piece];
}

bool PieceChecker::good_v2(std::size_t piece) {
  const Span span = layout_.bytes_of(piece, piece + 1);
  std::size_t part = layout_.first_part(span);
  while (layout_.has(span, part) && (is_padding(part) || layout_.within(span, part).size() == 0)) ++part;
  if (!layout_.has(span, part)) return true;
  const Span in_part = layout_.within(span, part);
  const auto number = static_cast<std::size_t>(in_part.begin / plan_.piece_length);
  if (part >= expected_.v2.size() || number >= expected_.v2[part].size()) return false;
  const Root& root = expected_.v2[part][number];

  LeafHasher leaves(in_part.begin / kBlock, piece_height_, sha256_);
  const std::uint64_t begin = layout_.begin_of(part);
  const Found found = read({begin + in_part.begin, begin + in_part.end}, leaves);
  const bool whole = in_part.size() == plan_.piece_length;
  if (found == Found::kHoles) {
    if (whole && zeros_v2_) return *zeros_v2_ == root;
    feed_zeros(in_part.size(), [&leaves](ByteView zeros) { leaves.update(zeros); });
  }
  const auto& subtrees = leaves.finish();
  if (found == Found::kNothing) return false;
  const unsigned height = std::min(piece_height_, height_for(leaves_of(plan_.parts[part].size)));
  const Root hash = fold(subtrees, height, sha256_);
  if (found == Found::kHoles && whole) zeros_v2_ = hash;
  return hash == root;
}

template <class Sink>
PieceChecker::Found PieceChecker::read(const Span& span, Sink& sink) {
  bool files = false;
  bool written = false;
  // Given to the sink only once it is clear that there is something to read.
  std::uint64_t zeros = 0;
  const auto flush = [&] {
    feed_zeros(zeros, [&sink](ByteView some) { sink.update(some); });
    zeros = 0;
  };
  for (std::size_t part = layout_.first_part(span); layout_.has(span, part); ++part) {
    const Span wanted = layout_.within(span, part);
    if (wanted.size() == 0) continue;
    if (is_padding(part)) {
      zeros += wanted.size();
      continue;
    }
    if (!file_.open(part).empty() || file_.size() < wanted.end) return Found::kNothing;
    files = true;
    if (file_.hole(wanted.begin, wanted.end)) {
      zeros += wanted.size();
      continue;
    }
    written = true;
    flush();
    if (!read_file(wanted, sink)) return Found::kNothing;
  }
  if (files && !written) return Found::kHoles;
  flush();
  return Found::kBytes;
}

template <class Sink>
bool PieceChecker::read_file(const Span& wanted, Sink& sink) {
  for (std::uint64_t at = wanted.begin; at < wanted.end;) {
    if (cancelled_) return false;
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(wanted.end - at, buffer_.size()));
    const ssize_t got = file_.read(std::span(buffer_).first(take), at);
    if (got <= 0) return false;
    sink.update(std::span(buffer_).first(static_cast<std::size_t>(got)));
    at += static_cast<std::uint64_t>(got);
  }
  return true;
}

class CheckJob {
 public:
  CheckJob(const HashPlan& plan, const Hashes& expected, const std::vector<bool>& which, const HashedBytes& progress,
           const std::atomic<bool>& cancelled)
      : plan_(plan),
        layout_(plan),
        expected_(expected),
        which_(which),
        count_(progress),
        cancelled_(cancelled),
        good_(which.size()) {}

  std::vector<bool> run() {
    if (!expected_.v1.empty() || layout_.aligned()) run_readers(layout_.readers(), [this] { check_units(); });
    return {good_.begin(), good_.end()};
  }

 private:
  void check_units() {
    try {
      PieceChecker checker(plan_, layout_, expected_, cancelled_);
      for (std::size_t unit = next_unit_++; unit < layout_.units() && !cancelled_; unit = next_unit_++)
        check_unit(unit, checker);
    } catch (const std::exception&) {
      // No memory for this reader. What nobody looked at isn't known to be right.
    }
  }

  void check_unit(std::size_t unit, PieceChecker& checker) {
    const std::size_t first = unit * layout_.pieces_per_unit();
    const std::size_t last = std::min({first + layout_.pieces_per_unit(), layout_.pieces(), which_.size()});
    for (std::size_t piece = first; piece < last; ++piece) {
      if (!which_[piece]) continue;
      const bool good = checker.good(piece);
      if (cancelled_) return;
      good_[piece] = good ? 1 : 0;
      count_.add(checker.file_bytes(piece));
    }
  }

  const HashPlan& plan_;
  const PieceLayout layout_;
  const Hashes& expected_;
  const std::vector<bool>& which_;
  ReadCount count_;
  const std::atomic<bool>& cancelled_;
  std::atomic<std::size_t> next_unit_{0};
  /// Not the bits of a vector<bool>: readers write to neighbours at the same time.
  std::vector<std::uint8_t> good_;
};

}  // namespace

std::vector<bool> check_pieces(const HashPlan& plan, const Hashes& expected, const std::vector<bool>& which,
                               const HashedBytes& progress, const std::atomic<bool>& cancelled) {
  return CheckJob(plan, expected, which, progress, cancelled).run();
}

}  // namespace rondo::peer
