#include "peer/transfer/open_files.hpp"

#include <cerrno>
#include <iterator>

namespace rondo::peer {

OpenFile::OpenFile(Fd fd, int file, bool writable, std::shared_ptr<CloseFault> fault)
    : fd_(std::move(fd)), file_(file), writable_(writable), fault_(std::move(fault)) {}

OpenFile::~OpenFile() {
  // Whatever close() says, the descriptor is gone; EINTR says nothing of the bytes.
  if (::close(fd_.release()) == 0 || !writable_ || errno == EINTR || !fault_) return;
  fault_->file = file_;
  fault_->error = errno;
}

OpenFiles::Entries::iterator OpenFiles::find(Owner owner, int file) {
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->owner != owner || entry->file->file() != file) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entry;
  }
  return entries_.end();
}

std::shared_ptr<OpenFile> OpenFiles::find_open(Owner owner, int file, bool writable) {
  const std::lock_guard lock(mutex_);
  const auto found = find(owner, file);
  return found != entries_.end() && (found->file->writable() || !writable) ? found->file : nullptr;
}

std::shared_ptr<OpenFile> OpenFiles::add(Owner owner, std::shared_ptr<OpenFile> opened) {
  // Closed after the lock is released, for that can take long.
  Entries dropped;
  const std::lock_guard lock(mutex_);
  const auto found = find(owner, opened->file());
  if (found != entries_.end()) {
    if (found->file->writable() || !opened->writable()) return found->file;
    dropped.splice(dropped.begin(), entries_, found);
  }
  entries_.push_front({owner, opened});
  if (entries_.size() > bound_) dropped.splice(dropped.begin(), entries_, std::prev(entries_.end()));
  return opened;
}

bool OpenFiles::shrink() {
  Entries dropped;
  const std::lock_guard lock(mutex_);
  const auto half = std::next(entries_.begin(), static_cast<std::ptrdiff_t>(entries_.size() / 2));
  dropped.splice(dropped.begin(), entries_, half, entries_.end());
  return !dropped.empty();
}

template <class Which>
void OpenFiles::drop_if(Which which) {
  Entries dropped;
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (which(*entry)) dropped.splice(dropped.begin(), entries_, entry);
    entry = next;
  }
}

void OpenFiles::close(Owner owner) {
  drop_if([&](const Entry& entry) { return entry.owner == owner; });
}

void OpenFiles::close(Owner owner, int file) {
  drop_if([&](const Entry& entry) { return entry.owner == owner && entry.file->file() == file; });
}

void OpenFiles::close_all() {
  drop_if([](const Entry&) { return true; });
}

bool OpenFiles::empty() const {
  const std::lock_guard lock(mutex_);
  return entries_.empty();
}

std::vector<std::pair<int, bool>> OpenFiles::of(Owner owner) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<int, bool>> out;
  for (const Entry& entry : entries_)
    if (entry.owner == owner && entry.file->file() >= 0) out.emplace_back(entry.file->file(), entry.file->writable());
  return out;
}

}  // namespace rondo::peer
