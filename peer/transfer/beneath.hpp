// Opening and removing below a directory handle, without ever following a symbolic link.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "peer/transfer/fd.hpp"

namespace rondo::peer {

/// Opens a relative path below `folder`; no component may be a symbolic link or lead out of it. Not ok with errno set.
Fd open_beneath(int folder, const std::string& path, int flags, mode_t mode = 0);

/// Opens the folder `path` below `folder`, making what is missing of it. An empty path is `folder` itself. Not ok with
/// errno set.
Fd make_folders_beneath(int folder, const std::string& path);

/// Removes everything in an open folder, as far as it can be removed.
void remove_contents(int folder);

/// Removes what is in an open folder and below, but for regular files and folders whose path from there `keep` says yes
/// to. What it says no to is not entered.
void remove_others(int folder, const std::function<bool(const std::string& path, bool is_folder)>& keep,
                   const std::string& below = {});

}  // namespace rondo::peer
