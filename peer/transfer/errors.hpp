// The sentences that errors of the system become.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "peer/transfer/transfer.hpp"

namespace rondo::peer {

/// "can't <action> <path>: <reason>", with the code that fits errno where something is to be written.
std::optional<TransferError> error_of(int error, const std::string& action, const std::filesystem::path& path);

TransferError already_there(const std::filesystem::path& path);

/// "1.5 MB": decimal, as disks are sold and file managers count.
std::string size_text(std::uint64_t bytes);

}  // namespace rondo::peer
