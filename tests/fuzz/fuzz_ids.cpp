// Ring ids and keys as texts: hexadecimal digits, the base32 of magnet links, raw bytes.
#include <cstddef>
#include <cstdint>
#include <string>

#include "dht/base/assert.hpp"
#include "dht/base/bytes.hpp"
#include "dht/base/ring_id.hpp"
#include "peer/transfer/transfer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rondo;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto bytes = from_hex(text);
  RONDO_ASSERT(!bytes || (bytes->size() * 2 == size && from_hex(to_hex(*bytes)) == bytes));
  const auto id = RingId::from_hex(text);
  RONDO_ASSERT(id.has_value() == (bytes && bytes->size() == RingId::kSize));
  if (id) RONDO_ASSERT(RingId::from_hex(id->hex()) == id && RingId::from_bytes(*bytes) == id);
  RONDO_ASSERT(RingId::from_bytes({data, size}).has_value() == (size == RingId::kSize));
  // The link reads exactly what the id reads, and base32 besides.
  const auto magnet = peer::parse_magnet("magnet:?xt=urn:btih:" + text);
  if (id) RONDO_ASSERT(magnet.ok() && magnet->info_hash == *id);
  if (!magnet.ok()) return 0;
  const auto again = peer::parse_magnet("magnet:?xt=urn:btih:" + magnet->info_hash.hex());
  RONDO_ASSERT(again.ok() && again->info_hash == magnet->info_hash);
  return 0;
}
