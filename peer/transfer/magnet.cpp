// Magnet links: BEP 9 (btih, dn, tr, x.pe), BEP 52 (btmh), and our own x.rondo (entry points of the ring).
//
// The text comes from strangers: every part is bounded, numeric addresses only, no name is ever resolved. What is not
// known is ignored, as BEP 9 asks for; what is known and malformed is refused where the link can't work without it
// (the hashes) and ignored where it can (one bad peer of many).
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dht/base/bytes.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/transfer.hpp"

namespace rondo::peer {
namespace {

constexpr std::string_view kScheme = "magnet:?";
constexpr std::string_view kBtih = "urn:btih:";
constexpr std::string_view kBtmh = "urn:btmh:";
/// Multihash: SHA-256, 32 bytes.
constexpr std::string_view kSha256Prefix = "1220";

Failure<std::string> refuse(std::string sentence) { return Failure<std::string>{std::move(sentence)}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_no_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with_no_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && equal_no_case(text.substr(0, start.size()), start);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// "%41+b" as "A b". A '%' without two digits stays as it is, as browsers do it.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? from_hex(text.substr(i + 1, 2)) : std::nullopt;
    if (byte && byte->size() == 1) {
      out += static_cast<char>((*byte)[0]);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 15];
    }
  }
  return out;
}

/// RFC 4648 without padding: 32 characters, 20 bytes.
std::optional<RingId> from_base32(std::string_view text) {
  RingId out;
  std::size_t bits = 0;
  for (const char raw : text) {
    const char c = lower(raw);
    const bool letter = c >= 'a' && c <= 'z';
    if (!letter && !(c >= '2' && c <= '7')) return std::nullopt;
    const auto value = static_cast<unsigned>(letter ? c - 'a' : c - '2' + 26);
    for (unsigned bit = 16; bit != 0; bit >>= 1, ++bits)
      if ((value & bit) != 0) out.bytes[bits / 8] |= static_cast<std::uint8_t>(0x80u >> (bits % 8));
  }
  return out;
}

/// Calls `use` for each part of a comma-separated list.
template <class Use>
void for_each_part(std::string_view list, Use use) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    use(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

void keep_endpoints(std::string_view list, std::vector<Endpoint>& out) {
  for_each_part(list, [&](std::string_view part) {
    const auto endpoint = Endpoint::parse(trim(part));
    if (!endpoint || !is_usable(*endpoint) || out.size() >= limits::kMagnetList) return;
    if (std::find(out.begin(), out.end(), *endpoint) == out.end()) out.push_back(*endpoint);
  });
}

/// Collects the parameters of one link.
class MagnetReader {
 public:
  /// An error is a sentence.
  std::optional<std::string> read(std::string_view key, const std::string& value) {
    // "xt.1", "tr.2": numbered forms that some programs write.
    const std::string_view stem = starts_with_no_case(key, "x.") ? key : key.substr(0, key.find('.'));
    if (equal_no_case(stem, "xt")) return read_topic(value);
    if (equal_no_case(stem, "dn") && magnet_.name.empty()) magnet_.name = value;
    if (equal_no_case(stem, "x.pe")) keep_endpoints(value, magnet_.peers);
    if (equal_no_case(stem, "x.rondo")) keep_endpoints(value, magnet_.entry_points);
    if (equal_no_case(stem, "tr") && !value.empty() && magnet_.trackers.size() < limits::kMagnetList)
      magnet_.trackers.push_back(value);
    return std::nullopt;
  }

  Result<Magnet> finish(bool ends_early) {
    if (!v1_ && !v2_) {
      if (ends_early)
        return refuse(
            "this magnet link is cut off and names no content (xt=urn:btih:... is missing): put it in quotes, the "
            "shell takes & for itself");
      return refuse("this magnet link names no BitTorrent content: xt=urn:btih:... or xt=urn:btmh:... is missing");
    }
    magnet_.has_v1 = v1_.has_value();
    magnet_.info_hash_v2 = v2_;
    if (v1_)
      magnet_.info_hash = *v1_;
    else
      std::copy_n(v2_->begin(), RingId::kSize, magnet_.info_hash.bytes.begin());
    return std::move(magnet_);
  }

 private:
  std::optional<std::string> read_topic(std::string_view topic) {
    if (starts_with_no_case(topic, kBtih)) return read_v1(topic.substr(kBtih.size()));
    if (starts_with_no_case(topic, kBtmh)) return read_v2(topic.substr(kBtmh.size()));
    return std::nullopt;
  }

  std::optional<std::string> read_v1(std::string_view digits) {
    const auto hash = digits.size() == 32 ? from_base32(digits) : RingId::from_hex(digits);
    if (!hash)
      return "the info-hash of this magnet link has " + std::to_string(digits.size()) +
             " characters or a wrong one: 40 hexadecimal digits or 32 of base32 are expected after btih:";
    if (v1_ && *v1_ != *hash) return "this magnet link names two different contents (two btih info-hashes)";
    v1_ = hash;
    return std::nullopt;
  }

  std::optional<std::string> read_v2(std::string_view digits) {
    const bool known = digits.starts_with(kSha256Prefix);
    const auto hash = known ? array_from_hex<32>(digits.substr(kSha256Prefix.size())) : std::nullopt;
    if (!hash) return "the v2 info-hash of this magnet link is malformed: 1220 and 64 hexadecimal digits are expected";
    if (v2_ && *v2_ != *hash) return "this magnet link names two different contents (two btmh info-hashes)";
    v2_ = hash;
    return std::nullopt;
  }

  Magnet magnet_;
  std::optional<RingId> v1_;
  std::optional<std::array<std::uint8_t, 32>> v2_;
};

void append_endpoints(std::string& out, std::string_view key, const std::vector<Endpoint>& endpoints) {
  for (const Endpoint& endpoint : endpoints) out.append(key).append(endpoint.text());
}

}  // namespace

