// Opening and removing below a directory handle, without ever following a symbolic link.
#pragma once

#include <sys/types.h>

#include <string>

#include "peer/transfer/fd.hpp"

namespace rondo::peer {

/// Opens a relative path below `folder`; no component may be a symbolic link or lead out of it. Not ok with errno set.
Fd open_beneath(int folder, const std::string& path, int flags, mode_t mode = 0);

/// Removes everything in an open folder, as far as it can be removed.
void remove_contents(int folder);

}  // namespace rondo::peer
