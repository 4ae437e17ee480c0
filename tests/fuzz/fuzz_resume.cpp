// The record of an interrupted download, damaged or written by somebody else: whatever it says, no more is taken for
// good than the files hold.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "dht/base/assert.hpp"
#include "dht/base/bytes.hpp"
#include "peer/transfer/lt_prepare.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

namespace fs = std::filesystem;
using namespace rondo;

constexpr std::uint64_t kSize = 40'000;
constexpr std::uint64_t kThere = 20'000;

/// One file of three pieces, whose hashes fit nothing: only a record makes a piece good.
peer::LoadedTorrent torrent() {
  const std::string text =
      "d4:infod6:lengthi40000e4:name1:f12:piece lengthi16384e6:pieces60:" + std::string(60, 'h') + "ee";
  auto loaded = peer::load_torrent(Bytes(text.begin(), text.end()));
  RONDO_ASSERT(loaded.ok());
  return std::move(*loaded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TempDir kFolder;
  static const peer::LoadedTorrent kLoaded = torrent();
  const fs::path staging = peer::staging_folder(kFolder.path(), kLoaded.content.info_hash);
  fs::create_directories(staging);
  std::ofstream(staging / "f", std::ios::binary) << std::string(kThere, 'x');
  std::ofstream(staging / ".resume", std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const std::atomic<bool> cancelled{false};
  const auto prepared = peer::prepare_download(
      kFolder.path(), peer::WhenExists::kRefuse, kLoaded, [](auto) {}, cancelled);
  RONDO_ASSERT(prepared.ok());
  RONDO_ASSERT(prepared->resumed.kept <= kThere && prepared->resumed.checked == 0 && !prepared->is_complete);
  RONDO_ASSERT(prepared->wanted == kSize && prepared->params.have_pieces.size() == 3);
  return 0;
}