Result<Magnet> parse_magnet(const std::string& text) {
  const std::string_view link = trim(text);
  if (link.size() > limits::kMagnetBytes)
    return refuse("this magnet link has " + std::to_string(link.size()) + " bytes: at most " +
                  std::to_string(limits::kMagnetBytes) + " are read");
  if (!starts_with_no_case(link, kScheme)) return refuse("a magnet link begins with magnet:?");

  MagnetReader reader;
  std::string_view rest = link.substr(kScheme.size());
  rest = rest.substr(0, rest.find('#'));
  std::size_t parameters = 0;
  while (!rest.empty()) {
    if (++parameters > limits::kMagnetParameters) return refuse("this magnet link has too many parameters");
    const auto end = std::min(rest.find('&'), rest.size());
    std::string_view parameter = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    // "&amp;": a link copied out of the source of a page.
    if (parameter.starts_with("amp;")) parameter.remove_prefix(4);
    const auto equals = std::min(parameter.find('='), parameter.size());
    const std::string value = percent_decoded(parameter.substr(std::min(equals + 1, parameter.size())));
    if (auto error = reader.read(parameter.substr(0, equals), value)) return refuse(std::move(*error));
  }
  return reader.finish(parameters <= 1);
}

std::string format_magnet(const Magnet& magnet) {
  std::string out = "magnet:?";
  if (magnet.has_v1) out.append("xt=").append(kBtih).append(magnet.info_hash.hex());
  if (magnet.info_hash_v2) {
    if (magnet.has_v1) out += '&';
    out.append("xt=").append(kBtmh).append(kSha256Prefix).append(to_hex(*magnet.info_hash_v2));
  }
  if (!magnet.name.empty()) out.append("&dn=").append(percent_encoded(magnet.name));
  append_endpoints(out, "&x.rondo=", magnet.entry_points);
  append_endpoints(out, "&x.pe=", magnet.peers);
  for (const std::string& tracker : magnet.trackers) out.append("&tr=").append(percent_encoded(tracker));
  return out;
}

bool is_bare(const Magnet& magnet) {
  return magnet.name.empty() && magnet.entry_points.empty() && magnet.peers.empty() && magnet.trackers.empty();
}

}  // namespace rondo::peer
