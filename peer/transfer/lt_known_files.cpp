#include "peer/transfer/lt_known_files.hpp"

namespace rondo::peer {

void KnownFiles::tell(const lt::sha1_hash& torrent, const std::string& folder,
                      const std::shared_ptr<const Identities>& identities) {
  const std::lock_guard lock(mutex_);
  std::erase_if(told_, [](const auto& entry) { return entry.second.expired(); });
  told_[{torrent, folder}] = identities;
}

std::shared_ptr<const KnownFiles::Identities> KnownFiles::find(const lt::sha1_hash& torrent,
                                                               const std::string& folder) const {
  const std::lock_guard lock(mutex_);
  const auto found = told_.find({torrent, folder});
  return found == told_.end() ? nullptr : found->second.lock();
}

}  // namespace rondo::peer
