// Somebody swaps folders for symbolic links while downloads run: nothing appears where the links lead. Who may write in
// the folder that holds the target can swap the target and the staging folder; within the staging folder, which is ours
// and 0700, only we and root can, who need no trick.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <atomic>
#include <thread>

#include "peer/transfer/torrent_file.hpp"
#include "tests/peer/transfer/raw_seeder.hpp"

namespace rondo::peer::test {
namespace {

constexpr auto kRaceTime = 3s;

class Race : public ::testing::Test {
 protected:
  Race() {
    write_file(base_ / "outside" / "witness", "w");
    fs::create_directories(base_ / "target");
    const std::vector<RawFile> files{{{"a"}, random_text(1, 40'000)}, {{"d", "b"}, "b"}, {{"d", "empty"}, ""}};
    torrent_ = raw_torrent("t", files).bytes();
    seeder_.seed(torrent_, store_raw(data_.path(), files));
  }

  /// Fetches again and again for a while, whatever becomes of each; how many were fetched.
  int fetch_for_a_while() {
    TestPeer getter;
    int fetched = 0;
    const auto end = std::chrono::steady_clock::now() + kRaceTime;
    for (JobId job = 1; std::chrono::steady_clock::now() < end; ++job, ++rounds_) {
      getter->fetch(job, {torrent_, base_ / "target"});
      getter->connect_peer(job, seeder_.endpoint());
      if (!getter.wait<MetadataReady>(job)) continue;
      getter->accept(job);
      // A download whose folder was taken away may hang: it is left alone.
      if (getter.wait<Fetched>(job, 1s)) ++fetched;
      getter->cancel(job);
      std::error_code ignored;
      for (const char* place : {"target", "aside"}) fs::remove_all(base_ / place / "t", ignored);
    }
    return fetched;
  }

  /// Runs `swap` over and over beside the fetches.
  template <class Swap>
  void race(Swap swap) {
    const Tree before = tree_of(base_ / "outside");
    std::atomic<bool> over{false};
    std::atomic<int> swaps{0};
    std::thread other([&] {
      while (!over)
        if (swap()) ++swaps;
    });
    const int fetched = fetch_for_a_while();
    over = true;
    other.join();
    EXPECT_EQ(tree_of(base_ / "outside"), before);
    EXPECT_GT(swaps, 0) << "nothing was tried";
    RecordProperty("rounds", rounds_);
    RecordProperty("fetched", fetched);
    RecordProperty("swaps", swaps);
    std::printf("%d fetches, %d of them to the end, %d swaps\n", rounds_, fetched, swaps.load());
  }

  /// Exchanges two names in one step.
  static bool exchange(const fs::path& a, const fs::path& b) {
    return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
  }

  [[nodiscard]] std::optional<fs::path> staging() const {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(base_ / "target", ignored))
      if (entry.path().filename().string().starts_with(".rondo-")) return entry.path();
    return std::nullopt;
  }

  TempDir base_;
  TempDir data_;
  RawSeeder seeder_;
  Bytes torrent_;
  int rounds_ = 0;
};

/// The target is a link from the moment that the download has begun in it. (Before, it would be the user's own link.)
TEST_F(Race, the_target) {
  fs::create_directory_symlink(base_ / "outside", base_ / "aside");
  race([&] {
    if (!staging() || !exchange(base_ / "target", base_ / "aside")) return false;
    std::this_thread::sleep_for(2ms);
    return exchange(base_ / "target", base_ / "aside");
  });
}

/// A link stands where the staging folder is, or will be.
TEST_F(Race, the_staging_folder) {
  const std::string name = ".rondo-" + read_torrent(torrent_)->info_hash.hex() + ".part";
  race([&] {
    std::error_code ignored;
    fs::create_directory_symlink(base_ / "outside", base_ / "link", ignored);
    const fs::path place = base_ / "target" / name;
    // There: exchanged, and back. Not there: put in its way.
    bool swapped = exchange(base_ / "link", place);
    if (swapped) {
      std::this_thread::yield();
      exchange(base_ / "link", place);
    } else if (::renameat2(AT_FDCWD, (base_ / "link").c_str(), AT_FDCWD, place.c_str(), RENAME_NOREPLACE) == 0) {
      std::this_thread::sleep_for(1ms);
      fs::remove(place, ignored);
      swapped = true;
    }
    return swapped;
  });
}

/// A link stands where the content will be placed.
TEST_F(Race, the_place) {
  race([&] {
    std::error_code error;
    fs::create_directory_symlink(base_ / "outside", base_ / "target" / "t", error);
    if (error) return false;
    std::this_thread::sleep_for(1ms);
    fs::remove(base_ / "target" / "t", error);
    return !error;
  });
}

}  // namespace
}  // namespace rondo::peer::test
