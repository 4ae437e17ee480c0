// The hashes of a torrent as BEP 3 and BEP 52 define them, slowly: everything in memory, one recursion a tree.
#pragma once

#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dht/base/crypto.hpp"
#include "dht/base/rng.hpp"
#include "peer/transfer/hasher.hpp"
#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {

inline bool same(const Hashes& a, const Hashes& b) {
  return a.v1 == b.v1 && a.v2 == b.v2 && a.file_roots == b.file_roots;
}

/// Over leaves [from, to) of a tree; those beyond the content are zero.
inline Root naive_root(std::string_view content, std::size_t from, std::size_t to) {
  if (to - from > 1) {
    const std::size_t middle = from + (to - from) / 2;
    const Root left = naive_root(content, from, middle);
    const Root right = naive_root(content, middle, to);
    Bytes both(left.begin(), left.end());
    both.insert(both.end(), right.begin(), right.end());
    return sha256(both);
  }
  if (from * kBlock >= content.size()) return {};
  return sha256(as_bytes(content.substr(from * kBlock, kBlock)));
}

inline std::size_t power_of_two(std::size_t at_least) {
  std::size_t out = 1;
  while (out < at_least) out *= 2;
  return out;
}

inline Root naive_file_root(std::string_view content) {
  return content.empty() ? Root{} : naive_root(content, 0, power_of_two((content.size() + kBlock - 1) / kBlock));
}

inline std::vector<Root> naive_v2(std::string_view content, std::size_t piece_length) {
  if (content.empty()) return {};
  if (content.size() < piece_length) return {naive_file_root(content)};
  std::vector<Root> out;
  for (std::size_t at = 0; at < content.size(); at += piece_length)
    out.push_back(naive_root(content, at / kBlock, (at + piece_length) / kBlock));
  return out;
}

inline std::vector<Sha1> naive_v1(std::string_view all, std::size_t piece_length) {
  std::vector<Sha1> out;
  for (std::size_t at = 0; at < all.size(); at += piece_length) {
    const ByteView piece = as_bytes(all.substr(at, piece_length));
    SHA1(piece.data(), piece.size(), out.emplace_back().data());
  }
  return out;
}

/// A torrent on disk: its plan, its content, and what its hashes are.
struct Model {
  struct Shape {
    bool v1 = true;
    bool v2 = false;
    bool pads = false;
    bool file_roots = false;
    std::uint32_t piece_length = kBlock;
  };

  Model(const fs::path& folder, const Shape& shape, const std::vector<std::string>& files) {
    plan.piece_length = shape.piece_length;
    plan.v1 = shape.v1;
    plan.v2 = shape.v2;
    plan.file_roots = shape.file_roots;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const fs::path path = folder / ("f" + std::to_string(i));
      write_file(path, files[i]);
      add({path.string(), files[i].size()}, files[i]);
      if (const std::size_t over = all.size() % shape.piece_length; over != 0 && shape.pads && i + 1 < files.size())
        add({"", shape.piece_length - over}, std::string(shape.piece_length - over, '\0'));
    }
    if (shape.v1) hashes.v1 = naive_v1(all, shape.piece_length);
  }

  HashPlan plan;
  std::vector<std::string> contents;
  std::string all;
  std::uint64_t file_bytes = 0;
  Hashes hashes;

 private:
  void add(HashPlan::Part part, const std::string& content) {
    const bool pad = part.disk_path.empty();
    if (!pad) file_bytes += part.size;
    if (plan.v2) hashes.v2.push_back(pad ? std::vector<Root>() : naive_v2(content, plan.piece_length));
    if (plan.file_roots) hashes.file_roots.push_back(pad ? Root{} : naive_file_root(content));
    plan.parts.push_back(std::move(part));
    contents.push_back(content);
    all += content;
  }
};

/// Sizes where mistakes live: around blocks, pieces and units, empty and tiny ones.
inline std::vector<std::string> random_files(Rng& rng, std::uint32_t piece_length) {
  std::vector<std::string> out(1 + rng.below(12));
  for (std::string& content : out) {
    const std::size_t edges[] = {0, 1, kBlock, piece_length, 3 * std::size_t{piece_length}, 1 << 20};
    std::size_t size = edges[rng.below(std::size(edges))];
    if (rng.below(2) == 0) size += rng.below(2 * kBlock);
    if (rng.below(3) == 0 && size > 0) --size;
    content = random_text(rng.below(1'000'000), size);
  }
  return out;
}

}  // namespace rondo::peer::test
