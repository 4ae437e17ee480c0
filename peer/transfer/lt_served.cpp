#include "peer/transfer/lt_served.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/torrent_flags.hpp>

#include "dht/base/assert.hpp"
#include "dht/base/bytes.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/fd.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {
namespace {

bool is_pad(const lt::file_storage& files, lt::file_index_t i) {
  return bool(files.file_flags(i) & lt::file_storage::flag_pad_file);
}

/// Reads pieces one after the other; the last file stays open.
class PieceReader {
 public:
  explicit PieceReader(const PieceSource& source) : source_(source), context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    RONDO_ASSERT(context_ != nullptr);
  }

  bool is_right(lt::piece_index_t piece) {
    const auto size = static_cast<std::uint64_t>(source_.info->piece_size(piece));
    buffer_.assign(size, 0);
    const auto begin =
        static_cast<std::uint64_t>(static_cast<int>(piece)) * static_cast<std::uint64_t>(source_.info->piece_length());
    if (!fill(begin)) return false;
    std::array<std::uint8_t, 20> digest{};
    RONDO_ASSERT(EVP_DigestInit_ex(context_.get(), EVP_sha1(), nullptr) == 1);
    RONDO_ASSERT(EVP_DigestUpdate(context_.get(), buffer_.data(), buffer_.size()) == 1);
    RONDO_ASSERT(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    return std::memcmp(digest.data(), source_.info->hash_for_piece_ptr(piece), digest.size()) == 0;
  }

 private:
  bool fill(std::uint64_t begin) {
    const std::uint64_t end = begin + buffer_.size();
    const auto& parts = source_.parts;
    auto part = std::partition_point(parts.begin(), parts.end(),
                                     [begin](const auto& one) { return one.offset + one.size <= begin; });
    for (; part != parts.end() && part->offset < end; ++part) {
      if (part->disk_path.empty() || part->size == 0) continue;
      const std::uint64_t from = std::max(begin, part->offset);
      const std::uint64_t to = std::min(end, part->offset + part->size);
      if (!read(*part, from - part->offset, std::span(buffer_).subspan(from - begin, to - from))) return false;
    }
    return true;
  }

  bool read(const PieceSource::Part& part, std::uint64_t offset, std::span<std::uint8_t> out) {
    if (open_ != &part) {
      fd_ = Fd(::open(part.disk_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
      open_ = &part;
    }
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return true;
  }

  const PieceSource& source_;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
  Bytes buffer_;
  Fd fd_;
  const PieceSource::Part* open_ = nullptr;
};

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
  PieceReader reader(source);
  std::vector<bool> right;
  for (lt::piece_index_t piece = range.begin; piece < range.end && !cancelled; ++piece)
    right.push_back(reader.is_right(piece));
  right.resize(static_cast<std::size_t>(static_cast<int>(range.end) - static_cast<int>(range.begin)), false);
  return right;
}

ServedFiles::ServedFiles(lt::add_torrent_params params)
    : params_(std::move(params)),
      total_(static_cast<std::uint64_t>(params_.ti->total_size())),
      piece_length_(static_cast<std::uint32_t>(params_.ti->piece_length())) {
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
  if (std::exchange(file.lost, true)) return;
  // An empty file is in no piece.
  if (file.size != 0) take_out(pieces_of(file));
  news_.push_back(lost);
}

void ServedFiles::doubt_all() {
  auto source = std::make_shared<PieceSource>();
  source->info = params_.ti;
  const lt::file_storage& files = params_.ti->files();
  for (const lt::file_index_t i : files.file_range()) {
    const auto renamed = params_.renamed_files.find(i);
    const bool pad = is_pad(files, i);
    source->parts.push_back({pad                                      ? std::string()
                             : renamed != params_.renamed_files.end() ? renamed->second
                                                                      : files.file_path(i, params_.save_path),
                             static_cast<std::uint64_t>(files.file_offset(i)),
                             static_cast<std::uint64_t>(files.file_size(i))});
  }
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
  for (std::uint32_t number = 0; number < files_.size(); ++number) {
    Extent& file = files_[number];
    const PieceRange own = pieces_of(file);
    // What changed while it was read.
    if (file.lost) {
      take_out(own);
      continue;
    }
    bool damaged = false;
    for (piece = std::max(own.begin, range.begin); piece < std::min(own.end, range.end); ++piece)
      damaged = damaged || !right[static_cast<std::size_t>(static_cast<int>(piece) - static_cast<int>(range.begin))];
    if (damaged && !std::exchange(file.damaged, true)) news_.push_back({number, Loss::kDamaged});
  }
  if (unchecked_ == params_.ti->end_piece()) source_.reset();
}

std::optional<ContentChanged> ServedFiles::take_news(const Content& content) {
  if (news_.empty()) return std::nullopt;
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
