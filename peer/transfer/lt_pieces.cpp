#include "peer/transfer/lt_pieces.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <libtorrent/file_storage.hpp>
#include <tuple>

namespace rondo::peer {

std::optional<Hashes> expected_hashes(const lt::torrent_info& info) {
  Hashes out;
  if (info.v1()) {
    for (const lt::piece_index_t piece : info.piece_range()) {
      const lt::sha1_hash hash = info.hash_for_piece(piece);
      std::copy(hash.begin(), hash.end(), out.v1.emplace_back().begin());
    }
    return out;
  }
  const lt::file_storage& files = info.files();
  for (const lt::file_index_t index : files.file_range()) {
    const lt::span<const char> layer = info.piece_layer(index);
    auto& roots = out.v2.emplace_back(static_cast<std::size_t>(layer.size()) / std::tuple_size_v<Root>);
    const bool has_pieces = !files.pad_file_at(index) && files.file_size(index) > 0;
    if (has_pieces && roots.size() != static_cast<std::size_t>(files.file_num_pieces(index))) return std::nullopt;
    for (std::size_t i = 0; i < roots.size(); ++i)
      std::copy_n(layer.data() + i * roots[i].size(), roots[i].size(), reinterpret_cast<char*>(roots[i].data()));
  }
  return out;
}

HashPlan plan_of_files(const lt::torrent_info& info, const std::function<std::string(lt::file_index_t)>& path_of) {
  HashPlan plan;
  const lt::file_storage& files = info.files();
  plan.piece_length = static_cast<std::uint32_t>(info.piece_length());
  plan.v1 = info.v1();
  plan.v2 = !info.v1();
  for (const lt::file_index_t index : files.file_range())
    plan.parts.push_back({files.pad_file_at(index) ? std::string() : path_of(index),
                          static_cast<std::uint64_t>(files.file_size(index))});
  return plan;
}

}  // namespace rondo::peer
