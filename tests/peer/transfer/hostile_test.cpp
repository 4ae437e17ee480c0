// Torrents made to do harm: whatever they say, files appear below their own folder in the target, and nowhere else.
#include <gtest/gtest.h>

#include <algorithm>

#include "dht/base/display.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/torrent_file.hpp"
#include "tests/peer/transfer/raw_seeder.hpp"

namespace rondo::peer::test {
namespace {

class Hostile : public ::testing::Test {
 protected:
  /// Fetches the torrent from a peer that has it. The outside of the target must not change.
  std::optional<Fetched> fetch(const RawTorrent& torrent, const std::vector<RawFile>& files, bool by_magnet = false) {
    write_file(base_ / "outside" / "witness", "w");
    fs::create_directories(base_ / "inside" / "target");
    const Tree before = outside();
    seeder_.seed(torrent.bytes(), store_raw(data_.path(), files));
    std::variant<Magnet, Bytes> source = torrent.bytes();
    if (by_magnet) source = magnet_of(*read_torrent(torrent.bytes()));
    auto fetched = getter_.fetch(std::move(source), target(), seeder_.endpoint());
    EXPECT_EQ(outside(), before);
    return fetched;
  }

  [[nodiscard]] fs::path target() const { return base_.path() / "inside" / "target"; }

  /// Everything around the target.
  [[nodiscard]] Tree outside() const {
    Tree out = tree_of(base_.path());
    std::erase_if(out, [](const auto& entry) { return entry.first.starts_with("inside/target/"); });
    return out;
  }

  /// The content of what was fetched, by path below the target.
  [[nodiscard]] std::string got(const std::string& path) const { return read_file(target() / path); }

