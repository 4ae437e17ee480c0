// Torrents at, below and above what may be read (peer/transfer/limits.hpp): accepted or refused with one sentence.
// One that is read slowly runs into CTest's time limit.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "dht/base/display.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/torrent_file.hpp"
#include "tests/support/temp_dir.hpp"

namespace rondo::peer::test {
namespace {

std::string text(const std::string& bytes) { return std::to_string(bytes.size()) + ":" + bytes; }

std::string hex(std::size_t number) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (; number != 0 || out.empty(); number /= 16) out.insert(out.begin(), kDigits[number % 16]);
  return out;
}

/// A v1 file of the given bencoded path, without bytes of its own.
std::string file(const std::string& path, const std::string& more = {}) {
  return "d" + std::string(more.starts_with("4:attr") ? more : "") + "6:lengthi0e4:pathl" + path + "e" +
         std::string(more.starts_with("4:attr") ? "" : more) + "e";
}

/// A torrent of these files and one more, which holds its single byte.
std::string torrent(const std::string& files, const std::string& outside = {}) {
  return "d" + outside + "4:infod5:filesl" + files +
         "d6:lengthi1e4:pathl4:byteeee4:name1:t12:piece lengthi16384e6:pieces20:" + std::string(20, 'x') + "ee";
}

std::string many(std::size_t count, const std::function<std::string(std::size_t)>& one) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += one(i);
  return out;
}

/// The sentence of a refusal; empty when it is read.
std::string refusal(const std::string& bytes) {
  EXPECT_LE(bytes.size(), static_cast<std::size_t>(limits::kTorrentBytes)) << "shows another bound";
  const auto content = read_torrent(as_bytes(bytes));
  if (content) return "";
  EXPECT_EQ(content.error().code, TransferErrc::kBadTorrent);
  EXPECT_LT(content.error().sentence.size(), 200u);
  EXPECT_EQ(display(content.error().sentence), content.error().sentence);
  return content.error().sentence;
}

const std::string kCannot = "this torrent can't be used: ";

TEST(Bounds, files) {
  const auto files = [](std::size_t count) {
    return torrent(many(count - 1, [](std::size_t i) { return file(text(hex(i))); }));
  };
  EXPECT_EQ(refusal(files(limits::kTorrentFiles)), "");
  EXPECT_EQ(refusal(files(limits::kTorrentFiles + 1)), kCannot + "it holds more than 100000 files");
}

