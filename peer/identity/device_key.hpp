// The key of this device: an Ed25519 pair (RFC 8032) that signs what the device says.
//
// The file is one line of text, `rondo-device-key-1 SEED PUBLIC`, both 64 hexadecimal digits. The public half is there
// to find damage: one flipped bit in a seed is another valid seed, and another identity. A key file that can't be used
// is never overwritten; the sentence says what is wrong with it and what to do.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "dht/base/bytes.hpp"
#include "dht/base/result.hpp"

struct evp_pkey_st;

namespace rondo::peer {

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// True for the 64 bytes that the holder of the key made for this message, and nothing else.
bool verify_signature(const PublicKey& key, ByteView message, ByteView signature);

class DeviceKey {
 public:
  /// Loads the key, or makes one when there is no file. REQUIRES: the folder exists (make_home()).
  static Result<DeviceKey> load_or_create(const std::filesystem::path& file);

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] std::string public_key_hex() const { return to_hex(public_key_); }
  [[nodiscard]] Signature sign(ByteView message) const;

 private:
  using Key = std::shared_ptr<evp_pkey_st>;
  using Seed = std::array<std::uint8_t, 32>;

  explicit DeviceKey(const Seed& seed);
  static Result<DeviceKey> load(const std::filesystem::path& file);
  static Result<DeviceKey> create(const std::filesystem::path& file);

  Key key_;
  PublicKey public_key_{};
};

}  // namespace rondo::peer
