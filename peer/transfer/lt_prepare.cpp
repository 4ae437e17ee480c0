#include "peer/transfer/lt_prepare.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <libtorrent/bitfield.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/read_resume_data.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/write_resume_data.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "peer/transfer/hasher.hpp"
#include "peer/transfer/lt_pieces.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;

using Pieces = std::vector<bool>;

int index_of(lt::piece_index_t piece) { return static_cast<int>(piece); }

std::size_t count_of(const lt::torrent_info& info) { return static_cast<std::size_t>(info.num_pieces()); }

/// The files of a torrent that are the content's, in its order: pads and symbolic links are none.
template <class Visit>
void for_each_file(const lt::file_storage& files, Visit visit) {
  std::size_t i = 0;
  for (const lt::file_index_t index : files.file_range()) {
    const auto flags = files.file_flags(index);
    if (!(flags & lt::file_storage::flag_pad_file) && !(flags & lt::file_storage::flag_symlink)) visit(index, i++);
  }
}

/// What the staging folder holds of one torrent.
class Leftover {
 public:
  Leftover(Staging& staging, const LoadedTorrent& torrent)
      : staging_(staging),
        torrent_(torrent),
        info_(*torrent.params.ti),
        found_(staging.found(torrent.content)),
        possible_(count_of(info_), true) {
    for_each_file(info_.files(), [&](lt::file_index_t index, std::size_t i) {
      const auto size = static_cast<std::uint64_t>(info_.files().file_size(index));
      // Of a skipped file nothing is here, so pieces that it has a part in can't be had whole.
      exclude(index, staging_.skipped()[i] ? 0 : found_[i], size);
    });
  }

  /// Pieces that the files reach, all of them.
  [[nodiscard]] const Pieces& possible() const { return possible_; }

  /// Of those, the ones on record; takes what the record holds of Merkle trees.
  [[nodiscard]] Pieces recorded(lt::add_torrent_params& params) const {
    Pieces out(possible_.size());
    lt::error_code error;
    const Bytes bytes = staging_.record()->read();
    const lt::span<const char> text(reinterpret_cast<const char*>(bytes.data()),
                                    static_cast<std::ptrdiff_t>(bytes.size()));
    lt::add_torrent_params record = lt::read_resume_data(text, error);
    if (error || record.info_hashes != info_.info_hashes()) return out;
    const std::size_t known = std::min(out.size(), static_cast<std::size_t>(std::max(record.have_pieces.size(), 0)));
    for (std::size_t i = 0; i < known; ++i)
      out[i] = possible_[i] && record.have_pieces[lt::piece_index_t(static_cast<int>(i))];
    params.merkle_trees = std::move(record.merkle_trees);
    params.merkle_tree_mask = std::move(record.merkle_tree_mask);
    params.verified_leaf_hashes = std::move(record.verified_leaf_hashes);
    return out;
  }

  /// Where the pieces are, for the hasher. A torrent's symbolic links have no place, and no bytes.
  [[nodiscard]] HashPlan plan() const {
    const std::string root = staging_.path() + "/";
    std::vector<std::string> paths(static_cast<std::size_t>(info_.num_files()));
    for_each_file(info_.files(), [&](lt::file_index_t index, std::size_t i) {
      paths[static_cast<std::size_t>(static_cast<int>(index))] = root + torrent_.content.files[i].path;
    });
    return plan_of_files(
        info_, [&](lt::file_index_t index) { return paths[static_cast<std::size_t>(static_cast<int>(index))]; });
  }

  /// What the pieces hash to; none where the metadata doesn't say.
  [[nodiscard]] std::optional<Hashes> expected() const { return expected_hashes(info_); }

  /// Nothing is left to fetch.
  [[nodiscard]] bool covers_wanted(const Pieces& have) const {
    bool all = true;
    for_each_file(info_.files(), [&](lt::file_index_t index, std::size_t i) {
      const auto size = static_cast<std::uint64_t>(info_.files().file_size(index));
      if (size == 0 || staging_.skipped()[i]) return;
      const auto [first, last] = pieces_of(index, 0, size);
      for (std::size_t piece = first; piece <= last; ++piece) all = all && have[piece];
    });
    return all;
  }

  [[nodiscard]] std::uint64_t bytes_of(const Pieces& pieces) const {
    std::uint64_t sum = 0;
    for (const lt::piece_index_t piece : info_.piece_range())
      if (pieces[static_cast<std::size_t>(index_of(piece))]) sum += static_cast<std::uint64_t>(info_.piece_size(piece));
    return sum;
  }

