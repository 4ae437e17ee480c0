#include "peer/transfer/disk_buffers.hpp"

#include <new>

#include "peer/transfer/limits.hpp"

namespace rondo::peer {

DiskBuffers::DiskBuffers() { free_.reserve(limits::kFreeBlocks); }

DiskBuffers::~DiskBuffers() {
  for (char* buffer : free_) ::operator delete(buffer);
}

char* DiskBuffers::get() {
  ++in_use_;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      char* buffer = free_.back();
      free_.pop_back();
      return buffer;
    }
  }
  return static_cast<char*>(::operator new(kBytes));
}

void DiskBuffers::give_back(char* buffer) {
  --in_use_;
  {
    const std::lock_guard lock(mutex_);
    if (free_.size() < limits::kFreeBlocks) return free_.push_back(buffer);
  }
  ::operator delete(buffer);
}

}  // namespace rondo::peer
