// Tokens prove that an asker receives at the address that it sends from (BEP 5; amplification rule of DESIGN 2).
//
// Token = first 8 bytes of HMAC-SHA256(secret, address, port). Secrets rotate every limits::kTokenRotation and two
// live, so a token is good for one to two rotations. Nothing is stored per asker. An attacker who cannot read what we
// send to an address can only guess 64 bits.
#pragma once

#include <array>
#include <cstdint>

#include "dht/base/endpoint.hpp"
#include "dht/base/rng.hpp"
#include "dht/base/time.hpp"
#include "dht/wire/messages/header.hpp"

namespace rondo::dht {

class TokenIssuer {
 public:
  /// `rng` must outlive the issuer.
  TokenIssuer(Rng& rng, Instant now);

  wire::Token issue(const Endpoint& asker, Instant now);
  bool valid(const Endpoint& asker, const wire::Token& token, Instant now);

 private:
  using Secret = std::array<std::uint8_t, 16>;
  void rotate(Instant now);

  Rng* rng_;
  Secret current_;
  Secret previous_;
  Instant rotate_at_;
};

}  // namespace rondo::dht
