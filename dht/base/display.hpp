// Text from strangers (names in torrents, error texts of peers) made fit for a terminal or a log line.
//
// A file name can hold escape sequences that repaint the screen or paste into the shell, direction marks that make
// "exe.txt" of "txt.exe", and characters of no width that make two names look alike. Whatever is printed and was not
// written by us goes through display().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rondo {

/// One step of reading UTF-8. `length` is at least 1: after an invalid byte, reading goes on behind it.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;
  bool valid = false;
};

/// Reads the first code point. Overlong forms, surrogates and values beyond U+10FFFF are invalid.
/// REQUIRES: text is not empty.
CodePoint first_code_point(std::string_view text);

bool is_valid_utf8(std::string_view text);

/// Appends the UTF-8 form of a valid code point.
void append_utf8(std::string& out, char32_t code_point);

/// Controls (C0, DEL, C1), direction marks, line separators, and characters that show nothing at all.
bool is_deceptive(char32_t code_point);

/// The text with everything deceptive written out: "\x1b" for bytes and controls below U+0100, "\u{202e}" above.
/// Equal to the text when there is nothing to write out.
std::string display(std::string_view text);

/// The same of at most `bytes` of the text: of a longer one the middle is left out ("begin...end"), where no code point
/// is cut in two.
std::string display_short(std::string_view text, std::size_t bytes);

}  // namespace rondo
