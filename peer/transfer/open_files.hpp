// The files that the disk back-end holds open: a bounded cache over all torrents, the least recently used goes first.
//
// Closing a file can be what fails (a full disk behind NFS): what close() said of a file that was written to is kept in
// its owner's CloseFault until someone can be told.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "peer/transfer/fd.hpp"

namespace rondo::peer {

/// The last failure to close a written file of one owner. Any thread sets it, any takes it.
struct CloseFault {
  std::atomic<int> error{0};
  std::atomic<int> file{-1};
};

class OpenFile {
 public:
  OpenFile(Fd fd, int file, bool writable, std::shared_ptr<CloseFault> fault);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] int file() const { return file_; }
  [[nodiscard]] bool writable() const { return writable_; }

 private:
  Fd fd_;
  int file_;
  bool writable_;
  std::shared_ptr<CloseFault> fault_;
};

/// Thread-safe. A file that is dropped while it is in use is closed by its last user.
class OpenFiles {
 public:
  /// Whose files: any address that is the owner's own.
  using Owner = const void*;
  explicit OpenFiles(std::size_t bound) : bound_(bound) {}

  /// The file, opened by `open()` if need be, which returns an Fd, not ok with errno set; null with errno set. When the
  /// process has no descriptor left, files are closed until it has one.
  template <class Open>
  std::shared_ptr<OpenFile> get(Owner owner, int file, bool writable, const std::shared_ptr<CloseFault>& fault,
                                Open open) {
    if (auto found = find_open(owner, file, writable)) return found;
    Fd fd = open();
    while (!fd.ok() && (errno == EMFILE || errno == ENFILE)) {
      const int error = errno;
      if (!shrink()) return errno = error, nullptr;
      fd = open();
    }
    if (!fd.ok()) return nullptr;
    return add(owner, std::make_shared<OpenFile>(std::move(fd), file, writable, fault));
  }
  void close(Owner owner);
  void close(Owner owner, int file);
  void close_all();
  [[nodiscard]] bool empty() const;
  /// The open files of an owner, and whether they are writable.
  [[nodiscard]] std::vector<std::pair<int, bool>> of(Owner owner) const;

 private:
  struct Entry {
    Owner owner;
    std::shared_ptr<OpenFile> file;
  };
  using Entries = std::list<Entry>;

  std::shared_ptr<OpenFile> find_open(Owner owner, int file, bool writable);
  /// Returns what is there, if another thread was quicker.
  std::shared_ptr<OpenFile> add(Owner owner, std::shared_ptr<OpenFile> opened);
  /// The entry, moved to the front; the end when there is none. With the lock held. A search through so few costs less
  /// than an index would.
  Entries::iterator find(Owner owner, int file);
  /// Drops the older half. False when there was nothing to drop.
  bool shrink();
  template <class Which>
  void drop_if(Which which);

  const std::size_t bound_;
  mutable std::mutex mutex_;
  Entries entries_;
};

}  // namespace rondo::peer
