#include "peer/transfer/digest.hpp"

#include <openssl/evp.h>

#include <new>

#include "dht/base/assert.hpp"

namespace rondo::peer {

Digest::Digest(const char* name) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  // Fetched once a context: OpenSSL 3 would otherwise look the digest up for every message, under a lock.
  EVP_MD* const kind = EVP_MD_fetch(nullptr, name, nullptr);
  const bool begun = context_ != nullptr && kind != nullptr && EVP_DigestInit_ex(context_.get(), kind, nullptr) == 1;
  EVP_MD_free(kind);
  if (!begun) throw std::bad_alloc();
}

Digest Digest::sha1() { return Digest("SHA1"); }

Digest Digest::sha256() { return Digest("SHA256"); }

void Digest::update(ByteView bytes) { RONDO_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }

void Digest::finish_into(std::span<std::uint8_t> out) {
  unsigned size = 0;
  RONDO_ASSERT(out.size() == static_cast<std::size_t>(EVP_MD_CTX_get_size(context_.get())));
  RONDO_ASSERT(EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1 && size == out.size());
  RONDO_ASSERT(EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1);
}

}  // namespace rondo::peer
