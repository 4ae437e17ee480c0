// Datagrams of both rings: what decodes must survive being written and read again.
#include <cstddef>
#include <cstdint>

#include "dht/base/assert.hpp"
#include "dht/base/limits.hpp"
#include "dht/wire/codec/codec.hpp"

namespace {

using namespace rondo;
using namespace rondo::dht;

void check(ByteView datagram, Family family) {
  const auto decoded = wire::decode(datagram, family);
  if (!decoded.ok()) {
    RONDO_ASSERT(wire::to_string(decoded.error().error) != "unknown error");
    return;
  }
  // A sender may leave out `v`, which we always write.
  const std::size_t size = wire::encoded_size(decoded.value(), family);
  if (size > limits::kDatagram) return;
  const Bytes encoded = wire::encode(decoded.value(), family);
  RONDO_ASSERT(encoded.size() == size);
  const auto again = wire::decode(encoded, family);
  RONDO_ASSERT(again.ok());
  RONDO_ASSERT(again.value() == decoded.value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({data, size}, Family::kV4);
  check({data, size}, Family::kV6);
  return 0;
}