TEST(Bounds, folders) {
  const auto flat = [](std::size_t count) {
    return torrent(many(count, [](std::size_t i) { return file(text(hex(i)) + "1:f"); }));
  };
  EXPECT_EQ(refusal(flat(limits::kTorrentFolders)), "");
  EXPECT_EQ(refusal(flat(limits::kTorrentFolders + 1)), kCannot + "it holds more than 30000 folders");
  const std::string deep = many(97, [](std::size_t) { return "1:d"; });
  EXPECT_EQ(refusal(torrent(many(300, [&](std::size_t i) { return file(text(hex(i)) + deep + "1:f"); }))), "");
  EXPECT_NE(refusal(torrent(many(25'000, [&](std::size_t i) { return file(text(hex(i)) + deep + "1:f"); }))), "");
}

/// Names of the same length that libtorrent makes one: by leaving out, by replacing, by case, by cutting.
std::string meeting(std::size_t i, const char* a, const char* b) {
  std::string out;
  for (int bit = 0; bit < 12; ++bit) out += (i >> bit & 1) != 0 ? a : b;
  return out;
}

TEST(Bounds, names_that_meet) {
  for (const std::string kind : {"same", "case", "replaced", "left out", "cut", "folder's case"}) {
    const auto one = [&](std::size_t i) {
      if (kind == "same") return file(text("n"));
      if (kind == "case") return file(text(meeting(i, "a", "A")));
      if (kind == "replaced") return file(text(meeting(i, "_", "\x01")));
      if (kind == "left out") return file(text("x" + std::string(i % 200, '/')));
      if (kind == "cut") return file(text(std::string(240, 'c') + hex(i)));
      return file(text(meeting(i, "a", "A")) + "1:f");
    };
    EXPECT_EQ(refusal(torrent(many(500, one))), "") << kind;
    EXPECT_EQ(refusal(torrent(many(4'000, one))), kCannot + "more than 1000 of its files have the name of another")
        << kind;
  }
}

/// Long names whose numbers meet, and that libtorrent keeps apart.
TEST(Bounds, long_names_that_meet_in_their_numbers) {
  const auto twice = [](std::size_t i) {
    const std::string name = text("0000" + hex(i) + std::string(180, 'c'));
    return file(name) + file(name);
  };
  EXPECT_EQ(refusal(torrent(many(limits::kTorrentMeetings, twice))), "");
}

TEST(Bounds, symbolic_links) {
  const auto links = many(limits::kTorrentFiles - 1, [](std::size_t i) {
    return file(text(hex(i)), "4:attr1:l12:symlink pathl" + text(hex(i + 1)) + "e");
  });
  // The order of keys is of no matter to the loader.
  EXPECT_EQ(refusal(torrent(links)), "");
}

TEST(Bounds, addresses) {
  const auto trackers = [](std::size_t count) {
    return "13:announce-listl" + many(count, [](std::size_t) { return "l10:udp://a:80e"; }) + "e";
  };
  EXPECT_EQ(refusal(torrent("", trackers(limits::kTorrentAddresses))), "");
  EXPECT_EQ(refusal(torrent("", trackers(limits::kTorrentAddresses + 1))),
            kCannot + "it names more than 5000 addresses");
  EXPECT_NE(
      refusal("d8:url-listl" + many(limits::kTorrentAddresses + 1, [](std::size_t) { return "8:http://a"; }) + "ee"),
      "");
}

TEST(Bounds, bytes_tokens_depth_pieces) {
  const auto with = [](const std::string& value) { return torrent("", "1:a" + value); };
  const std::size_t room = static_cast<std::size_t>(limits::kTorrentBytes) - torrent("").size() - 3 - 8;
  EXPECT_EQ(refusal(with(text(std::string(room, 'x')))), "");
  const std::string one_more = with(text(std::string(room + 1, 'x')));
  EXPECT_FALSE(read_torrent(as_bytes(one_more)));

  const auto nested = [&](std::size_t depth) { return with(std::string(depth, 'l') + std::string(depth, 'e')); };
  EXPECT_EQ(refusal(nested(static_cast<std::size_t>(limits::kTorrentDepth) - 2)), "");
  EXPECT_NE(refusal(nested(static_cast<std::size_t>(limits::kTorrentDepth))), "");
  EXPECT_NE(refusal(nested(100'000)), "");

  const auto tokens = [&](std::size_t count) {
    return with("l" + many(count, [](std::size_t) { return "le"; }) + "e");
  };
  EXPECT_EQ(refusal(tokens(1'499'000)), "");
  EXPECT_NE(refusal(tokens(1'500'000)), "");

  const auto pieces = [](std::size_t count, std::size_t hashes) {
    return "d4:infod6:lengthi" + std::to_string(16'384 * count) + "e4:name1:t12:piece lengthi16384e6:pieces" +
           text(std::string(20 * hashes, 'x')) + "ee";
  };
  EXPECT_EQ(refusal(pieces(490'000, 490'000)), "");
  EXPECT_NE(refusal(pieces(490'000, 489'999)), "");
  EXPECT_NE(refusal(pieces(0x20'0001, 1)), "");
}

TEST(Bounds, long_names_are_shown_short) {
  const auto shown = display_short(std::string(8'000'000, '\x1b'), limits::kShownName);
  EXPECT_LT(shown.size(), 4 * limits::kShownName + 10);
}

TEST(Bounds, the_torrents_own_name) {
  const auto named = [](std::size_t bytes) {
    return "d4:infod5:filesld6:lengthi1e4:pathl1:feee4:name" + text(std::string(bytes, '\x1b')) +
           "12:piece lengthi16384e6:pieces20:" + std::string(20, 'x') + "ee";
  };
  const auto content = read_torrent(as_bytes(named(limits::kTorrentNameBytes)));
  ASSERT_TRUE(content);
  EXPECT_LE(content->name.size(), limits::kNameBytes);
  EXPECT_EQ(refusal(named(limits::kTorrentNameBytes + 1)), kCannot + "its name has more than 10000 bytes");
}

}  // namespace
}  // namespace rondo::peer::test
