// Writes canonical bencode (BEP 3): sorted keys, no leading zeros. Whoever breaks the order breaks an assert, so what
// comes out is canonical by construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "dht/base/bytes.hpp"
#include "dht/base/limits.hpp"

namespace rondo::dht::wire {

class BencodeWriter {
 public:
  explicit BencodeWriter(std::size_t expected_size) { out_.reserve(expected_size); }

  void begin_dictionary() { open('d'); }
  void begin_list() { open('l'); }
  /// Closes the dictionary or list that was opened last.
  void end();

  /// REQUIRES: greater than the dictionary's last key; lives as long as the writer (keys are literals).
  void key(std::string_view name);
  void string(ByteView bytes);
  void string(std::string_view text) { string(as_bytes(text)); }
  /// A string of zero bytes.
  void zeros(std::size_t length);
  void integer(std::uint64_t number);

  /// REQUIRES: all that was opened is closed.
  Bytes take() &&;

 private:
  void open(char mark);
  void put(char mark) { out_.push_back(static_cast<std::uint8_t>(mark)); }
  void put_decimal(std::uint64_t number);

  Bytes out_;
  std::array<std::string_view, limits::kBencodeDepth> last_keys_;
  std::size_t depth_ = 0;
};

}  // namespace rondo::dht::wire
