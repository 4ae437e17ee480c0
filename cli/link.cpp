#include "cli/link.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

#include "dht/base/display.hpp"

namespace rondo::cli {
namespace {

using control::ApiError;
using control::Code;

/// A .torrent file with 10 MB describes terabytes (peer/transfer's own limit is the same); more is refused unread.
constexpr std::size_t kSourceBytes = 10'000'000;
constexpr std::size_t kReadBytes = 64 * 1024;

Failure<ApiError> refuse(Code code, std::string sentence) {
  return Failure<ApiError>{ApiError{code, std::move(sentence)}};
}

Code code_of(int error) {
  if (error == ENOENT || error == ENOTDIR) return Code::kNotFound;
  if (error == EACCES || error == EPERM) return Code::kDenied;
  return Code::kFailed;
}

/// `expected`: how much there may be, to read it without copies.
Result<Bytes, ApiError> read_all(int fd, const std::string& name, std::size_t expected = 0) {
  Bytes out;
  out.reserve(std::min(expected, kSourceBytes) + 2 * kReadBytes);
  for (;;) {
    const std::size_t used = out.size();
    out.resize(used + kReadBytes);
    const ssize_t got = read(fd, out.data() + used, out.size() - used);
    out.resize(used + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(code_of(errno), "can't read " + name + ": " + std::generic_category().message(errno));
    if (got == 0) return out;
    if (out.size() > kSourceBytes)
      return refuse(Code::kBadInput, name + " is larger than any .torrent file that is read (10 MB)");
  }
}

Result<Bytes, ApiError> read_file(const std::string& path) {
  const std::string name = "'" + display(path) + "'";
  // Non-blocking, or a pipe without a writer would hold us here.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT)
      return refuse(Code::kNotFound,
                    "there is no file " + name + ", and it is no magnet link (magnet:?xt=urn:btih:...)");
    return refuse(code_of(errno), "can't open " + name + ": " + std::generic_category().message(errno));
  }
  struct stat status {};
  const bool is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  auto bytes = is_file ? read_all(fd, name, static_cast<std::size_t>(status.st_size))
                       : refuse(Code::kBadInput, name + " is no file: a .torrent file is needed");
  close(fd);
  return bytes;
}

Result<Source, ApiError> from_magnet(const std::string& text) {
  auto magnet = peer::parse_magnet(text);
  if (!magnet) return refuse(Code::kBadInput, magnet.error());
  return Source{std::move(magnet).value()};
}

Source from_hash(const RingId& hash) {
  peer::Magnet magnet;
  magnet.info_hash = hash;
  return Source{std::move(magnet)};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

Result<Source, ApiError> from_stdin(int in_fd) {
  auto bytes = read_all(in_fd, "standard input");
  if (!bytes) return Failure<ApiError>{bytes.error()};
  // A torrent is a dictionary ("d..."), which no link begins with.
  if (!bytes->empty() && bytes->front() == 'd') return Source{std::move(bytes).value()};
  const std::string text(trimmed({reinterpret_cast<const char*>(bytes->data()), bytes->size()}));
  if (text.empty()) return refuse(Code::kBadInput, "standard input is empty: a link or a .torrent file is needed");
  if (is_magnet(text)) return from_magnet(text);
  if (const auto hash = RingId::from_hex(text)) return from_hash(*hash);
  return refuse(Code::kBadInput, "standard input is neither a magnet link nor a .torrent file");
}

}  // namespace

bool is_magnet(std::string_view word) {
  constexpr std::string_view kScheme = "magnet:";
  const auto same = [](char want, char have) {
    return want == (have >= 'A' && have <= 'Z' ? static_cast<char>(have + ('a' - 'A')) : have);
  };
  return word.size() >= kScheme.size() && std::equal(kScheme.begin(), kScheme.end(), word.begin(), same);
}

Result<Source, ApiError> read_source(const std::string& word, int in_fd) {
  if (word == "-") return from_stdin(in_fd);
  if (is_magnet(trimmed(word))) return from_magnet(word);
  const auto hash = RingId::from_hex(word);
  if (hash && access(word.c_str(), F_OK) != 0) return from_hash(*hash);
  auto bytes = read_file(word);
  if (!bytes) return Failure<ApiError>{bytes.error()};
  return Source{std::move(bytes).value()};
}

Result<LookupTarget, ApiError> read_key(const std::string& word) {
  if (const auto key = RingId::from_hex(word)) return LookupTarget{*key, {}};
  if (!is_magnet(trimmed(word)))
    return refuse(Code::kBadInput,
                  "'" + display(word) + "' is neither a key of 40 hexadecimal digits nor a magnet link");
  const auto magnet = peer::parse_magnet(word);
  if (!magnet) return refuse(Code::kBadInput, magnet.error());
  return LookupTarget{magnet.value().info_hash, magnet.value().entry_points};
}

void scrub_links(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    const bool is_link = is_magnet(trimmed(word)) || RingId::from_hex(word).has_value();
    if (is_link) std::memset(argv[i], '*', word.size());
  }
}

}  // namespace rondo::cli
