// Addresses as texts: endpoints of links and state files, and HOST:PORT of the command line.
#include <cstddef>
#include <cstdint>
#include <string>

#include "cli/parse.hpp"
#include "dht/base/assert.hpp"
#include "dht/base/endpoint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rondo;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto endpoint = Endpoint::parse(text)) {
    const auto again = Endpoint::parse(endpoint->text());
    RONDO_ASSERT(again && *again == *endpoint && again->text() == endpoint->text());
    RONDO_ASSERT(!is_usable(*endpoint) || endpoint->port != 0);
  }
  if (const auto host = cli::parse_host_port(text)) {
    RONDO_ASSERT(!host->host.empty() && host->port != 0);
    // The resolver reads up to the first NUL, so there is none.
    RONDO_ASSERT(host->host.find('\0') == std::string::npos);
    const bool v6 = host->host.find(':') != std::string::npos;
    const auto again =
        cli::parse_host_port((v6 ? "[" + host->host + "]" : host->host) + ":" + std::to_string(host->port));
    RONDO_ASSERT(again && again->host == host->host && again->port == host->port);
  }
  return 0;
}
