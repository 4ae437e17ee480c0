#include "peer/transfer/file_watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

/// A tree of a/one, a/two, b/c/three, and who watches it.
class Watched {
 public:
  explicit Watched(std::size_t max_watches = 100) {
    std::uint32_t number = 0;
    std::vector<WatchedFile> files;
    for (const char* name : {"a/one", "a/two", "b/c/three"}) {
      write_file(root() / name, "content");
      files.push_back({number++, (root() / name).string(), *read_identity((root() / name).string())});
    }
    WatchCallbacks callbacks;
    callbacks.lost = [this](const std::vector<LostFile>& lost) {
      const std::lock_guard lock(mutex_);
      for (const LostFile& file : lost)
        if (file.loss == Loss::kTouched)
          touched_.insert(file.number);
        else
          EXPECT_TRUE(lost_.emplace(file.number, file.loss).second) << "told twice";
      news_.notify_all();
    };
    callbacks.settled = [this] {
      const std::lock_guard lock(mutex_);
      ++settled_;
      news_.notify_all();
    };
    watch_.emplace(std::move(files), std::move(callbacks), max_watches);
  }

  /// Waits for what was asked, so that it has looked at everything once and set its watches.
  void look() {
    const int before = settled();
    watch_->look_again();
    EXPECT_TRUE(wait([&] { return settled_ > before; }));
  }

  using Losses = std::map<std::uint32_t, Loss>;
  /// What is lost when `count` are, or at the deadline.
  Losses lost(std::size_t count) {
    wait([&] { return lost_.size() >= count; });
    const std::lock_guard lock(mutex_);
    return lost_;
  }
  /// What was touched, when it has told of `count`, or at the deadline.
  std::set<std::uint32_t> touched(std::size_t count) {
    wait([&] { return touched_.size() >= count; });
    const std::lock_guard lock(mutex_);
    return touched_;
  }
  int settled() {
    const std::lock_guard lock(mutex_);
    return settled_;
  }
  bool wait_settled(int count) {
    return wait([&] { return settled_ >= count; });
  }
  fs::path root() const { return dir_ / "root"; }
  fs::path elsewhere() const { return dir_ / "elsewhere"; }

 private:
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, 2s, condition);
  }

  TempDir dir_;
  std::mutex mutex_;
  std::condition_variable news_;
  Losses lost_;
  std::set<std::uint32_t> touched_;
  int settled_ = 0;
  std::optional<FileWatch> watch_;
};

using Losses = Watched::Losses;

TEST(FileWatch, a_file_that_is_written_to_is_lost_once) {
  Watched watched;
  watched.look();
  std::ofstream(watched.root() / "a/one", std::ios::app) << "more";
  EXPECT_EQ(watched.lost(1), (Losses{{0, Loss::kChanged}}));
  EXPECT_TRUE(watched.wait_settled(2));
  std::ofstream(watched.root() / "a/one", std::ios::app) << "more";
  watched.look();
  EXPECT_EQ(watched.lost(1), (Losses{{0, Loss::kChanged}}));
}

TEST(FileWatch, one_of_the_same_size_in_its_place_is_a_change) {
  Watched watched;
  watched.look();
  write_file(watched.elsewhere(), "CONTENT");
  fs::rename(watched.elsewhere(), watched.root() / "a/two");
  EXPECT_EQ(watched.lost(1), (Losses{{1, Loss::kChanged}}));
}

TEST(FileWatch, truncating_and_removing_are_losses) {
  Watched watched;
  watched.look();
  fs::resize_file(watched.root() / "a/one", 3);
  fs::remove(watched.root() / "b/c/three");
  EXPECT_EQ(watched.lost(2), (Losses{{0, Loss::kChanged}, {2, Loss::kGone}}));
}

TEST(FileWatch, a_folder_that_moves_takes_its_files_along) {
  for (const char* moved : {"root/b/c", "root/b", "root"}) {
    Watched watched;
    watched.look();
    fs::rename(watched.root().parent_path() / moved, watched.elsewhere());
    const std::size_t count = std::string(moved) == "root" ? 3 : 1;
    const auto lost = watched.lost(count);
    EXPECT_EQ(lost.size(), count) << moved;
    EXPECT_EQ(lost.count(2), 1u) << moved;
  }
}

TEST(FileWatch, reading_and_changing_modes_and_links_touch_at_most) {
  Watched watched;
  watched.look();
  read_file(watched.root() / "a/one");
  ::chmod((watched.root() / "a/one").c_str(), 0600);
  fs::create_hard_link(watched.root() / "b/c/three", watched.elsewhere());
  write_file(watched.root() / "a/another", "x");
  read_file(watched.root() / "a/two");
  watched.look();
  EXPECT_EQ(watched.touched(2), (std::set<std::uint32_t>{0, 2}));
  EXPECT_EQ(watched.lost(0), Losses{});
}

TEST(FileWatch, a_writer_that_hides_it_touches) {
  Watched watched;
  watched.look();
  write_in_secret(watched.root() / "a/one", 3);
  ::close(::open((watched.root() / "a/two").c_str(), O_RDWR));
  EXPECT_EQ(watched.touched(2), (std::set<std::uint32_t>{0, 1}));
  EXPECT_EQ(watched.lost(0), Losses{});
}

TEST(FileWatch, a_file_that_nobody_may_read_any_more_is_lost) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  Watched watched;
  watched.look();
  ::chmod((watched.root() / "a/one").c_str(), 0);
  EXPECT_EQ(watched.lost(1), (Losses{{0, Loss::kUnreadable}}));
}

TEST(FileWatch, what_changed_before_it_began_is_noticed) {
  Watched watched(0);
  std::ofstream(watched.root() / "a/one", std::ios::app) << "more";
  EXPECT_EQ(watched.lost(1), (Losses{{0, Loss::kChanged}}));
}

TEST(FileWatch, without_watches_a_sweep_finds_it) {
  Watched watched(0);
  watched.look();
  fs::remove(watched.root() / "a/two");
  EXPECT_EQ(watched.lost(1), (Losses{{1, Loss::kGone}}));
}

TEST(FileWatch, a_look_finds_what_is_written_through_a_mapping) {
  Watched watched;
  watched.look();
  const int fd = ::open((watched.root() / "a/one").c_str(), O_RDWR);
  void* map = ::mmap(nullptr, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(map, MAP_FAILED);
  static_cast<char*>(map)[0] = 'C';
  ASSERT_EQ(::msync(map, 7, MS_SYNC), 0);
  watched.look();
  EXPECT_EQ(watched.lost(1), (Losses{{0, Loss::kChanged}}));
  ::munmap(map, 7);
  ::close(fd);
}

TEST(FileWatch, many_losses_in_a_row_settle_once) {
  Watched watched;
  watched.look();
  fs::remove_all(watched.root());
  EXPECT_EQ(watched.lost(3).size(), 3u);
  EXPECT_TRUE(watched.wait_settled(2));
  EXPECT_EQ(watched.settled(), 2);
}

}  // namespace
}  // namespace rondo::peer::test
