// What of a share can still be served, and the check that finds out where libtorrent says that something can't.
//
// A share that was hashed just now is served as it is. One whose hashes are older (torrent_cache.hpp), or whose file
// system does not show writes, begins in seed mode: libtorrent verifies each piece when it is first asked for. So does
// one of which a file was touched. Either way the disk back-end reads nothing from a file that shows that it is not
// what it was (lt_known_files.hpp).
//
// From the first loss on, the torrent is added with a list of the pieces that touch no lost file; what is on the disk
// is not looked at again. After a piece was found wrong that no lost file explains, everything is in doubt: it is read
// in parts, and pieces are served as they are found right.
#pragma once

#include <atomic>
#include <cstdint>
#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/torrent_info.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "peer/transfer/file_watch.hpp"
#include "peer/transfer/hasher.hpp"
#include "peer/transfer/lt_known_files.hpp"
#include "peer/transfer/lt_receivers.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

using Pieces = lt::typed_bitfield<lt::piece_index_t>;
struct PieceRange {
  lt::piece_index_t begin;
  lt::piece_index_t end;
};

/// Where a torrent's bytes are on disk, and what they hash to.
struct PieceSource {
  HashPlan plan;
  Hashes expected;
};

/// Reads pieces and compares their hashes; what can't be read is wrong. One bit a piece of the range. After `cancelled`
/// nothing of the result means anything.
std::vector<bool> right_pieces(const PieceSource& source, PieceRange range, const std::atomic<bool>& cancelled);

/// By the torrent's numbers, of files given by their number in Content::files.
KnownFiles::Identities identities_of(const lt::torrent_info& info, const std::vector<WatchedFile>& files);

class ServedFiles {
 public:
  /// `verified`: the files were just read, and are right.
  ServedFiles(lt::add_torrent_params params, bool verified);

  void add_extension(TorrentExtension extension) { params_.extensions.push_back(std::move(extension)); }
  [[nodiscard]] std::shared_ptr<const lt::torrent_info> info() const { return params_.ti; }
  [[nodiscard]] const std::string& folder() const { return params_.save_path; }
  /// What to add to the session now.
  [[nodiscard]] lt::add_torrent_params params() const;
  [[nodiscard]] bool anything() const { return !intact_ || !intact_->none_set(); }

  /// A file, by its number in Content::files; or it was touched.
  void lose(const LostFile& lost);
  /// A file was touched since the last call, so pieces have to be verified anew. Where all of them are there seed mode
  /// does that, and this returns false; else they have to be read: see doubt_all().
  [[nodiscard]] bool must_be_read();

  /// From here on only what was read from now on is served. REQUIRES: the torrent is not in the session.
  void doubt_all();
  /// To read next; none when nothing is in doubt.
  [[nodiscard]] std::optional<PieceRange> next_part();
  [[nodiscard]] std::shared_ptr<const PieceSource> source() const { return source_; }
  void found(PieceRange range, const std::vector<bool>& right);

  [[nodiscard]] bool has_news() const { return !news_.empty(); }
  /// What was lost since the last call; `content` names it.
  std::optional<ContentChanged> take_news(const Content& content);

  std::unique_ptr<FileWatch> watch;
  /// Null where the files' identities say too little. KnownFiles has them for as long as they are kept here.
  std::shared_ptr<const KnownFiles::Identities> identities;
  /// The torrent may be in the session. What is in there is as of `version_inside`.
  bool wanted = true;
  std::uint64_t version = 0;
  std::uint64_t version_inside = 0;
  /// A piece was wrong: the watch looks whether a lost file explains it; none does, so all is read again.
  enum class Suspicion : std::uint8_t { kNone, kLook, kRead };
  Suspicion suspicion = Suspicion::kNone;
  /// Of the torrent's earlier times in the session.
  std::uint64_t uploaded_before = 0;

 private:
  struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    bool lost = false;
    bool damaged = false;
    bool touched = false;
  };

  [[nodiscard]] PieceRange pieces_of(const Extent& file) const;
  void take_out(PieceRange range);
  /// Finds the files that wrong pieces of a range tell of.
  void blame(PieceRange range, const std::vector<bool>& right);

  lt::add_torrent_params params_;
  std::uint64_t total_ = 0;
  std::uint32_t piece_length_ = 0;
  /// Of the files, without padding.
  std::vector<Extent> files_;
  /// None: seed mode.
  std::optional<Pieces> intact_;
  std::vector<LostFile> news_;
  /// A file was touched, and must_be_read() has not been asked since.
  bool touched_ = false;
  /// While in doubt.
  std::shared_ptr<const PieceSource> source_;
  lt::piece_index_t unchecked_{0};
  std::uint64_t part_bytes_ = 0;
};

}  // namespace rondo::peer
