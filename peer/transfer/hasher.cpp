#include "peer/transfer/hasher.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "dht/base/bytes.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/digest.hpp"
#include "peer/transfer/hash_readers.hpp"
#include "peer/transfer/piece_layout.hpp"

namespace rondo::peer {
namespace {

using Problem = std::optional<TransferError>;

constexpr unsigned kAnyHeight = 63;

TransferError unreadable(const std::string& path, const std::string& why) {
  return {TransferErrc::kUnreadable, "can't read " + display(path) + ": " + why};
}

TransferError changing(const std::string& path) {
  return unreadable(path, "it is being changed; try again when it is at rest");
}

/// What the readers share: the units that are left, what they found, and the first thing that went wrong.
class HashJob {
 public:
  HashJob(const HashPlan& torrent, const HashedBytes& progress, const std::atomic<bool>& cancelled)
      : plan(torrent),
        layout(torrent),
        piece_height(static_cast<unsigned>(std::countr_zero(plan.piece_length / kBlock))),
        count(progress),
        cancelled_(cancelled) {}

  Result<Hashes, TransferError> run();

  /// Whether there is nothing to be gained any more from reading this unit.
  [[nodiscard]] bool given_up(std::size_t unit) const { return cancelled_ || unit > failed_unit_; }
  /// Leaves of a file that other units have parts of.
  void collect(std::size_t part, std::span<const Subtree> subtrees, Digest& sha256);

  const HashPlan& plan;
  const PieceLayout layout;
  const unsigned piece_height;
  ReadCount count;
  /// Sized before the readers start; each writes only to what it has read.
  Hashes out;

 private:
  void make_room();
  void read_units();
  bool take(std::size_t& unit);
  void fail(std::size_t unit, TransferError error);
  void root_files();

  const std::atomic<bool>& cancelled_;
  std::atomic<std::size_t> next_unit_{0};
  /// Units are taken in their order: when this one failed, those before it have all been taken and are read to their
  /// end, so that the error that stays is the first one of the torrent.
  std::atomic<std::size_t> failed_unit_{SIZE_MAX};
  std::mutex mutex_;
  Problem error_;
  std::map<std::size_t, MerkleCollector> collectors_;
};

/// Reads one unit after the other, with one buffer.
class UnitReader {
 public:
  explicit UnitReader(HashJob& job)
      : job_(job),
        plan_(job.plan),
        file_(job.plan),
        sha1_(Digest::sha1()),
        sha256_(Digest::sha256()),
        buffer_(kReadBytes + 1) {}

  Problem read(std::size_t unit);

 private:
  /// What of a part to read: the bytes of the unit, and the leaves that begin in them.
  struct Reach {
    Reach(const Span& in_unit, std::uint64_t part_size, bool with_leaves)
        : bytes(in_unit), first_leaf(leaves_of(in_unit.begin)), last_leaf(leaves_of(in_unit.end)), stop(in_unit.end) {
      leaves = with_leaves && first_leaf < last_leaf;
      if (leaves) stop = std::min(last_leaf * kBlock, part_size);
    }

    Span bytes;
    bool leaves;
    std::uint64_t first_leaf;
    std::uint64_t last_leaf;
    std::uint64_t stop;
  };

  void pad(std::uint64_t size);
  Problem read_part(std::size_t part, const Span& in_unit);
  Problem read_bytes(std::size_t part, const Reach& reach, LeafHasher& leaves);
  void take(ByteView bytes, std::uint64_t at, const Reach& reach, LeafHasher& leaves);
  void add_to_pieces(ByteView bytes);
  void close_piece();
  void keep_pieces(std::size_t part, std::span<const Subtree> subtrees);
  void keep_root(std::size_t part, const Reach& reach, std::span<const Subtree> subtrees);

  HashJob& job_;
  const HashPlan& plan_;
  PartFile file_;
  Digest sha1_;
  Digest sha256_;
  Bytes buffer_;
  std::size_t unit_ = 0;
  /// The v1 piece under way, and how much of it there is.
  std::size_t piece_ = 0;
  std::uint32_t filled_ = 0;
};

Problem UnitReader::read(std::size_t unit) {
  const Span span = job_.layout.unit(unit);
  unit_ = unit;
  piece_ = unit * job_.layout.pieces_per_unit();
  for (std::size_t part = job_.layout.first_part(span); job_.layout.has(span, part); ++part) {
    if (job_.given_up(unit_)) return std::nullopt;
    const Span in_unit = job_.layout.within(span, part);
    if (plan_.parts[part].disk_path.empty())
      pad(in_unit.size());
    else if (auto error = read_part(part, in_unit))
      return error;
  }
  if (filled_ != 0) close_piece();
  return std::nullopt;
}

void UnitReader::pad(std::uint64_t size) {
  if (plan_.v1) feed_zeros(size, [this](ByteView zeros) { add_to_pieces(zeros); });
}

Problem UnitReader::read_part(std::size_t part, const Span& in_unit) {
  const Reach reach(in_unit, plan_.parts[part].size, plan_.v2 || plan_.file_roots);
  LeafHasher leaves(reach.first_leaf, plan_.v2 ? job_.piece_height : kAnyHeight, sha256_);
  if (auto error = read_bytes(part, reach, leaves)) return error;
  if (!reach.leaves || job_.given_up(unit_)) return std::nullopt;
  const auto& subtrees = leaves.finish();
  if (plan_.v2)
    keep_pieces(part, subtrees);
  else
    keep_root(part, reach, subtrees);
  return std::nullopt;
}

Problem UnitReader::read_bytes(std::size_t part, const Reach& reach, LeafHasher& leaves) {
  const HashPlan::Part& file = plan_.parts[part];
  if (const std::string& why = file_.open(part); !why.empty()) return unreadable(file.disk_path, why);
  if (file_.size() != file.size) return changing(file.disk_path);
  std::uint64_t at = reach.bytes.begin;
  do {
    if (job_.given_up(unit_)) return std::nullopt;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(reach.stop - at, kReadBytes));
    // A file that has a byte beyond its end is being changed.
    const std::size_t beyond = at + wanted == file.size ? 1 : 0;
    const ssize_t result = file_.read(std::span(buffer_).first(wanted + beyond), at);
    if (result < 0) return unreadable(file.disk_path, std::generic_category().message(errno));
    const auto got = static_cast<std::size_t>(result);
    if (got > wanted || (got == 0 && wanted > 0)) return changing(file.disk_path);
    take(std::span(buffer_).first(got), at, reach, leaves);
    at += got;
  } while (at < reach.stop);
  return std::nullopt;
}

void UnitReader::take(ByteView bytes, std::uint64_t at, const Reach& reach, LeafHasher& leaves) {
  if (reach.leaves) {
    const std::uint64_t others = std::max(reach.first_leaf * kBlock, at) - at;
    leaves.update(bytes.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(others, bytes.size()))));
  }
  const std::uint64_t ours = std::max(reach.bytes.end, at) - at;
  bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(ours, bytes.size())));
  if (plan_.v1) add_to_pieces(bytes);
  if (!bytes.empty()) job_.count.add(bytes.size());
}

