#include "peer/transfer/torrent_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "dht/base/crypto.hpp"
#include "peer/transfer/fd.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "rondo-torrent/1\n";
constexpr std::size_t kHead = kMagic.size() + 32;
constexpr std::string_view kTemporary = "new-";

/// Numbers and texts, each so that no two lists of them become the same bytes.
class Writer {
 public:
  void number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void text(std::string_view text) {
    number(text.size());
    const ByteView bytes = as_bytes(text);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  Bytes bytes_;
};

bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// At most the largest that we write.
std::optional<Bytes> read_small(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct ::stat info {};
  if (!fd.ok() || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size <= kHead || size > kHead + static_cast<std::uint64_t>(limits::kTorrentBytes)) return std::nullopt;
  Bytes out(size);
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t got = ::read(fd.get(), out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace

Fingerprint fingerprint_of(const Scan& scan, bool hybrid) {
  // A hash of hashes: the list of 100,000 files is not wanted in memory a second time.
  Fingerprint chain{};
  Writer writer;
  writer.text("rondo torrent of files, form 1");
  writer.text(scan.name);
  writer.number(hybrid ? 1 : 0);
  writer.number(scan.files.size());
  for (const ScannedFile& file : scan.files) {
    const FileIdentity& id = file.identity;
    writer.text(file.torrent_path);
    writer.text(file.disk_path);
    writer.number(file.executable ? 1 : 0);
    for (const std::uint64_t value : {id.size, id.inode, id.device}) writer.number(value);
    for (const std::int64_t value : {id.mtime, id.ctime}) writer.number(static_cast<std::uint64_t>(value));
    if (writer.bytes().size() < 16'384) continue;
    chain = sha256(writer.bytes());
    writer.clear();
    writer.text({reinterpret_cast<const char*>(chain.data()), chain.size()});
  }
  return sha256(writer.bytes());
}

bool is_settled(const Scan& scan, std::int64_t read_at) {
  const auto limit = read_at - std::chrono::nanoseconds(limits::kCacheSettled).count();
  return std::all_of(scan.files.begin(), scan.files.end(), [limit](const ScannedFile& file) {
    return file.identity.mtime < limit && file.identity.ctime < limit;
  });
}

std::int64_t wall_clock_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<Bytes> TorrentCache::find(const Fingerprint& key) const {
  if (folder_.empty()) return std::nullopt;
  const fs::path path = folder_ / to_hex(key);
  auto bytes = read_small(path);
  if (!bytes) return std::nullopt;
  const ByteView all(*bytes);
  const ByteView magic = as_bytes(kMagic);
  if (!std::equal(magic.begin(), magic.end(), all.begin())) return std::nullopt;
  const auto digest = sha256(all.subspan(kHead));
  if (!std::equal(digest.begin(), digest.end(), all.begin() + static_cast<std::ptrdiff_t>(kMagic.size())))
    return std::nullopt;
  // Used now.
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  bytes->erase(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(kHead));
  return bytes;
}

void TorrentCache::keep(const Fingerprint& key, ByteView torrent) const {
  if (folder_.empty()) return;
  ::mkdir(folder_.c_str(), 0700);
  std::string temporary = (folder_ / kTemporary).string() + "XXXXXX";
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.ok()) return;
  const auto digest = sha256(torrent);
  const bool written = ::fchmod(fd.get(), 0600) == 0 && write_all(fd.get(), as_bytes(kMagic)) &&
                       write_all(fd.get(), digest) && write_all(fd.get(), torrent) && ::fsync(fd.get()) == 0;
  if (!written || ::rename(temporary.c_str(), (folder_ / to_hex(key)).c_str()) != 0) ::unlink(temporary.c_str());
  trim();
}

void TorrentCache::trim() const {
  struct Kept {
    fs::file_time_type used;
    std::uint64_t size;
    fs::path path;
  };
  std::vector<Kept> files;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder_, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code gone;
    const auto used = entry->last_write_time(gone);
    const auto size = gone ? 0 : entry->file_size(gone);
    if (gone) continue;
    // A process that is writing finishes within seconds; what is older was left by one that was killed.
    const bool fresh = fs::file_time_type::clock::now() - used < limits::kCacheTemporary;
    if (entry->path().filename().native().starts_with(kTemporary)) {
      if (!fresh) fs::remove(entry->path(), gone);
      continue;
    }
    files.push_back({used, size, entry->path()});
  }
  std::sort(files.begin(), files.end(), [](const Kept& a, const Kept& b) { return a.used > b.used; });
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    bytes += files[i].size;
    if (i >= limits::kCacheFiles || bytes > limits::kCacheBytes) fs::remove(files[i].path, error);
  }
}

}  // namespace rondo::peer
