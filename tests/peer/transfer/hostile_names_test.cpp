// The whole table of hostile names through the real loader and real fetches: whatever a torrent calls its files, its
// folders and itself, it appears below the target, and nothing around the target is touched.
#include "tests/support/hostile_names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dht/base/display.hpp"
#include "peer/transfer/sanitize.hpp"
#include "peer/transfer/torrent_file.hpp"
#include "tests/peer/transfer/raw_seeder.hpp"

namespace rondo::peer::test {
namespace {

using rondo::test::hostile_names;

constexpr JobId kFirst = 100;
constexpr auto kPatience = 60s;

/// libtorrent takes files of such a name for padding, which is zeros and no file.
const std::string kPadding(10, '\0');

std::string content_of(std::size_t i) { return "content " + std::to_string(i); }

RawFile raw_file(const std::vector<std::string>& path, std::size_t i) {
  const bool pads = std::any_of(path.begin(), path.end(), [](const std::string& name) {
    return name.find("_____padding_file_") != std::string::npos;
  });
  return {path, pads ? kPadding : content_of(i)};
}

class HostileNames : public ::testing::Test {
 protected:
  HostileNames() {
    write_file(base_ / "outside" / "witness", "w");
    write_file(base_ / "inside" / "beside", "b");
    fs::create_directories(target());
    before_ = surroundings();
  }

  ~HostileNames() override {
    getter_.reset();
    EXPECT_EQ(surroundings(), before_);
    // Nothing of ours is left, and no link was made.
    for (const auto& [path, what] : tree_of(target())) {
      EXPECT_TRUE(what != "link" && what != "special") << display(path);
      EXPECT_FALSE(path.starts_with(".rondo-")) << display(path);
    }
  }

  [[nodiscard]] fs::path target() const { return base_.path() / "inside" / "target"; }

  [[nodiscard]] Tree surroundings() const {
    Tree out = tree_of(base_.path());
    std::erase_if(out, [](const auto& entry) { return entry.first.starts_with("inside/target/"); });
    return out;
  }

  /// Fetches one torrent with these files and expects every content in its place.
  void fetch_all(const std::vector<RawFile>& files) {
    const RawTorrent torrent = raw_torrent("t", files);
    seeder_.seed(torrent.bytes(), store_raw(data_.path(), files));
    (*getter_)->fetch(kFirst, {torrent.bytes(), target()});
    (*getter_)->connect_peer(kFirst, seeder_.endpoint());
    ASSERT_TRUE(getter_->wait<MetadataReady>(kFirst, kPatience)) << getter_->failure.sentence;
    (*getter_)->accept(kFirst);
    const auto fetched = getter_->wait<Fetched>(kFirst, kPatience);
    ASSERT_TRUE(fetched) << getter_->failure.sentence;
    EXPECT_EQ(fetched->path, target() / "t");
    std::set<std::string> got;
    for (const ContentFile& file : fetched->content.files) {
      EXPECT_EQ(display(file.path), file.path);
      EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(target() / file.path))) << file.path;
      got.insert(read_file(target() / file.path));
    }
    const auto pads = static_cast<std::size_t>(
        std::count_if(files.begin(), files.end(), [](const RawFile& file) { return file.content == kPadding; }));
    EXPECT_EQ(got.size(), files.size() - pads);
  }

  TempDir base_;
  TempDir data_;
  Tree before_;
  RawSeeder seeder_;
  std::optional<TestPeer> getter_{std::in_place};
};

TEST_F(HostileNames, of_files) {
  const auto names = hostile_names();
  std::vector<RawFile> files;
  for (std::size_t i = 0; i < names.size(); ++i) files.push_back(raw_file({names[i]}, i));
  fetch_all(files);
}

TEST_F(HostileNames, of_folders) {
  const auto names = hostile_names();
  std::vector<RawFile> files;
  for (std::size_t i = 0; i < names.size(); ++i)
    files.push_back(raw_file({names[i], names[names.size() - 1 - i], "f"}, i));
  fetch_all(files);
}

/// Each name as the name of a torrent of its own, one with a folder and one without.
TEST_F(HostileNames, of_torrents) {
  const auto names = hostile_names();
  JobId job = kFirst;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string content = content_of(i);
    const RawTorrent torrent = i % 2 == 0 ? raw_single(names[i], content) : raw_torrent(names[i], {{{"f"}, content}});
    const auto described = read_torrent(torrent.bytes());
    if (!described) {
      EXPECT_EQ(display(described.error().sentence), described.error().sentence);
      continue;
    }
    EXPECT_EQ(safe_top_name(described->name), described->name);
    // Every twentieth is fetched too: a connection each takes its time.
    if (i % 20 != 0) continue;
    seeder_.seed(torrent.bytes(), store_raw(data_ / std::to_string(i), {{{}, content}}));
    (*getter_)->fetch(job, {torrent.bytes(), target() / std::to_string(job)});
    (*getter_)->connect_peer(job, seeder_.endpoint());
    ++job;
  }
  EXPECT_GT(job, kFirst + 30);
  for (JobId id = kFirst; id < job; ++id) {
    ASSERT_TRUE(getter_->wait<MetadataReady>(id, kPatience)) << id << ": " << getter_->failure.sentence;
    (*getter_)->accept(id);
  }
  for (JobId id = kFirst; id < job; ++id) {
    const auto done = getter_->wait<Fetched>(id, kPatience);
    ASSERT_TRUE(done) << id << ": " << getter_->failure.sentence;
    EXPECT_EQ(done->path.parent_path(), target() / std::to_string(id));
  }
}

}  // namespace
}  // namespace rondo::peer::test