void UnitReader::add_to_pieces(ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t take = std::min<std::size_t>(bytes.size(), plan_.piece_length - filled_);
    sha1_.update(bytes.first(take));
    bytes = bytes.subspan(take);
    filled_ += static_cast<std::uint32_t>(take);
    if (filled_ == plan_.piece_length) close_piece();
  }
}

void UnitReader::close_piece() {
  job_.out.v1[piece_++] = sha1_.finish<20>();
  filled_ = 0;
}

void UnitReader::keep_pieces(std::size_t part, std::span<const Subtree> subtrees) {
  std::vector<Root>& pieces = job_.out.v2[part];
  for (; !subtrees.empty() && subtrees[0].height == job_.piece_height; subtrees = subtrees.subspan(1))
    pieces[static_cast<std::size_t>(subtrees[0].first >> job_.piece_height)] = subtrees[0].root;
  if (subtrees.empty()) return;
  const unsigned height = std::min(job_.piece_height, height_for(leaves_of(plan_.parts[part].size)));
  pieces.back() = fold(subtrees, height, sha256_);
}

void UnitReader::keep_root(std::size_t part, const Reach& reach, std::span<const Subtree> subtrees) {
  const std::uint64_t leaves = leaves_of(plan_.parts[part].size);
  if (reach.last_leaf - reach.first_leaf == leaves)
    job_.out.file_roots[part] = fold(subtrees, height_for(leaves), sha256_);
  else
    job_.collect(part, subtrees, sha256_);
}

Result<Hashes, TransferError> HashJob::run() {
  if (plan.v2 && !layout.aligned())
    return Failure{TransferError{TransferErrc::kInternal, "files of a v2 torrent begin where pieces do"}};
  make_room();
  run_readers(layout.readers(), [this] { read_units(); });
  if (cancelled_) return Failure{TransferError{TransferErrc::kInternal, "cancelled"}};
  if (error_) return Failure{std::move(*error_)};
  if (plan.file_roots && plan.v2) root_files();
  return std::move(out);
}

void HashJob::make_room() {
  if (plan.v1) out.v1.resize(layout.pieces());
  if (plan.file_roots) out.file_roots.resize(plan.parts.size());
  if (!plan.v2) return;
  out.v2.resize(plan.parts.size());
  for (std::size_t i = 0; i < plan.parts.size(); ++i)
    if (const HashPlan::Part& part = plan.parts[i]; !part.disk_path.empty())
      out.v2[i].resize(
          static_cast<std::size_t>(part.size / plan.piece_length + (part.size % plan.piece_length != 0 ? 1 : 0)));
}

void HashJob::read_units() {
  std::size_t unit = 0;
  try {
    UnitReader reader(*this);
    while (take(unit))
      if (auto error = reader.read(unit)) fail(unit, std::move(*error));
  } catch (const std::exception& error) {
    fail(unit, {TransferErrc::kInternal, "can't hash these files: " + display(error.what())});
  }
}

bool HashJob::take(std::size_t& unit) {
  unit = next_unit_++;
  return unit < layout.units() && !given_up(unit);
}

void HashJob::fail(std::size_t unit, TransferError error) {
  const std::lock_guard lock(mutex_);
  if (error_ && unit >= failed_unit_) return;
  failed_unit_ = unit;
  error_ = std::move(error);
}

void HashJob::collect(std::size_t part, std::span<const Subtree> subtrees, Digest& sha256) {
  const std::lock_guard lock(mutex_);
  const auto [collector, is_new] = collectors_.try_emplace(part, leaves_of(plan.parts[part].size));
  collector->second.add(subtrees, sha256);
  if (!collector->second.complete()) return;
  out.file_roots[part] = collector->second.root(sha256);
  collectors_.erase(collector);
}

void HashJob::root_files() {
  Digest sha256 = Digest::sha256();
  for (std::size_t i = 0; i < out.v2.size(); ++i)
    if (!out.v2[i].empty()) out.file_roots[i] = root_of_pieces(out.v2[i], piece_height, sha256);
}

}  // namespace

Result<Hashes, TransferError> hash_files(const HashPlan& plan, const HashedBytes& progress,
                                         const std::atomic<bool>& cancelled) {
  return HashJob(plan, progress, cancelled).run();
}

}  // namespace rondo::peer
