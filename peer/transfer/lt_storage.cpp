#include "peer/transfer/lt_storage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "dht/base/assert.hpp"
#include "peer/transfer/beneath.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {
namespace {

constexpr int kBaseFile = -1;
constexpr std::size_t kBlockBytes = PieceHash::kBlockBytes;

lt::storage_error error_at(int error, lt::file_index_t file, lt::operation_t operation) {
  return {lt::error_code(error, lt::generic_category()), file, operation};
}

/// Reads until `to` is full or the file ends. Returns how much it was, or -1 with errno set.
std::int64_t read_fully(int fd, std::span<std::uint8_t> to, std::int64_t offset) {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t count =
        ::pread(fd, to.data() + done, to.size() - done, static_cast<off_t>(offset + static_cast<std::int64_t>(done)));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return static_cast<std::int64_t>(done);
}

/// The bytes [begin, begin + size) of blocks; at most one of system call's worth.
std::vector<::iovec> part_of(std::span<const ::iovec> blocks, std::size_t begin, std::size_t size) {
  std::vector<::iovec> out;
  for (const ::iovec& block : blocks) {
    if (size == 0) break;
    if (begin >= block.iov_len) {
      begin -= block.iov_len;
      continue;
    }
    const std::size_t length = std::min(block.iov_len - begin, size);
    out.push_back({static_cast<char*>(block.iov_base) + begin, length});
    size -= length;
    begin = 0;
  }
  return out;
}

/// 0, or the error.
int write_fully(int fd, std::span<::iovec> blocks, std::int64_t offset) {
  while (!blocks.empty()) {
    const ssize_t count = ::pwritev(fd, blocks.data(), static_cast<int>(blocks.size()), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return EIO;
    offset += count;
    auto left = static_cast<std::size_t>(count);
    while (!blocks.empty() && left >= blocks.front().iov_len) {
      left -= blocks.front().iov_len;
      blocks = blocks.subspan(1);
    }
    if (left == 0) continue;
    blocks.front().iov_base = static_cast<char*>(blocks.front().iov_base) + left;
    blocks.front().iov_len -= left;
  }
  return 0;
}

bool is_absolute(const std::string& path) { return path.starts_with('/'); }

/// FIFOs block and devices act; neither is a file of a torrent.
Fd only_regular(Fd fd) {
  struct ::stat info {};
  if (!fd.ok() || ::fstat(fd.get(), &info) != 0) return Fd();
  if (S_ISDIR(info.st_mode)) return errno = EISDIR, Fd();
  if (!S_ISREG(info.st_mode)) return errno = EINVAL, Fd();
  return fd;
}

}  // namespace

LtStorage::LtStorage(const lt::storage_params& params, std::shared_ptr<void> owner,
                     std::shared_ptr<const KnownFiles::Identities> known, OpenFiles& files)
    : files_(params.mapped_files != nullptr ? *params.mapped_files : params.files),
      priorities_(params.priorities),
      path_(params.path),
      owner_(std::move(owner)),
      known_(std::move(known)),
      open_files_(files),
      pinned_(path_.starts_with("/proc/")),
      wants_v2_(files_.v2()) {
  if (!pinned_) return;
  if (Fd fd = open_base(); fd.ok()) base_ = std::make_shared<OpenFile>(std::move(fd), kBaseFile, false, nullptr);
}

LtStorage::~LtStorage() { release(); }

// --- reading and writing --------------------------------------------------------------------------------------------

std::int64_t LtStorage::place_of(lt::piece_index_t piece, int offset) const {
  return static_cast<std::int64_t>(static_cast<int>(piece)) * files_.piece_length() + offset;
}

LtStorage::Slice LtStorage::slice_at(std::int64_t place, std::size_t done, std::size_t size) const {
  place += static_cast<std::int64_t>(done);
  RONDO_ASSERT(place >= 0 && place < files_.total_size());
  lt::file_index_t file = files_.file_index_at_offset(place);
  // Empty files share their place with the one that follows.
  while (place >= files_.file_offset(file) + files_.file_size(file)) ++file;
  const std::int64_t offset = place - files_.file_offset(file);
  const auto in_file = static_cast<std::size_t>(files_.file_size(file) - offset);
  return {file, offset, done, std::min(in_file, size - done)};
}

bool LtStorage::report_fault(lt::storage_error& error) {
  const int fault = fault_->error.exchange(0);
  if (fault != 0) error = error_at(fault, lt::file_index_t{fault_->file.load()}, lt::operation_t::file_write);
  return fault != 0;
}

bool LtStorage::is_as_hashed(const OpenFile& file) const {
  if (!known_) return true;
  struct ::stat info {};
  return ::fstat(file.fd(), &info) == 0 &&
         is_untouched((*known_)[static_cast<std::size_t>(file.file())], identity_of(info));
}

void LtStorage::read(lt::piece_index_t piece, int offset, std::span<std::uint8_t> to, lt::storage_error& error) {
  if (report_fault(error)) return;
  const std::int64_t place = place_of(piece, offset);
  for (std::size_t done = 0; done < to.size();) {
    const Slice slice = slice_at(place, done, to.size());
    const auto part = to.subspan(slice.begin, slice.size);
    done += slice.size;
    if (files_.pad_file_at(slice.file)) {
      std::fill(part.begin(), part.end(), std::uint8_t{0});
      continue;
    }
    const auto file = open(slice.file, false, error);
    if (!file) return;
    const std::int64_t count = read_fully(file->fd(), part, slice.offset);
    if (count < 0) error = error_at(errno, slice.file, lt::operation_t::file_read);
    if (count >= 0 && static_cast<std::size_t>(count) < part.size())
      error = {lt::errors::file_too_short, slice.file, lt::operation_t::file_read};
    if (!error && !is_as_hashed(*file)) error = error_at(ESTALE, slice.file, lt::operation_t::file_read);
    if (error) return;
  }
}

void LtStorage::write(lt::piece_index_t piece, int offset, std::span<const ::iovec> blocks, lt::storage_error& error) {
  if (report_fault(error)) return;
  std::size_t size = 0;
  for (const ::iovec& block : blocks) size += block.iov_len;
  const std::int64_t place = place_of(piece, offset);
  for (std::size_t done = 0; done < size;) {
    const Slice slice = slice_at(place, done, size);
    done += slice.size;
    if (files_.pad_file_at(slice.file)) continue;
    const auto file = open(slice.file, true, error);
    if (!file) return;
    std::vector<::iovec> part = part_of(blocks, slice.begin, slice.size);
    const int failed = write_fully(file->fd(), part, slice.offset);
    if (failed != 0) error = error_at(failed, slice.file, lt::operation_t::file_write);
    if (failed != 0) return;
  }
}

// --- hashing --------------------------------------------------------------------------------------------------------

void LtStorage::learn(bool v1, bool v2) {
  wants_v1_.store(v1, std::memory_order_relaxed);
  wants_v2_.store(v2, std::memory_order_relaxed);
}

void LtStorage::carry(lt::piece_index_t piece, int offset, ByteView block, PieceHash& hash, DiskTools& tools) const {
  const auto at = static_cast<std::size_t>(offset);
  if (wants_v1_.load(std::memory_order_relaxed)) hash.add_v1(at, block);
  if (!wants_v2_.load(std::memory_order_relaxed)) return;
  const auto end = static_cast<std::size_t>(files_.piece_size2(piece));
  if (at < end) hash.add_v2(at, block.first(std::min(block.size(), end - at)), tools.sha256);
}

lt::sha1_hash LtStorage::hash(lt::piece_index_t piece, bool v1, lt::span<lt::sha256_hash> v2, PieceHash& carried,
                              DiskTools& tools, lt::storage_error& error) {
  learn(v1, !v2.empty());
  PieceHash hash = std::exchange(carried, {});
  const auto size1 = v1 ? static_cast<std::size_t>(files_.piece_size(piece)) : 0;
  const auto size2 = v2.empty() ? 0 : static_cast<std::size_t>(files_.piece_size2(piece));
  const auto set_v2 = [&](std::size_t offset, const PieceHash::Sha256& digest) {
    std::copy(digest.begin(), digest.end(), v2[static_cast<std::ptrdiff_t>(offset / kBlockBytes)].begin());
  };
  // What has not come by is read from here on.
  std::size_t from2 = 0;
  for (; from2 < size2 && hash.v2(from2); from2 += kBlockBytes) set_v2(from2, *hash.v2(from2));
  std::size_t at = std::max(size1, size2);
  if (hash.v1_end() < size1) at = hash.v1_end();
  if (from2 < size2) at = std::min(at, from2);
  while (at < std::max(size1, size2)) {
    const auto chunk = std::span(tools.buffer).first(std::min(tools.buffer.size(), std::max(size1, size2) - at));
    read(piece, static_cast<int>(at), chunk, error);
    if (error) return {};
    const ByteView bytes(chunk.data(), chunk.size());
    const std::size_t end = at + bytes.size();
    if (hash.v1_end() < std::min(end, size1))
      hash.resume_v1(bytes.first(std::min(end, size1) - at).subspan(hash.v1_end() - at));
    for (; at < std::min(end, size2); at += kBlockBytes) {
      tools.sha256.update(
          bytes.subspan(bytes.size() - (end - at)).first(std::min({kBlockBytes, size2 - at, end - at})));
      set_v2(at, tools.sha256.finish<32>());
    }
    at = end;
  }
  if (!v1) return {};
  const PieceHash::Sha1 digest = hash.finish_v1();
  return lt::sha1_hash(reinterpret_cast<const char*>(digest.data()));
}

lt::sha256_hash LtStorage::hash_block(lt::piece_index_t piece, int offset, DiskTools& tools, lt::storage_error& error) {
  const int size = std::min(static_cast<int>(kBlockBytes), files_.piece_size2(piece) - offset);
  const auto block = std::span(tools.buffer).first(static_cast<std::size_t>(std::max(size, 0)));
  read(piece, offset, block, error);
  if (error) return {};
  tools.sha256.update(ByteView(block.data(), block.size()));
  const PieceHash::Sha256 digest = tools.sha256.finish<32>();
  return lt::sha256_hash(reinterpret_cast<const char*>(digest.data()));
}

// --- opening --------------------------------------------------------------------------------------------------------

Fd LtStorage::open_base() const { return Fd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }

std::shared_ptr<OpenFile> LtStorage::base() {
  if (pinned_ && !base_) errno = EBADF;
  if (pinned_) return base_;
  return open_files_.get(this, kBaseFile, false, nullptr, [this] { return open_base(); });
}

Fd LtStorage::open_file(lt::file_index_t index, bool writable, int base) {
  // Not to hang at a FIFO that took the file's place.
  const int flags = (writable ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  const std::string path = files_.file_path(index);
  if (is_absolute(path)) return only_regular(Fd(::open(path.c_str(), flags, 0666)));
  Fd fd = open_beneath(base, path, flags, 0666);
  const auto slash = path.rfind('/');
  if (fd.ok() || !writable || errno != ENOENT || slash == std::string::npos) return only_regular(std::move(fd));
  const Fd folder = make_folders_beneath(base, path.substr(0, slash));
  return folder.ok() ? only_regular(open_beneath(base, path, flags, 0666)) : Fd();
}

std::shared_ptr<OpenFile> LtStorage::open(lt::file_index_t index, bool writable, lt::storage_error& error) {
  const auto open_now = [&] {
    if (is_absolute(files_.file_path(index))) return open_file(index, writable, -1);
    const auto folder = base();
    return folder ? open_file(index, writable, folder->fd()) : Fd();
  };
  auto file = open_files_.get(this, static_cast<int>(index), writable, fault_, open_now);
  if (!file) error = error_at(errno, index, lt::operation_t::file_open);
  return file;
}

void LtStorage::release() { open_files_.close(this); }

std::vector<lt::open_file_state> LtStorage::open_files() const {
  std::vector<lt::open_file_state> out;
  for (const auto& [file, writable] : open_files_.of(this)) {
    const auto mode = writable ? lt::file_open_mode::read_write : lt::file_open_mode::read_only;
    out.push_back({lt::file_index_t{file}, mode, lt::clock_type::now()});
  }
  return out;
}

// --- what a torrent seldom asks for ---------------------------------------------------------------------------------

bool LtStorage::is_wanted(lt::file_index_t file) const {
  if (files_.pad_file_at(file) || bool(files_.file_flags(file) & lt::file_storage::flag_symlink)) return false;
  return file >= priorities_.end_index() || priorities_[file] != lt::dont_download;
}

void LtStorage::set_priorities(const lt::aux::vector<lt::download_priority_t, lt::file_index_t>& priorities) {
  priorities_ = priorities;
}

std::optional<std::int64_t> LtStorage::size_of(lt::file_index_t file) {
  constexpr int kFlags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  const std::string path = files_.file_path(file);
  Fd fd;
  if (is_absolute(path)) {
    fd = Fd(::open(path.c_str(), kFlags));
  } else if (const auto folder = base()) {
    fd = open_beneath(folder->fd(), path, kFlags);
  }
  struct ::stat info {};
  if (!fd.ok() || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return info.st_size;
}

bool LtStorage::has_what_it_says(const lt::add_torrent_params& resume) {
  const bool seed = bool(resume.flags & lt::torrent_flags::seed_mode);
  // Up to where each file must be there.
  std::vector<std::int64_t> ends(static_cast<std::size_t>(files_.num_files()), 0);
  for (const lt::piece_index_t piece : files_.piece_range()) {
    if (!seed && (piece >= resume.have_pieces.end_index() || !resume.have_pieces[piece])) continue;
    const auto size = static_cast<std::size_t>(files_.piece_size(piece));
    for (std::size_t done = 0; done < size;) {
      const Slice slice = slice_at(place_of(piece, 0), done, size);
      done += slice.size;
      const bool counts = seed ? !files_.pad_file_at(slice.file) : is_wanted(slice.file);
      const std::int64_t end = slice.offset + static_cast<std::int64_t>(slice.size);
      if (counts) ends[static_cast<std::size_t>(static_cast<int>(slice.file))] = end;
    }
  }
  for (const lt::file_index_t file : files_.file_range()) {
    const std::int64_t end = ends[static_cast<std::size_t>(static_cast<int>(file))];
    if (end > 0 && size_of(file).value_or(0) < end) return false;
  }
  return true;
}

void LtStorage::make_empty_files(lt::storage_error& error) {
  for (const lt::file_index_t file : files_.file_range())
    if (is_wanted(file) && files_.file_size(file) == 0 && !is_absolute(files_.file_path(file)) &&
        !open(file, true, error))
      return;
}

lt::status_t LtStorage::check(const lt::add_torrent_params* resume, lt::storage_error& error) {
  const auto no_writing = lt::torrent_flags::seed_mode | lt::torrent_flags::upload_mode;
  if (resume == nullptr || !(resume->flags & no_writing)) make_empty_files(error);
  if (error) return lt::status_t::fatal_disk_error;
  const bool resumes =
      resume != nullptr && (!resume->have_pieces.empty() || bool(resume->flags & lt::torrent_flags::seed_mode));
  if (resumes) return has_what_it_says(*resume) ? lt::status_t::no_error : lt::status_t::need_full_check;
  for (const lt::file_index_t file : files_.file_range())
    if (!files_.pad_file_at(file) && files_.file_size(file) > 0 && size_of(file)) return lt::status_t::need_full_check;
  return lt::status_t::no_error;
}

Fd LtStorage::folder_of(const std::string& path, bool make, std::string& leaf) {
  const auto slash = path.rfind('/');
  leaf = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string above = slash == std::string::npos ? std::string() : path.substr(0, slash);
  if (leaf.empty() || leaf == "." || leaf == "..") return errno = EINVAL, Fd();
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  if (is_absolute(path)) return Fd(::open((above + "/").c_str(), kFlags));
  const auto folder = base();
  if (!folder) return Fd();
  if (make || above.empty()) return make_folders_beneath(folder->fd(), above);
  return open_beneath(folder->fd(), above, kFlags);
}

void LtStorage::rename(lt::file_index_t file, const std::string& name, lt::storage_error& error) {
  open_files_.close(this, static_cast<int>(file));
  if (size_of(file)) {
    std::string from_leaf;
    std::string to_leaf;
    const Fd from = folder_of(files_.file_path(file), false, from_leaf);
    const Fd to = from.ok() ? folder_of(name, true, to_leaf) : Fd();
    const bool renamed = to.ok() && ::renameat(from.get(), from_leaf.c_str(), to.get(), to_leaf.c_str()) == 0;
    if (!renamed) error = error_at(errno, file, lt::operation_t::file_rename);
    if (!renamed) return;
  }
  files_.rename_file(file, name);
}

void LtStorage::remove_files(lt::storage_error& error) {
  std::set<std::string, std::greater<>> folders;
  for (const lt::file_index_t file : files_.file_range()) {
    const std::string path = files_.file_path(file);
    if (files_.pad_file_at(file) || is_absolute(path)) continue;
    for (auto slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/', slash - 1))
      if (slash == 0 || !folders.insert(path.substr(0, slash)).second) break;
    std::string leaf;
    const Fd folder = folder_of(path, false, leaf);
    const bool removed = folder.ok() && ::unlinkat(folder.get(), leaf.c_str(), 0) == 0;
    if (!removed && errno != ENOENT && !error) error = error_at(errno, file, lt::operation_t::file_remove);
  }
  // A folder comes after what is in it. Those that aren't empty hold what is none of ours.
  for (const std::string& path : folders) {
    std::string leaf;
    const Fd folder = folder_of(path, false, leaf);
    if (folder.ok()) ::unlinkat(folder.get(), leaf.c_str(), AT_REMOVEDIR);
  }
}

}  // namespace rondo::peer
