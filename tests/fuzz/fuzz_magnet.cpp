// The magnet link parser: any text gives a magnet or a sentence, and what is read can be written and read again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "dht/base/assert.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/transfer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rondo::peer;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto magnet = parse_magnet(text);
  if (!magnet) {
    RONDO_ASSERT(!magnet.error().empty() && rondo::display(magnet.error()) == magnet.error());
    return 0;
  }
  RONDO_ASSERT(magnet->has_v1 || magnet->info_hash_v2.has_value());
  RONDO_ASSERT(magnet->peers.size() <= limits::kMagnetList && magnet->trackers.size() <= limits::kMagnetList);
  const std::string link = format_magnet(*magnet);
  const auto again = parse_magnet(link);
  // Percent-encoding can make a long name longer than what is read.
  if (link.size() <= limits::kMagnetBytes) RONDO_ASSERT(again.ok() && format_magnet(*again) == link);
  return 0;
}
