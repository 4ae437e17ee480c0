#include "peer/transfer/resume_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>

#include "peer/transfer/beneath.hpp"
#include "peer/transfer/limits.hpp"

namespace rondo::peer {
namespace {

constexpr const char* kFreshName = ".resume.new";

}  // namespace

// A handle of its own: it outlives the folder's, and must not hold the folder's lock.
ResumeFile::ResumeFile(int folder) : folder_(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

Bytes ResumeFile::read() const {
  const Fd fd = open_beneath(folder_.get(), kName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct ::stat info {};
  if (!fd.ok() || ::fstat(fd.get(), &info) != 0 || info.st_size > limits::kResumeBytes) return {};
  Bytes out(static_cast<std::size_t>(info.st_size));
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t got = ::read(fd.get(), out.data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    filled += static_cast<std::size_t>(got);
  }
  return out;
}

int ResumeFile::write(ByteView bytes) {
  // One call for all files, however many: fsync of each would cost more than the download. Outside the lock, for it can
  // take as long as the disk is slow.
  if (::syncfs(folder_.get()) != 0) return errno;
  const std::lock_guard lock(mutex_);
  return closed_ ? 0 : replace(bytes);
}

int ResumeFile::replace(ByteView bytes) const {
  const Fd fd = open_beneath(folder_.get(), kFreshName, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (!fd.ok()) return errno;
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (::fdatasync(fd.get()) != 0) return errno;
  return ::renameat(folder_.get(), kFreshName, folder_.get(), kName) == 0 ? 0 : errno;
}

void ResumeFile::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace rondo::peer
