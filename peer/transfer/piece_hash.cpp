#include "peer/transfer/piece_hash.hpp"

namespace rondo::peer {

void PieceHash::add_v1(std::size_t offset, ByteView block) {
  if (offset < end_) finish_v1();
  if (offset == end_) resume_v1(block);
}

void PieceHash::add_v2(std::size_t offset, ByteView block, Digest& sha256) {
  const std::size_t index = offset / kBlockBytes;
  if (index >= blocks_.size()) blocks_.resize(index + 1);
  sha256.update(block);
  blocks_[index] = sha256.finish<32>();
}

void PieceHash::resume_v1(ByteView bytes) {
  if (!sha1_) sha1_ = Digest::sha1();
  sha1_->update(bytes);
  end_ += bytes.size();
}

PieceHash::Sha1 PieceHash::finish_v1() {
  if (!sha1_) sha1_ = Digest::sha1();
  end_ = 0;
  return sha1_->finish<20>();
}

const std::optional<PieceHash::Sha256>& PieceHash::v2(std::size_t offset) const {
  static const std::optional<Sha256> kNone;
  const std::size_t index = offset / kBlockBytes;
  return index < blocks_.size() ? blocks_[index] : kNone;
}

}  // namespace rondo::peer
