// Where content comes from: a magnet link, a .torrent file, standard input.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "dht/base/bytes.hpp"
#include "dht/base/result.hpp"
#include "dht/base/ring_id.hpp"
#include "peer/control/api.hpp"

namespace rondo::cli {

using Source = std::variant<peer::Magnet, Bytes>;

/// By its scheme, in either case. It may still be malformed.
bool is_magnet(std::string_view word);

/// A link or an info-hash, a path, or "-": then a link or the bytes of a torrent are read from `in_fd` to its end.
/// Nothing is interpreted but links: the torrent's bytes are judged by whoever loads them.
Result<Source, control::ApiError> read_source(const std::string& word, int in_fd);

struct LookupTarget {
  RingId key;
  /// Entry points of the link.
  std::vector<Endpoint> entry_points;
};
/// 40 hexadecimal digits or a magnet link.
Result<LookupTarget, control::ApiError> read_key(const std::string& word);

/// Overwrites the links among the arguments, so that `ps` doesn't show them to others.
void scrub_links(int argc, char** argv);

}  // namespace rondo::cli
