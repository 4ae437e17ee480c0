#include "peer/transfer/hash_readers.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace rondo::peer {

const std::string& PartFile::open(std::size_t part) {
  if (part == part_) return problem_;
  // Forgotten first, so that a throw leaves nothing that looks open.
  part_ = SIZE_MAX;
  problem_ = try_open(plan_.parts[part].disk_path);
  part_ = part;
  return problem_;
}

std::string PartFile::try_open(const std::string& path) {
  // O_NONBLOCK: a file that became a named pipe since the scan would block for ever.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct ::stat info {};
  if (!fd.ok() || ::fstat(fd.get(), &info) != 0) return std::generic_category().message(errno);
  if (!S_ISREG(info.st_mode)) return "it is no regular file any more";
  fd_ = std::move(fd);
  size_ = static_cast<std::uint64_t>(info.st_size);
  return {};
}

ssize_t PartFile::read(std::span<std::uint8_t> into, std::uint64_t at) {
  for (;;) {
    const ssize_t got = ::pread(fd_.get(), into.data(), into.size(), static_cast<::off_t>(at));
    if (got >= 0 || errno != EINTR) return got;
  }
}

bool PartFile::hole(std::uint64_t begin, std::uint64_t end) {
  const ::off_t data = ::lseek(fd_.get(), static_cast<::off_t>(begin), SEEK_DATA);
  return data < 0 ? errno == ENXIO : static_cast<std::uint64_t>(data) >= end;
}

void run_readers(unsigned readers, const std::function<void()>& read) {
  std::vector<std::jthread> others;
  others.reserve(readers);
  try {
    while (others.size() + 1 < readers) others.emplace_back(read);
  } catch (const std::system_error&) {
    // No thread to be had: slower, not wrong.
  }
  read();
}

}  // namespace rondo::peer
