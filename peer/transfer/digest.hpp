// SHA-1 and SHA-256 of many messages, one after the other, with one context of OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dht/base/bytes.hpp"

struct evp_md_ctx_st;

namespace rondo::peer {

class Digest {
 public:
  /// Throws std::bad_alloc when OpenSSL has no memory for it.
  static Digest sha1();
  static Digest sha256();

  void update(ByteView bytes);

  /// Ends this message and begins the next. REQUIRES: N is the size of this kind's digests.
  template <std::size_t N>
  std::array<std::uint8_t, N> finish() {
    std::array<std::uint8_t, N> out{};
    finish_into(out);
    return out;
  }

 private:
  explicit Digest(const char* name);
  void finish_into(std::span<std::uint8_t> out);

  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

}  // namespace rondo::peer
