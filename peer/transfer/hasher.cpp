#include "peer/transfer/hasher.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "dht/base/assert.hpp"
#include "dht/base/bytes.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/fd.hpp"

namespace rondo::peer {
namespace {

/// Read at once: large enough that system calls cost nothing, small enough that cancelling is prompt.
constexpr std::size_t kReadBytes = 1 << 20;

class Digest {
 public:
  explicit Digest(const EVP_MD* kind) : kind_(kind), context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    RONDO_ASSERT(context_ != nullptr);
    begin();
  }

  void update(ByteView bytes) { RONDO_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }

  /// Ends this message and begins the next.
  template <std::size_t N>
  std::array<std::uint8_t, N> finish() {
    std::array<std::uint8_t, N> out;
    unsigned size = 0;
    RONDO_ASSERT(EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1 && size == N);
    begin();
    return out;
  }

 private:
  void begin() { RONDO_ASSERT(EVP_DigestInit_ex(context_.get(), kind_, nullptr) == 1); }

  const EVP_MD* kind_;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

/// Cuts the stream of all parts into v1 pieces.
class PieceHasher {
 public:
  explicit PieceHasher(std::uint32_t piece_length) : piece_length_(piece_length), digest_(EVP_sha1()) {}

  void update(ByteView bytes) {
    while (!bytes.empty()) {
      const std::size_t take = std::min<std::size_t>(bytes.size(), piece_length_ - filled_);
      digest_.update(bytes.first(take));
      bytes = bytes.subspan(take);
      filled_ += static_cast<std::uint32_t>(take);
      if (filled_ == piece_length_) close_piece();
    }
  }

  std::vector<Sha1> finish() {
    if (filled_ != 0) close_piece();
    return std::move(pieces_);
  }

 private:
  void close_piece() {
    pieces_.push_back(digest_.finish<20>());
    filled_ = 0;
  }

  std::uint32_t piece_length_;
  std::uint32_t filled_ = 0;
  Digest digest_;
  std::vector<Sha1> pieces_;
};

/// Cuts one file into v2 leaves and pieces.
class FileHasher {
 public:
  FileHasher(std::uint32_t piece_length, std::uint64_t file_size)
      : leaves_per_piece_(piece_length / kBlock), whole_file_(file_size < piece_length), digest_(EVP_sha256()) {}

  void update(ByteView bytes) {
    while (!bytes.empty()) {
      const std::size_t take = std::min<std::size_t>(bytes.size(), kBlock - filled_);
      digest_.update(bytes.first(take));
      bytes = bytes.subspan(take);
      filled_ += static_cast<std::uint32_t>(take);
      if (filled_ == kBlock) close_leaf();
    }
  }

  std::vector<Root> finish() {
    if (filled_ != 0) close_leaf();
    if (!leaves_.empty()) close_piece();
    return std::move(pieces_);
  }

 private:
  void close_leaf() {
    leaves_.push_back(digest_.finish<32>());
    filled_ = 0;
    if (leaves_.size() == leaves_per_piece_) close_piece();
  }

  void close_piece() {
    std::size_t width = leaves_per_piece_;
    if (whole_file_)
      for (width = 1; width < leaves_.size(); width *= 2) {
      }
    leaves_.resize(width);
    for (; width > 1; width /= 2)
      for (std::size_t i = 0; i < width / 2; ++i) {
        digest_.update(leaves_[2 * i]);
        digest_.update(leaves_[2 * i + 1]);
        leaves_[i] = digest_.finish<32>();
      }
    pieces_.push_back(leaves_[0]);
    leaves_.clear();
  }

  std::size_t leaves_per_piece_;
  bool whole_file_;
  std::uint32_t filled_ = 0;
  Digest digest_;
  std::vector<Root> leaves_;
  std::vector<Root> pieces_;
};

TransferError unreadable(const std::string& path, const std::string& why) {
  return {TransferErrc::kUnreadable, "can't read " + display(path) + ": " + why};
}

class Run {
 public:
  Run(const HashPlan& plan, const std::function<void(std::uint64_t)>& progress, const std::atomic<bool>& cancelled)
      : plan_(plan), progress_(progress), cancelled_(cancelled), pieces_(plan.piece_length), buffer_(kReadBytes) {}

  Result<Hashes, TransferError> all() {
    Hashes out;
    if (plan_.v2) out.v2.resize(plan_.parts.size());
    for (std::size_t i = 0; i < plan_.parts.size(); ++i) {
      const HashPlan::Part& part = plan_.parts[i];
      if (part.disk_path.empty()) {
        pad(part.size);
        continue;
      }
      FileHasher file(plan_.piece_length, part.size);
      if (auto error = read(part, file)) return Failure{std::move(*error)};
      if (plan_.v2) out.v2[i] = file.finish();
    }
    if (plan_.v1) out.v1 = pieces_.finish();
    return out;
  }

 private:
  void pad(std::uint64_t size) {
    std::fill(buffer_.begin(), buffer_.end(), std::uint8_t{0});
    while (plan_.v1 && size > 0) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer_.size()));
      pieces_.update(std::span(buffer_).first(take));
      size -= take;
    }
  }

  std::optional<TransferError> read(const HashPlan::Part& part, FileHasher& file) {
    // O_NONBLOCK: a file that became a named pipe since the scan would block for ever.
    const Fd fd(::open(part.disk_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct ::stat info {};
    if (!fd.ok() || ::fstat(fd.get(), &info) != 0) return unreadable(part.disk_path, std::strerror(errno));
    if (!S_ISREG(info.st_mode)) return unreadable(part.disk_path, "it is no regular file any more");
    std::uint64_t left = part.size;
    for (;;) {
      if (cancelled_) return TransferError{TransferErrc::kInternal, "cancelled"};
      const ssize_t got = ::read(fd.get(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return unreadable(part.disk_path, std::strerror(errno));
      const auto bytes = static_cast<std::size_t>(got);
      if (bytes > left || (bytes == 0 && left > 0))
        return unreadable(part.disk_path, "it is being changed; try again when it is at rest");
      if (bytes == 0) return std::nullopt;
      take(std::span(buffer_).first(bytes), file);
      left -= bytes;
    }
  }

  void take(ByteView bytes, FileHasher& file) {
    if (plan_.v1) pieces_.update(bytes);
    if (plan_.v2) file.update(bytes);
    done_ += bytes.size();
    progress_(done_);
  }

  const HashPlan& plan_;
  const std::function<void(std::uint64_t)>& progress_;
  const std::atomic<bool>& cancelled_;
  PieceHasher pieces_;
  Bytes buffer_;
  std::uint64_t done_ = 0;
};

}  // namespace

Result<Hashes, TransferError> hash_files(const HashPlan& plan, const std::function<void(std::uint64_t)>& progress,
                                         const std::atomic<bool>& cancelled) {
  RONDO_ASSERT(plan.piece_length >= kBlock && (plan.piece_length & (plan.piece_length - 1)) == 0);
  return Run(plan, progress, cancelled).all();
}

}  // namespace rondo::peer
