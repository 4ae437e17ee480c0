#include "dht/chord/member_id.hpp"

#include <algorithm>
#include <string_view>

#include "dht/base/crypto.hpp"
#include "dht/chord/chord_config.hpp"

namespace rondo::dht {

wire::NetworkTag network_tag(std::string_view network_name) {
  const Sha256 hash = sha256(as_bytes(network_name));
  wire::NetworkTag tag{};
  std::copy_n(hash.begin(), tag.size(), tag.begin());
  return tag;
}

std::array<RingId, kIdsPerAddress> ids_of_address(const Endpoint& endpoint) {
  constexpr std::string_view kLabel = "rondo-id";
  const ByteView address = endpoint.address_bytes();
  Bytes input(kLabel.begin(), kLabel.end());
  input.insert(input.end(), address.begin(), address.begin() + (endpoint.family == Family::kV4 ? 4 : 8));
  input.push_back(0);
  std::array<RingId, kIdsPerAddress> ids;
  for (unsigned r = 0; r < kIdsPerAddress; ++r) {
    input.back() = static_cast<std::uint8_t>(r);
    const Sha256 hash = sha256(input);
    std::copy_n(hash.begin(), RingId::kSize, ids[r].bytes.begin());
  }
  return ids;
}

bool credible(const Contact& self, const Contact& contact) {
  const Endpoint& endpoint = contact.endpoint;
  if (!is_usable(endpoint) || endpoint.family != self.endpoint.family) return false;
  if (is_private(endpoint)) return is_private(self.endpoint) || !is_usable(self.endpoint);
  const auto ids = ids_of_address(endpoint);
  return std::find(ids.begin(), ids.end(), contact.id) != ids.end();
}

bool admissible(const Contact& self, const Contact& contact) {
  return contact.id != self.id && contact.endpoint != self.endpoint && credible(self, contact);
}

}  // namespace rondo::dht
