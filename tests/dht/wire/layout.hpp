// Datagrams as people read them: one field a line, bytes that don't print as \xNN. Golden files and docs/protocol.md
// hold this form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dht/base/bytes.hpp"

namespace rondo::dht::wire::test {

/// The layout of one canonical bencoded value, and nothing for all else: keys sorted and distinct, numbers without
/// leading zeros, no byte left over. Knows nothing of libtorrent, so it judges our writer from outside.
std::optional<std::string> layout_of(ByteView bencode);

/// The bytes of a layout: spaces and line ends are not part of the datagram, `#` starts a comment.
Bytes bytes_of_layout(std::string_view layout);

}  // namespace rondo::dht::wire::test
