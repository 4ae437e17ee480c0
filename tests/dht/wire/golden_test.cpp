// Golden datagrams: the bytes that other versions of Rondo on the network understand. UPDATE_GOLDEN=1 writes
// tests/golden/wire and the fuzz corpus anew; a change of them is a change of the protocol.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "dht/wire/codec/codec.hpp"
#include "tests/dht/wire/generator.hpp"
#include "tests/dht/wire/layout.hpp"
#include "tests/dht/wire/samples.hpp"

namespace rondo::dht::wire::test {
namespace {

const std::string kGolden = "tests/golden/wire/";
const std::string kCorpus = "tests/fuzz/corpus/decode/";

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(contents(path), text) << path << " could not be written";
}

bool updating() { return std::getenv("UPDATE_GOLDEN") != nullptr; }

std::string golden_text(const Sample& sample, const Bytes& datagram) {
  const auto layout = layout_of(datagram);
  EXPECT_TRUE(layout) << sample.name << " is not canonical bencode: " << to_hex(datagram);
  std::ostringstream text;
  text << "# " << datagram.size() << " bytes, IPv" << static_cast<int>(sample.family) << " ring\n"
       << layout.value_or("");
  return text.str();
}

TEST(Golden, every_sample_has_its_bytes) {
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(sample.name);
    const Bytes datagram = encode(sample.message, sample.family);
    const std::string text = golden_text(sample, datagram);
    if (updating()) write(kGolden + sample.name + ".txt", text);
    EXPECT_EQ(contents(kGolden + sample.name + ".txt"), text);
  }
}

TEST(Golden, every_file_decodes_to_its_sample) {
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(sample.name);
    const auto decoded = decode(bytes_of_layout(contents(kGolden + sample.name + ".txt")), sample.family);
    ASSERT_TRUE(decoded.ok()) << to_string(decoded.error().error);
    EXPECT_EQ(decoded.value(), sample.message);
  }
}

TEST(Golden, the_fuzz_corpus_starts_from_the_samples) {
  for (const Sample& sample : samples()) {
    const Bytes datagram = encode(sample.message, sample.family);
    const std::string bytes(datagram.begin(), datagram.end());
    if (updating()) write(kCorpus + sample.name + ".bin", bytes);
    EXPECT_EQ(contents(kCorpus + sample.name + ".bin"), bytes) << sample.name;
  }
}

/// A block of docs/protocol.md that opens with "```krpc NAME" or "```hex NAME" shows the sample of that name, comments
/// aside.
std::map<std::string, std::string> blocks_of_documentation(const std::string& language) {
  const std::string opening = "```" + language + " ";
  std::map<std::string, std::string> blocks;
  std::istringstream page(contents("docs/protocol.md"));
  std::string name;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(opening))
      name = line.substr(opening.size());
    else if (line.starts_with("```"))
      name.clear();
    else if (!name.empty())
      blocks[name] += line + "\n";
  }
  return blocks;
}

TEST(Golden, the_documentation_shows_real_datagrams) {
  std::map<std::string, std::string> datagrams;
  for (const Sample& sample : samples()) datagrams[sample.name] = to_hex(encode(sample.message, sample.family));
  const auto layouts = blocks_of_documentation("krpc");
  EXPECT_GE(layouts.size(), kKinds);
  for (const auto& [name, layout] : layouts) EXPECT_EQ(to_hex(bytes_of_layout(layout)), datagrams[name]) << name;
  const auto dumps = blocks_of_documentation("hex");
  EXPECT_FALSE(dumps.empty());
  for (const auto& [name, dump] : dumps) {
    const Bytes digits = bytes_of_layout(dump);
    EXPECT_EQ(std::string(digits.begin(), digits.end()), datagrams[name]) << name;
  }
}

TEST(Golden, the_layout_is_strict) {
  for (const char* canonical : {"de", "le", "i0e", "i-1e", "0:", "1:a", "d1:ai1e1:bdee", "li1e0:e"}) {
    const auto layout = layout_of(as_bytes(canonical));
    ASSERT_TRUE(layout) << canonical;
    EXPECT_EQ(to_hex(bytes_of_layout(*layout)), to_hex(as_bytes(canonical)));
  }
  for (const char* wrong : {"", "d", "l", "i", "ie", "i01e", "i-0e", "i--1e", "1a", "2:a", "01:a", "d1:bi1e1:ai1ee",
                            "d1:ai1e1:ai1ee", "d1:ae", "di1ei1ee", "dee", "i1", "x"})
    EXPECT_FALSE(layout_of(as_bytes(wrong))) << wrong;
  const Bytes special = {'5', ':', ' ', '#', '\\', '\n', 0xff};
  EXPECT_EQ(layout_of(special), "5:\\x20\\x23\\x5c\\x0a\\xff\n");
  EXPECT_EQ(bytes_of_layout("5:\\x20\\x23\\x5c\\x0a\\xff # a comment\n# another"), special);
}

}  // namespace
}  // namespace rondo::dht::wire::test
