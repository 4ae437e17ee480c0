#include "dht/base/display.hpp"

#include <array>
#include <cstdint>

#include "dht/base/assert.hpp"

namespace rondo {
namespace {

struct Interval {
  char32_t first;
  char32_t last;
};

/// Sorted. Unicode's Cc, Zl, Zp, the bidirectional controls (UAX 9), and default-ignorable characters that have no
/// business in a file name. Joiners between letters (U+200C, U+200D) are among them: some scripts and emoji use them,
/// and they are also the way to write two different names that look the same. The variation selectors U+FE00 to U+FE0F
/// are not: the usual emoji hold one.
constexpr std::array<Interval, 18> kDeceptive{{{0x0000, 0x001f},
                                               {0x007f, 0x009f},
                                               {0x00ad, 0x00ad},
                                               {0x034f, 0x034f},
                                               {0x061c, 0x061c},
                                               {0x115f, 0x1160},
                                               {0x17b4, 0x17b5},
                                               {0x180b, 0x180f},
                                               {0x200b, 0x200f},
                                               {0x2028, 0x202e},
                                               {0x2060, 0x206f},
                                               {0x3164, 0x3164},
                                               {0xfeff, 0xfeff},
                                               {0xffa0, 0xffa0},
                                               {0xfff0, 0xfffb},
                                               {0x1bca0, 0x1bca3},
                                               {0x1d173, 0x1d17a},
                                               {0xe0000, 0xe0fff}}};

struct Lead {
  std::size_t length;
  char32_t bits;
  char32_t smallest;
};

/// What the first byte of a multi-byte form says; length 0 when it can't be one.
Lead read_lead(std::uint8_t byte) {
  if (byte >= 0xc2 && byte <= 0xdf) return {2, byte & 0x1fu, 0x80};
  if (byte >= 0xe0 && byte <= 0xef) return {3, byte & 0x0fu, 0x800};
  if (byte >= 0xf0 && byte <= 0xf4) return {4, byte & 0x07u, 0x10000};
  return {0, 0, 0};
}

constexpr char kDigits[] = "0123456789abcdef";

void append_hex_byte(std::string& out, std::uint8_t byte) {
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

void append_escaped(std::string& out, char32_t code_point) {
  if (code_point < 0x100) return append_hex_byte(out, static_cast<std::uint8_t>(code_point));
  std::string reversed;
  for (char32_t rest = code_point; rest != 0; rest >>= 4) reversed += kDigits[rest & 15];
  out += "\\u{";
  out.append(reversed.rbegin(), reversed.rend());
  out += '}';
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
  RONDO_ASSERT(!text.empty());
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1, true};
  const Lead lead = read_lead(byte(0));
  if (lead.length == 0 || text.size() < lead.length) return {};
  char32_t value = lead.bits;
  for (std::size_t i = 1; i < lead.length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < lead.smallest || value > 0x10ffff || surrogate) return {};
  return {value, lead.length, true};
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    if (!next.valid) return false;
    text.remove_prefix(next.length);
  }
  return true;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&](char32_t value) { out += static_cast<char>(static_cast<std::uint8_t>(value)); };
  if (code_point < 0x80) return put(code_point);
  if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
  }
  put(0x80 | (code_point & 0x3f));
}

bool is_deceptive(char32_t code_point) {
  for (const Interval& interval : kDeceptive)
    if (code_point >= interval.first && code_point <= interval.last) return true;
  return false;
}

std::string display(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    if (!next.valid)
      append_hex_byte(out, static_cast<std::uint8_t>(text[0]));
    else if (is_deceptive(next.value))
      append_escaped(out, next.value);
    else
      out.append(text.substr(0, next.length));
    text.remove_prefix(next.length);
  }
  return out;
}

std::string display_short(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return display(text);
  const auto continues = [&](std::size_t i) {
    return i < text.size() && (static_cast<std::uint8_t>(text[i]) & 0xc0) == 0x80;
  };
  // A code point has at most three bytes behind its first; more of them are no UTF-8, and may be cut anywhere.
  std::size_t begin = bytes / 2;
  for (int i = 0; i < 3 && begin > 0 && continues(begin); ++i) --begin;
  std::size_t end = text.size() - (bytes - bytes / 2);
  for (int i = 0; i < 3 && continues(end); ++i) ++end;
  return display(text.substr(0, begin)) + "..." + display(text.substr(end));
}

}  // namespace rondo