  TempDir base_;
  TempDir data_;
  RawSeeder seeder_;
  TestPeer getter_;
};

TEST_F(Hostile, traversal_and_absolute_paths_stay_inside) {
  const std::vector<RawFile> files{{{"..", "..", "outside", "escaped"}, "1"},
                                   {{"/etc", "escaped"}, "2"},
                                   {{"a", "../../../../outside/escaped"}, "3"},
                                   {{"..\\..\\outside\\escaped"}, "4"},
                                   {{"", "", "double"}, "5"},
                                   {{"C:", "boot.ini"}, "6"},
                                   {{"..", ".."}, "7"}};
  const auto fetched = fetch(raw_torrent("../../m", files), files);
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_EQ(fetched->path.parent_path(), target());
  ASSERT_EQ(fetched->content.files.size(), files.size());
  for (std::size_t i = 0; i < files.size(); ++i)
    EXPECT_EQ(got(fetched->content.files[i].path), files[i].content) << fetched->content.files[i].path;
}

TEST_F(Hostile, the_same_by_magnet) {
  const std::vector<RawFile> files{{{"..", "..", "outside", "escaped"}, "1"}, {{"~", ".ssh"}, "2"}};
  const auto fetched = fetch(raw_torrent("..", files), files, true);
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_EQ(fetched->path.parent_path(), target());
}

TEST_F(Hostile, symbolic_links_are_not_made_and_not_followed) {
  const std::vector<RawFile> files{{{"link"}, "", "l", {"..", "..", "..", "outside"}},
                                   {{"link", "through"}, "1"},
                                   {{"self"}, "", "l", {"self"}},
                                   {{"plain"}, "2"}};
  const auto fetched = fetch(raw_torrent("t", files), files);
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_EQ(fetched->content.files.size(), 2u);
  for (const auto& [path, what] : tree_of(target())) EXPECT_NE(what, "link") << path;
  EXPECT_EQ(got("t/plain"), "2");
  const auto ready = getter_.wait<MetadataReady>(7);
  ASSERT_TRUE(ready);
  EXPECT_EQ(std::count_if(ready->notes.begin(), ready->notes.end(),
                          [](const std::string& note) { return note.find("symbolic link") != std::string::npos; }),
            2);
}

TEST_F(Hostile, reserved_bidi_control_and_colliding_names) {
  const std::vector<RawFile> files{{{"aux.c"}, "1"},
                                   {{"exe.\u202ecod"}, "2"},
                                   {{"\x1b[2J"}, "3"},
                                   {{"Makefile"}, "4"},
                                   {{"makefile"}, "5"},
                                   {{"a:b"}, "6"},
                                   {{"a?b"}, "7"},
                                   {{"trailing. "}, "8"},
                                   {{std::string(5'000, 'x')}, "9"},
                                   {{"bad\xff"}, "10"},
                                   {{"con", "nul"}, "11"},
                                   {{"\xc2\x9b"
                                     "31m"},
                                    "12"},
                                   {{"Makefile", "x"}, "13"},
                                   {{"dup"}, "14"},
                                   {{"dup"}, "15"}};
  const auto fetched = fetch(raw_torrent("t", files), files);
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  ASSERT_EQ(fetched->content.files.size(), files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& path = fetched->content.files[i].path;
    EXPECT_EQ(got(path), files[i].content) << path;
    EXPECT_EQ(display(path), path);
  }
  EXPECT_EQ(got("t/_aux.c"), "1");
  EXPECT_EQ(got("t/makefile"), "5") << "differs from the folder Makefile in case only, and Linux keeps both";
  EXPECT_EQ(got("t/_con/_nul"), "11");
  EXPECT_EQ(got("t/dup (2)"), "15");
}

TEST_F(Hostile, a_hidden_name_at_the_top_is_shown) {
  for (const std::string name : {".ssh", ".bashrc"}) {
    const auto content = read_torrent(raw_single(name, "x").bytes());
    ASSERT_TRUE(content);
    EXPECT_EQ(content->name, "_" + name);
    EXPECT_EQ(content->files[0].path, "_" + name);
  }
  const RawTorrent single = raw_single("../../outside/witness", "overwritten");
  const auto fetched = fetch(single, {{{}, "overwritten"}});
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_EQ(fetched->path.parent_path(), target());
}

TEST_F(Hostile, pad_files_are_not_made) {
  const std::vector<RawFile> files{
      {{"a"}, std::string(10, 'a')}, {{".pad", "16374"}, std::string(16'374, '\0'), "p"}, {{"b"}, "b"}};
  const auto fetched = fetch(raw_torrent("t", files), files);
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  EXPECT_EQ(tree_of(target()).size(), 3u);
  EXPECT_EQ(fetched->content.bytes, 11u);
}

TEST_F(Hostile, deep_folders_are_folded) {
  std::vector<std::string> deep(300, "d");
  deep.push_back("f");
  const std::vector<RawFile> files{{deep, "1"}};
  const auto fetched = fetch(raw_torrent("t", files), files);
  ASSERT_TRUE(fetched) << getter_.failure.sentence;
  const std::string& path = fetched->content.files[0].path;
  EXPECT_EQ(static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1, limits::kNameDepth);
  EXPECT_EQ(got(path), "1");
}

TEST_F(Hostile, a_peer_that_serves_garbage_is_survived) {
  const std::string good = random_text(1, 500'000);
  const RawTorrent torrent = raw_single("file", good);
  std::string bad = good;
  for (std::size_t i = 0; i < bad.size(); i += 10'000) bad[i] = static_cast<char>(~bad[i]);
  RawSeeder liar;
  write_file(data_ / "bad", bad);
  liar.seed(torrent.bytes(), {{0, (data_ / "bad").string()}});
  getter_->fetch(7, {torrent.bytes(), target()});
  getter_->connect_peer(7, liar.endpoint());
  ASSERT_TRUE(getter_.wait<MetadataReady>(7));
  getter_->accept(7);
  // Its data arrives, and nothing of it is kept.
  ASSERT_TRUE(getter_.wait_until([&] {
    return std::any_of(getter_.events.begin(), getter_.events.end(), [](const TransferEvent& event) {
      const auto* progress = std::get_if<TransferProgress>(&event.what);
      return progress != nullptr && progress->peers == 0;
    });
  }));
  EXPECT_FALSE(fs::exists(target() / "file"));
  RawSeeder honest;
  write_file(data_ / "good", good);
  honest.seed(torrent.bytes(), {{0, (data_ / "good").string()}});
  getter_->connect_peer(7, honest.endpoint());
  ASSERT_TRUE(getter_.wait<Fetched>(7)) << getter_.failure.sentence;
  EXPECT_EQ(got("file"), good);
}

TEST(ReadTorrent, refuses_what_is_no_torrent) {
  const Bytes good = raw_single("f", "content").bytes();
  ASSERT_TRUE(read_torrent(good));
  for (std::size_t length = 0; length < good.size(); ++length) {
    const auto content = read_torrent(ByteView(good).first(length));
    ASSERT_FALSE(content) << length;
    EXPECT_EQ(content.error().code, TransferErrc::kBadTorrent);
    EXPECT_EQ(display(content.error().sentence), content.error().sentence);
  }
  EXPECT_FALSE(read_torrent(as_bytes("d4:infod4:name1:xee")));
  EXPECT_FALSE(read_torrent(as_bytes(std::string(200'000, 'l'))));
  EXPECT_FALSE(read_torrent(Bytes(static_cast<std::size_t>(limits::kTorrentBytes) + 1)));
}

TEST(ReadTorrent, only_links_and_padding_is_refused) {
  const auto content = read_torrent(raw_torrent("t", {{{"l"}, "", "l", {"x"}}, {{"p"}, "xxx", "p"}}).bytes());
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().sentence, "this torrent can't be used: it holds no files");
}

TEST(ReadTorrent, a_certificate_is_refused) {
  RawTorrent torrent = raw_single("f", "x");
  torrent.dict["info"]["ssl-cert"] = "not even a certificate";
  EXPECT_FALSE(read_torrent(torrent.bytes()));
}

}  // namespace
}  // namespace rondo::peer::test
