// The loader of .torrent files: any bytes give a list of safe paths, or a sentence.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "dht/base/assert.hpp"
#include "dht/base/display.hpp"
#include "peer/transfer/sanitize.hpp"
#include "peer/transfer/torrent_file.hpp"

namespace {

void check_path(const std::string& path, const std::string& name) {
  RONDO_ASSERT(path == name || path.starts_with(name + "/"));
  RONDO_ASSERT(rondo::display(path) == path && path.find("//") == std::string::npos);
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string component = path.substr(start, end - start);
    RONDO_ASSERT(rondo::peer::safe_component(component) == component);
    start = end + 1;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto content = rondo::peer::read_torrent({data, size});
  if (!content) {
    RONDO_ASSERT(content.error().code == rondo::peer::TransferErrc::kBadTorrent);
    RONDO_ASSERT(rondo::display(content.error().sentence) == content.error().sentence);
    return 0;
  }
  RONDO_ASSERT(!content->files.empty() && content->name.front() != '.');
  std::uint64_t bytes = 0;
  std::set<std::string> seen;
  for (const auto& file : content->files) {
    check_path(file.path, content->name);
    RONDO_ASSERT(seen.insert(file.path).second);
    bytes += file.size;
  }
  RONDO_ASSERT(bytes == content->bytes);
  return 0;
}