 private:
  /// Rules out the pieces of a file from its byte `from` on.
  void exclude(lt::file_index_t index, std::uint64_t from, std::uint64_t size) {
    if (from >= size) return;
    const auto [first, last] = pieces_of(index, from, size);
    for (std::size_t piece = first; piece <= last; ++piece) possible_[piece] = false;
  }

  /// The first and the last piece with a part in the bytes [from, size) of a file. REQUIRES: from < size.
  [[nodiscard]] std::pair<std::size_t, std::size_t> pieces_of(lt::file_index_t index, std::uint64_t from,
                                                              std::uint64_t size) const {
    const auto begin = static_cast<std::uint64_t>(info_.files().file_offset(index));
    const auto length = static_cast<std::uint64_t>(info_.piece_length());
    return {static_cast<std::size_t>((begin + from) / length), static_cast<std::size_t>((begin + size - 1) / length)};
  }

  Staging& staging_;
  const LoadedTorrent& torrent_;
  const lt::torrent_info& info_;
  std::vector<std::uint64_t> found_;
  Pieces possible_;
};

/// The rest of the possible pieces, hashed: what is right of it joins `have`. Returns how many bytes that are.
std::uint64_t check(const Leftover& left, Pieces& have, const std::function<void(HashProgress)>& progress,
                    const std::atomic<bool>& cancelled) {
  Pieces unknown(have.size());
  for (std::size_t i = 0; i < have.size(); ++i) unknown[i] = left.possible()[i] && !have[i];
  const std::uint64_t bytes = left.bytes_of(unknown);
  const auto expected = bytes == 0 ? std::nullopt : left.expected();
  if (!expected) return 0;
  const Pieces right = check_pieces(
      left.plan(), *expected, unknown,
      [&](std::uint64_t done) {
        progress({done, bytes});
      },
      cancelled);
  for (std::size_t i = 0; i < have.size(); ++i) have[i] = have[i] || right[i];
  return left.bytes_of(right);
}

void leave_out(Prepared& prepared, const LoadedTorrent& torrent) {
  const std::vector<bool>& skipped = prepared.staging->skipped();
  const lt::file_storage& files = torrent.params.ti->files();
  prepared.wanted = torrent.content.bytes;
  if (std::find(skipped.begin(), skipped.end(), true) == skipped.end()) return;
  auto& priorities = prepared.params.file_priorities;
  priorities.assign(static_cast<std::size_t>(files.num_files()), lt::default_priority);
  for_each_file(files, [&](lt::file_index_t index, std::size_t i) {
    if (!skipped[i]) return;
    priorities[static_cast<std::size_t>(static_cast<int>(index))] = lt::dont_download;
    prepared.wanted -= torrent.content.files[i].size;
  });
}

}  // namespace

Result<Prepared, TransferError> prepare_download(const fs::path& into, WhenExists when_exists,
                                                 const LoadedTorrent& torrent,
                                                 const std::function<void(HashProgress)>& progress,
                                                 const std::atomic<bool>& cancelled) {
  auto staging = Staging::open(into, torrent.content, when_exists);
  if (!staging) return Failure{staging.error()};
  Prepared out;
  out.staging = std::make_shared<Staging>(std::move(*staging));
  out.params = torrent.params;
  out.params.save_path = out.staging->path();
  leave_out(out, torrent);

  const Leftover left(*out.staging, torrent);
  Pieces have = left.recorded(out.params);
  out.resumed.checked = check(left, have, progress, cancelled);
  out.resumed.kept = left.bytes_of(have);
  out.is_complete = left.covers_wanted(have);
  out.params.have_pieces.resize(static_cast<int>(have.size()), false);
  for (std::size_t i = 0; i < have.size(); ++i)
    if (have[i]) out.params.have_pieces.set_bit(lt::piece_index_t(static_cast<int>(i)));
  return out;
}

Bytes resume_file(lt::add_torrent_params params) {
  params.ti.reset();
  params.save_path.clear();
  params.renamed_files.clear();
  params.file_priorities.clear();
  params.unfinished_pieces.clear();
  params.peers.clear();
  params.banned_peers.clear();
  params.trackers.clear();
  params.tracker_tiers.clear();
  const std::vector<char> text = lt::write_resume_data_buf(params);
  return {text.begin(), text.end()};
}

}  // namespace rondo::peer
