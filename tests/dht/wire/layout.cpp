#include "tests/dht/wire/layout.hpp"

#include <algorithm>
#include <array>

namespace rondo::dht::wire::test {
namespace {

class StrictReader {
 public:
  explicit StrictReader(ByteView in) : in_(in) {}

  std::optional<std::string> run() {
    if (!value(0, "") || at_ != in_.size()) return std::nullopt;
    out_ += '\n';
    return out_;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < in_.size() ? static_cast<char>(in_[at_]) : '\0'; }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  void new_line(std::size_t depth) {
    out_ += '\n';
    out_.append(2 * depth, ' ');
  }
  void print(std::uint8_t byte) {
    const char c = static_cast<char>(byte);
    if (byte > ' ' && byte < 0x7f && c != '\\' && c != '#')
      out_ += c;
    else
      out_ += "\\x" + to_hex(ByteView(&byte, 1));
  }

  /// Digits as BEP 3 wants them: "0" or no leading zero.
  std::optional<std::string> digits() {
    std::string text;
    while (peek() >= '0' && peek() <= '9') text += static_cast<char>(in_[at_++]);
    if (text.empty() || text.size() > 10 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    return text;
  }

  /// Long strings are broken after every contact, or every 40 bytes.
  bool string(std::size_t depth, std::string_view key, ByteView& content) {
    const auto length = digits();
    if (!length || !take(':') || std::stoull(*length) > in_.size() - at_) return false;
    content = in_.subspan(at_, std::stoull(*length));
    at_ += content.size();
    out_ += *length + ":";
    const std::size_t width = key == "nodes" ? 26 : key == "nodes6" ? 38 : 40;
    for (std::size_t i = 0; i < content.size(); ++i) {
      if (content.size() > width && i % width == 0) new_line(depth + 2);
      print(content[i]);
    }
    return true;
  }

  bool integer() {
    out_ += 'i';
    const bool negative = take('-');
    const auto text = digits();
    if (!text || (negative && *text == "0") || !take('e')) return false;
    out_ += (negative ? "-" : "") + *text + "e";
    return true;
  }

  bool dictionary(std::size_t depth) {
    out_ += 'd';
    std::optional<std::string> last;
    while (!take('e')) {
      new_line(depth + 1);
      ByteView key;
      if (!string(depth + 1, "", key)) return false;
      const std::string name(key.begin(), key.end());
      if (last && name <= *last) return false;
      last = name;
      out_ += ' ';
      if (!value(depth + 1, name)) return false;
    }
    new_line(depth);
    out_ += 'e';
    return true;
  }

  bool list(std::size_t depth) {
    out_ += 'l';
    while (!take('e')) {
      new_line(depth + 1);
      if (!value(depth + 1, "")) return false;
    }
    new_line(depth);
    out_ += 'e';
    return true;
  }

  bool value(std::size_t depth, std::string_view key) {
    if (depth > 8) return false;
    if (take('d')) return dictionary(depth);
    if (take('l')) return list(depth);
    if (take('i')) return integer();
    ByteView content;
    return string(depth, key, content);
  }

  ByteView in_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::optional<std::string> layout_of(ByteView bencode) { return StrictReader(bencode).run(); }

Bytes bytes_of_layout(std::string_view layout) {
  Bytes out;
  for (std::size_t i = 0; i < layout.size(); ++i) {
    if (layout[i] == '#')
      i = std::min(layout.find('\n', i), layout.size());
    else if (layout[i] == '\\') {
      const auto byte = array_from_hex<1>(layout.substr(std::min(i + 2, layout.size()), 2));
      if (byte) out.push_back((*byte)[0]);
      i += 3;
    } else if (layout[i] != ' ' && layout[i] != '\n') {
      out.push_back(static_cast<std::uint8_t>(layout[i]));
    }
  }
  return out;
}

}  // namespace rondo::dht::wire::test
