#include "dht/rpc/token_issuer.hpp"

#include <algorithm>

#include "dht/base/crypto.hpp"
#include "dht/base/limits.hpp"

namespace rondo::dht {
namespace {

wire::Token make_token(ByteView secret, const Endpoint& asker) {
  std::array<std::uint8_t, 18> input{};
  const ByteView address = asker.address_bytes();
  const auto port = std::copy(address.begin(), address.end(), input.begin());
  *port = static_cast<std::uint8_t>(asker.port >> 8);
  *(port + 1) = static_cast<std::uint8_t>(asker.port & 0xff);
  const Sha256 mac = hmac_sha256(secret, {input.data(), address.size() + 2});
  wire::Token token{};
  std::copy_n(mac.begin(), token.size(), token.begin());
  return token;
}

/// Compares in time that does not depend on where the tokens differ.
bool equal(const wire::Token& a, const wire::Token& b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

TokenIssuer::TokenIssuer(Rng& rng, Instant now)
    : rng_(&rng), current_(rng.bytes<16>()), previous_(current_), rotate_at_(now + limits::kTokenRotation) {}

void TokenIssuer::rotate(Instant now) {
  if (now < rotate_at_) return;
  // Nobody may have asked for long. Rotations keep to their grid, or a token would live on until the next question.
  const auto missed = (now - rotate_at_) / limits::kTokenRotation;
  previous_ = missed > 0 ? rng_->bytes<16>() : current_;
  current_ = rng_->bytes<16>();
  rotate_at_ += (missed + 1) * limits::kTokenRotation;
}

wire::Token TokenIssuer::issue(const Endpoint& asker, Instant now) {
  rotate(now);
  return make_token(current_, asker);
}

bool TokenIssuer::valid(const Endpoint& asker, const wire::Token& token, Instant now) {
  rotate(now);
  return equal(token, make_token(current_, asker)) || equal(token, make_token(previous_, asker));
}

}  // namespace rondo::dht
