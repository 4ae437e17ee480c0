// Every field of a torrent left out, of every wrong type, and at every extreme: described safely, or refused with one
// sentence.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "dht/base/display.hpp"
#include "peer/transfer/sanitize.hpp"
#include "peer/transfer/torrent_file.hpp"
#include "tests/peer/transfer/raw_seeder.hpp"

namespace rondo::peer::test {
namespace {

std::vector<lt::entry> wrong_values() {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  std::vector<lt::entry> out;
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{16'383}, std::int64_t{1} << 30,
        std::int64_t{1} << 31, std::int64_t{1} << 32, std::int64_t{1} << 47, std::int64_t{1} << 48, kMost - 1, kMost,
        std::numeric_limits<std::int64_t>::min()})
    out.emplace_back(number);
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(1, '\0'), std::string("\xff\x1b[2J"), std::string("../.."),
        std::string("/"), std::string(20, 'x'), std::string(19, 'x'), std::string(32, '\0'), std::string(100'000, 'x')})
    out.emplace_back(text);
  out.emplace_back(lt::entry::list_type());
  out.emplace_back(lt::entry::list_type{lt::entry("x"), lt::entry(1), lt::entry(lt::entry::list_type())});
  out.emplace_back(lt::entry::dictionary_type());
  lt::entry nested;
  nested[""]["length"] = 1;
  out.push_back(nested);
  return out;
}

/// Calls `each` for the torrent with one field gone or wrong, for every field within `at`.
void mutate(lt::entry& at, const std::function<void()>& each) {
  if (at.type() == lt::entry::dictionary_t) {
    const auto original = at.dict();
    for (const auto& [key, value] : original) {
      at.dict().erase(key);
      each();
      at.dict() = original;
      mutate(at[key], each);
    }
  }
  if (at.type() == lt::entry::list_t && !at.list().empty()) mutate(at.list().front(), each);
  const lt::entry original = at;
  for (const lt::entry& value : wrong_values()) {
    at = value;
    each();
  }
  at = original;
}

std::vector<lt::entry> torrents() {
  std::vector<lt::entry> out{raw_torrent("t", {{{"a", "b"}, "content", "x"}, {{"l"}, "", "l", {"a", "b"}}}).dict,
                             raw_single("f", "content").dict};
  for (lt::entry& torrent : out) {
    torrent["announce"] = "http://a/";
    torrent["announce-list"].list().emplace_back(lt::entry::list_type{lt::entry("http://a/")});
    torrent["url-list"].list().emplace_back("http://a/");
    torrent["creation date"] = 1;
    torrent["info"]["private"] = 1;
    torrent["info"]["name.utf-8"] = "n";
  }
  lt::entry v2;
  lt::entry& file = v2["info"]["file tree"]["a"]["b"][""];
  file["length"] = 100;
  file["pieces root"] = std::string(32, 'r');
  file["attr"] = "x";
  v2["info"]["meta version"] = 2;
  v2["info"]["name"] = "t";
  v2["info"]["piece length"] = 16'384;
  v2["piece layers"] = lt::entry::dictionary_type();
  out.push_back(v2);
  return out;
}

TEST(Mutated, torrents_are_described_safely_or_refused) {
  int loaded = 0;
  int refused = 0;
  for (lt::entry& torrent : torrents()) {
    const auto check = [&, &torrent = torrent] {
      Bytes bytes;
      lt::bencode(std::back_inserter(bytes), torrent);
      const auto content = read_torrent(bytes);
      if (!content) {
        ++refused;
        EXPECT_EQ(content.error().code, TransferErrc::kBadTorrent);
        EXPECT_LT(content.error().sentence.size(), 300u);
        EXPECT_EQ(display(content.error().sentence), content.error().sentence);
        return;
      }
      ++loaded;
      EXPECT_EQ(safe_top_name(content->name), content->name);
      std::uint64_t bytes_of_files = 0;
      for (const ContentFile& each : content->files) {
        EXPECT_TRUE(each.path == content->name || each.path.starts_with(content->name + "/")) << each.path;
        bytes_of_files += each.size;
      }
      EXPECT_EQ(bytes_of_files, content->bytes);
      EXPECT_LE(content->bytes, std::uint64_t{1} << 48);
    };
    check();
    EXPECT_EQ(refused, 0) << "the torrent itself is fine";
    mutate(torrent, check);
    EXPECT_GT(refused, 0);
    loaded += std::exchange(refused, 0);
  }
  EXPECT_GE(loaded, 300);
  RecordProperty("torrents", loaded);
  std::printf("%d torrents\n", loaded);
}

TEST(Mutated, sizes_that_overflow_together_are_refused) {
  RawTorrent torrent = raw_torrent("t", {{{"a"}, "a"}, {{"b"}, "b"}});
  for (const std::int64_t size :
       {std::numeric_limits<std::int64_t>::max(), std::int64_t{1} << 62, std::int64_t{1} << 48}) {
    for (lt::entry& file : torrent.dict["info"]["files"].list()) file["length"] = size;
    EXPECT_FALSE(read_torrent(torrent.bytes())) << size;
  }
}

}  // namespace
}  // namespace rondo::peer::test
