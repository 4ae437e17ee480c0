#include "peer/transfer/lt_served.hpp"

#include <algorithm>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/torrent_flags.hpp>

#include "dht/base/display.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/lt_pieces.hpp"

namespace rondo::peer {
namespace {

bool is_pad(const lt::file_storage& files, lt::file_index_t i) {
  return bool(files.file_flags(i) & lt::file_storage::flag_pad_file);
}

/// "a", "a and b", "a, b, c and 7 more".
std::string listed(const std::vector<std::string>& names, std::size_t count) {
  const std::size_t shown = std::min({names.size(), limits::kLostNamed, count});
  std::string out;
  for (std::size_t i = 0; i < shown; ++i) out += (i == 0 ? "" : i + 1 == count ? " and " : ", ") + display(names[i]);
  return count > shown ? out + " and " + std::to_string(count - shown) + " more" : out;
}

std::string sentence_of(const std::vector<std::string>& names, std::size_t count, const std::vector<LostFile>& lost) {
  const auto all = [&](Loss loss) {
    return std::all_of(lost.begin(), lost.end(), [loss](const LostFile& one) { return one.loss == loss; });
  };
  const bool one = count == 1;
  const std::string what = listed(names, count);
  if (all(Loss::kGone))
    return what + (one ? " is gone: it is not served any more" : " are gone: they are not served any more");
  const std::string end = one ? "it is not served any more; share it again to share what it is now"
                              : "they are not served any more; share them again to share what they are now";
  if (all(Loss::kUnreadable))
    return what + " can't be read any more: " + (one ? "it is not served" : "they are not served");
  if (all(Loss::kDamaged))
    return what + (one ? " reads" : " read") +
           " differently from when hashed, though nothing says that somebody changed " + (one ? "it" : "them") +
           " (a failing disk?): the damaged parts are not served any more";
  if (all(Loss::kChanged))
    return what + (one ? " changed since it was hashed: " : " changed since they were hashed: ") + end;
  return what + " changed or vanished since they were hashed: " + end;
}

}  // namespace

std::vector<bool> right_pieces(const PieceSource& source, PieceRange range, const std::atomic<bool>& cancelled) {
  const auto begin = static_cast<int>(range.begin);
  const auto end = static_cast<int>(range.end);
  std::vector<bool> which(source.expected.v1.size());
  std::fill(which.begin() + begin, which.begin() + end, true);
  const std::vector<bool> right = check_pieces(
      source.plan, source.expected, which, [](std::uint64_t) {}, cancelled);
  return {right.begin() + begin, right.begin() + end};
}

KnownFiles::Identities identities_of(const lt::torrent_info& info, const std::vector<WatchedFile>& files) {
  KnownFiles::Identities out;
  out.reserve(static_cast<std::size_t>(info.num_files()));
  auto file = files.begin();
  for (const lt::file_index_t i : info.files().file_range())
    out.push_back(is_pad(info.files(), i) ? FileIdentity{} : (file++)->identity);
  return out;
}

ServedFiles::ServedFiles(lt::add_torrent_params params, bool verified)
    : params_(std::move(params)),
      total_(static_cast<std::uint64_t>(params_.ti->total_size())),
      piece_length_(static_cast<std::uint32_t>(params_.ti->piece_length())) {
  if (verified) intact_.emplace(params_.ti->num_pieces(), true);
  const lt::file_storage& files = params_.ti->files();
  for (const lt::file_index_t i : files.file_range())
    if (!is_pad(files, i))
      files_.push_back(
          {static_cast<std::uint64_t>(files.file_offset(i)), static_cast<std::uint64_t>(files.file_size(i))});
}

lt::add_torrent_params ServedFiles::params() const {
  lt::add_torrent_params out = params_;
  // Upload mode, because libtorrent would else mend a changed file with what others have: the user's own file.
  out.flags |= lt::torrent_flags::upload_mode;
  if (intact_)
    out.have_pieces = *intact_;
  else
    out.flags |= lt::torrent_flags::seed_mode;
  return out;
}

PieceRange ServedFiles::pieces_of(const Extent& file) const {
  const auto piece_at = [this](std::uint64_t offset) {
    return lt::piece_index_t(static_cast<int>(offset / piece_length_));
  };
  if (file.size == 0) return {lt::piece_index_t{0}, lt::piece_index_t{0}};
  return {piece_at(file.offset), lt::piece_index_t(static_cast<int>(piece_at(file.offset + file.size - 1)) + 1)};
}

void ServedFiles::take_out(PieceRange range) {
  if (!intact_) intact_.emplace(params_.ti->num_pieces(), true);
  for (lt::piece_index_t piece = range.begin; piece < range.end; ++piece) intact_->clear_bit(piece);
  ++version;
}

void ServedFiles::lose(const LostFile& lost) {
  Extent& file = files_.at(lost.number);
  if (lost.loss == Loss::kTouched) {
    touched_ = file.touched = true;
    return;
  }
  if (std::exchange(file.lost, true)) return;
  // An empty file is in no piece.
  if (file.size != 0) take_out(pieces_of(file));
  news_.push_back(lost);
}

bool ServedFiles::must_be_read() {
  if (!std::exchange(touched_, false)) return false;
  if (intact_ && !intact_->all_set()) return true;
  intact_.reset();
  ++version;
  return false;
}

void ServedFiles::doubt_all() {
  auto source = std::make_shared<PieceSource>();
  source->plan = plan_of_files(*params_.ti, [this](lt::file_index_t i) {
    const auto renamed = params_.renamed_files.find(i);
    return renamed != params_.renamed_files.end() ? renamed->second
                                                  : params_.ti->files().file_path(i, params_.save_path);
  });
  // What we made ourselves has v1 pieces.
  source->expected = *expected_hashes(*params_.ti);
  source_ = std::move(source);
  take_out({lt::piece_index_t{0}, params_.ti->end_piece()});
  unchecked_ = lt::piece_index_t{0};
  part_bytes_ = limits::kRecheckBytes;
}

std::optional<PieceRange> ServedFiles::next_part() {
  if (!source_) return std::nullopt;
  const int count = static_cast<int>(std::max<std::uint64_t>(part_bytes_ / piece_length_, 1));
  part_bytes_ *= 2;
  const int begin = static_cast<int>(unchecked_);
  const int end = static_cast<int>(std::min<std::int64_t>(std::int64_t{begin} + count, params_.ti->num_pieces()));
  unchecked_ = lt::piece_index_t(end);
  return PieceRange{lt::piece_index_t(begin), unchecked_};
}

void ServedFiles::found(PieceRange range, const std::vector<bool>& right) {
  ++version;
  lt::piece_index_t piece = range.begin;
  for (const bool is_right : right) {
    if (is_right) intact_->set_bit(piece);
    ++piece;
  }
  blame(range, right);
  for (const Extent& file : files_)
    // What changed while it was read.
    if (file.lost && file.size != 0) take_out(pieces_of(file));
  if (unchecked_ == params_.ti->end_piece()) source_.reset();
}

void ServedFiles::blame(PieceRange range, const std::vector<bool>& right) {
  const auto index = [&](lt::piece_index_t piece) {
    return static_cast<std::size_t>(static_cast<int>(piece) - static_cast<int>(range.begin));
  };
  // A piece can lie in several files: nobody is blamed for one that a lost file explains.
  std::vector<bool> wrong = right;
  wrong.flip();
  const auto explain = [&](const Extent& file) {
    const PieceRange own = pieces_of(file);
    for (auto piece = std::max(own.begin, range.begin); piece < std::min(own.end, range.end); ++piece)
      wrong[index(piece)] = false;
  };
  const auto has_wrong = [&](const Extent& file) {
    const PieceRange own = pieces_of(file);
    for (auto piece = std::max(own.begin, range.begin); piece < std::min(own.end, range.end); ++piece)
      if (wrong[index(piece)]) return true;
    return false;
  };
  for (const Extent& file : files_)
    if (file.lost) explain(file);
  for (std::uint32_t number = 0; number < files_.size(); ++number) {
    const Extent& file = files_[number];
    if (file.lost || !file.touched || !has_wrong(file)) continue;
    lose({number, Loss::kChanged});
    explain(file);
  }
  for (std::uint32_t number = 0; number < files_.size(); ++number) {
    Extent& file = files_[number];
    if (has_wrong(file) && !std::exchange(file.damaged, true)) news_.push_back({number, Loss::kDamaged});
  }
}

std::optional<ContentChanged> ServedFiles::take_news(const Content& content) {
  if (news_.empty()) return std::nullopt;
  // Not as they happened to be looked at.
  std::sort(news_.begin(), news_.end(), [](const LostFile& a, const LostFile& b) { return a.number < b.number; });
  ContentChanged out;
  out.count = news_.size();
  for (const LostFile& lost : news_)
    if (out.files.size() < limits::kLostListed) out.files.push_back(content.files.at(lost.number).path);
  out.sentence = sentence_of(out.files, news_.size(), news_);
  out.bytes_left = total_;
  if (intact_) {
    out.bytes_left = 0;
    for (lt::piece_index_t piece{0}; piece < params_.ti->end_piece(); ++piece)
      if (intact_->get_bit(piece)) out.bytes_left += static_cast<std::uint64_t>(params_.ti->piece_size(piece));
  }
  news_.clear();
  return out;
}

}  // namespace rondo::peer
