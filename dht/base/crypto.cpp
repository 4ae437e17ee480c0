#include "dht/base/crypto.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "dht/base/assert.hpp"

namespace rondo {

Sha256 sha256(ByteView data) {
  Sha256 digest{};
  SHA256(data.data(), data.size(), digest.data());
  return digest;
}

Sha256 hmac_sha256(ByteView key, ByteView data) {
  Sha256 digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), digest.data(), &length);
  RONDO_ASSERT(length == digest.size());
  return digest;
}

void random_bytes(std::span<std::uint8_t> out) {
  RONDO_ASSERT(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

}  // namespace rondo
