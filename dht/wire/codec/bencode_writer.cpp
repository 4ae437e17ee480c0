#include "dht/wire/codec/bencode_writer.hpp"

#include <charconv>
#include <limits>

#include "dht/base/assert.hpp"

namespace rondo::dht::wire {

void BencodeWriter::open(char mark) {
  RONDO_ASSERT(depth_ < last_keys_.size());
  last_keys_[depth_++] = {};
  put(mark);
}

void BencodeWriter::end() {
  RONDO_ASSERT(depth_ > 0);
  --depth_;
  put('e');
}

void BencodeWriter::key(std::string_view name) {
  RONDO_ASSERT(depth_ > 0 && last_keys_[depth_ - 1] < name);
  last_keys_[depth_ - 1] = name;
  string(name);
}

void BencodeWriter::string(ByteView bytes) {
  put_decimal(bytes.size());
  put(':');
  out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void BencodeWriter::zeros(std::size_t length) {
  put_decimal(length);
  put(':');
  out_.insert(out_.end(), length, 0);
}

void BencodeWriter::integer(std::uint64_t number) {
  put('i');
  put_decimal(number);
  put('e');
}

Bytes BencodeWriter::take() && {
  RONDO_ASSERT(depth_ == 0);
  return std::move(out_);
}

void BencodeWriter::put_decimal(std::uint64_t number) {
  std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 1> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  RONDO_ASSERT(error == std::errc{});
  out_.insert(out_.end(), digits.data(), end);
}

}  // namespace rondo::dht::wire
