// The record of a download that isn't complete: `.resume` in its staging folder. What is in it is lt_prepare.hpp's
// matter; here it is bytes that are there whole or not at all.
//
// Threading: write() may run in a task of its own, for the disk can take its time; close() ends it from another thread.
#pragma once

#include <mutex>

#include "dht/base/bytes.hpp"
#include "peer/transfer/fd.hpp"

namespace rondo::peer {

class ResumeFile {
 public:
  /// No name of a content begins with a dot.
  static constexpr const char* kName = ".resume";

  /// `folder` is the caller's.
  explicit ResumeFile(int folder);

  /// Empty without a record, and for one that can't be read or is longer than limits::kResumeBytes.
  [[nodiscard]] Bytes read() const;

  /// Makes sure that all that was written to this file system so far survives a power cut, then replaces the record.
  /// Returns errno. After close() nothing is written.
  int write(ByteView bytes);

  /// The folder goes away.
  void close();

 private:
  [[nodiscard]] int replace(ByteView bytes) const;

  Fd folder_;
  std::mutex mutex_;
  bool closed_ = false;
};

}  // namespace rondo::peer
