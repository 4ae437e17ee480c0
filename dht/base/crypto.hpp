// The few primitives of OpenSSL that the ring needs, as values in and values out.
#pragma once

#include <array>
#include <cstdint>

#include "dht/base/bytes.hpp"

namespace rondo {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(ByteView data);
Sha256 hmac_sha256(ByteView key, ByteView data);

/// Fills from the operating system's generator (RAND_bytes). Aborts when there is no entropy: a daemon without it
/// must not make keys. For drivers and key making only; protocol code gets an Rng.
void random_bytes(std::span<std::uint8_t> out);

}  // namespace rondo
