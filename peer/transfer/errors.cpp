#include "peer/transfer/errors.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include "dht/base/display.hpp"

namespace rondo::peer {
namespace {

TransferErrc code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return TransferErrc::kDiskFull;
    case EEXIST: return TransferErrc::kExists;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case ENAMETOOLONG:
    case ENOENT:
    case ENOTDIR: return TransferErrc::kDenied;
    default: return TransferErrc::kInternal;
  }
}

}  // namespace

std::optional<TransferError> error_of(int error, const std::string& action, const std::filesystem::path& path) {
  return TransferError{
      code_of(error), "can't " + action + " " + display(path.string()) + ": " + std::generic_category().message(error)};
}

TransferError already_there(const std::filesystem::path& path) {
  return {TransferErrc::kExists,
          display(path.string()) +
              " exists already: move it away, fetch into another folder, or say --rename, --skip or --overwrite"};
}

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits{" kB", " MB", " GB", " TB", " PB"};
  if (bytes < 1000) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
  std::uint64_t unit = 1000;
  std::size_t i = 0;
  for (; i + 1 < kUnits.size() && bytes / unit >= 1000; ++i) unit *= 1000;
  // One digit behind the point below ten, as du and ls do.
  const std::uint64_t tenths = bytes / (unit / 10);
  if (tenths >= 100) return std::to_string(bytes / unit) + kUnits[i];
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + kUnits[i];
}

}  // namespace rondo::peer
