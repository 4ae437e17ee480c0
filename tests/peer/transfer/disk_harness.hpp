// A disk back-end under test, with an io_context of its own in place of libtorrent's network thread.
#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <chrono>
#include <libtorrent/disk_interface.hpp>
#include <libtorrent/disk_observer.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/hasher.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/session_handle.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "peer/transfer/lt_disk.hpp"
#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {

constexpr int kBlock = 16 * 1024;

/// A small file system of its own, where this process may mount one.
class SmallMount {
 public:
  explicit SmallMount(const std::string& size) {
    mounted_ = ::mount("rondo-test", dir_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallMount() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  SmallMount(const SmallMount&) = delete;
  SmallMount& operator=(const SmallMount&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const fs::path& path() const { return dir_.path(); }
  void make_read_only() const { ASSERT_EQ(::mount("", path().c_str(), "", MS_REMOUNT | MS_RDONLY, nullptr), 0); }

 private:
  TempDir dir_;
  bool mounted_;
};

struct TestFile {
  std::string path;
  std::int64_t size;
  bool pad = false;
};

/// Files of a torrent, and the content that they are to have.
class TestTorrent {
 public:
  TestTorrent(const std::vector<TestFile>& files, int piece_length, bool v2 = false) {
    layout.set_piece_length(piece_length);
    const lt::sha256_hash some_root = lt::hasher256("root", 4).final();
    for (const TestFile& file : files)
      layout.add_file(file.path, file.size, file.pad ? lt::file_storage::flag_pad_file : lt::file_flags_t{}, 0, {},
                      v2 ? some_root.data() : nullptr);
    layout.set_num_pieces(static_cast<int>((layout.total_size() + piece_length - 1) / piece_length));
    content = random_text(7, static_cast<std::size_t>(layout.total_size()));
    for (const lt::file_index_t i : layout.file_range())
      if (layout.pad_file_at(i)) std::fill_n(content.begin() + layout.file_offset(i), layout.file_size(i), '\0');
  }

  [[nodiscard]] std::string piece(int index) const {
    return content.substr(static_cast<std::size_t>(index) * static_cast<std::size_t>(layout.piece_length()),
                          static_cast<std::size_t>(layout.piece_size(lt::piece_index_t{index})));
  }
  [[nodiscard]] std::string file(int index) const {
    const lt::file_index_t i{index};
    return content.substr(static_cast<std::size_t>(layout.file_offset(i)),
                          static_cast<std::size_t>(layout.file_size(i)));
  }
  /// Piece and offset of every block.
  [[nodiscard]] std::vector<std::pair<int, int>> blocks() const {
    std::vector<std::pair<int, int>> out;
    for (int piece = 0; piece < layout.num_pieces(); ++piece)
      for (int offset = 0; offset < layout.piece_size(lt::piece_index_t{piece}); offset += kBlock)
        out.emplace_back(piece, offset);
    return out;
  }

  lt::file_storage layout;
  std::string content;
};

inline lt::sha1_hash sha1_of(const std::string& bytes) {
  return lt::hasher(bytes.data(), static_cast<int>(bytes.size())).final();
}
inline lt::sha256_hash sha256_of(const std::string& bytes) {
  return lt::hasher256(bytes.data(), static_cast<int>(bytes.size())).final();
}

class TestObserver final : public lt::disk_observer {
 public:
  void on_disk() override {
    ++calls;
    if (then) then();
  }
  int calls = 0;
  std::function<void()> then;
};

class TestDisk {
 public:
  explicit TestDisk(const TestTorrent& torrent, const std::string& base,
                    const std::vector<lt::download_priority_t>& priorities = {},
                    const std::shared_ptr<const KnownFiles>& known = std::make_shared<KnownFiles>())
      : torrent_(torrent), disk(std::make_unique<LtDisk>(io, counters, known)) {
    lt::aux::vector<lt::download_priority_t, lt::file_index_t> wanted;
    for (const lt::download_priority_t priority : priorities) wanted.push_back(priority);
    const lt::storage_params params(torrent.layout, nullptr, base, lt::storage_mode_sparse, wanted, lt::sha1_hash());
    holder = disk->new_torrent(params, nullptr);
  }
  ~TestDisk() { holder.reset(); }

  /// Runs handlers until `done` says so; false after ten seconds.
  template <class Done>
  bool run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io.restart();
      io.run_one_for(100ms);
    }
    return true;
  }

  // Each of these waits for its answer.

  lt::storage_error write(int piece, int offset, const std::string& block) {
    std::optional<lt::storage_error> result;
    post_write(piece, offset, block, [&](const lt::storage_error& error) { result = error; });
    EXPECT_TRUE(run_until([&] { return result.has_value(); }));
    return *result;
  }
  lt::storage_error write_block(int piece, int offset) {
    return write(piece, offset, torrent_.piece(piece).substr(static_cast<std::size_t>(offset), kBlock));
  }
  std::pair<std::string, lt::storage_error> read(int piece, int offset, int size) {
    std::optional<std::pair<std::string, lt::storage_error>> result;
    post_read(piece, offset, size,
              [&](std::string bytes, const lt::storage_error& error) { result.emplace(std::move(bytes), error); });
    EXPECT_TRUE(run_until([&] { return result.has_value(); }));
    return *result;
  }
  std::pair<lt::sha1_hash, lt::storage_error> hash(int piece, std::vector<lt::sha256_hash>* v2 = nullptr,
                                                   bool v1 = true) {
    std::optional<std::pair<lt::sha1_hash, lt::storage_error>> result;
    if (v2 != nullptr) v2->resize(static_cast<std::size_t>(torrent_.layout.blocks_in_piece2(lt::piece_index_t{piece})));
    disk->async_hash(holder, lt::piece_index_t{piece},
                     v2 == nullptr ? lt::span<lt::sha256_hash>() : lt::span<lt::sha256_hash>(*v2),
                     v1 ? lt::disk_interface::v1_hash : lt::disk_job_flags_t{},
                     [&](lt::piece_index_t, const lt::sha1_hash& sha1, const lt::storage_error& error) {
                       result.emplace(sha1, error);
                     });
    EXPECT_TRUE(run_until([&] { return result.has_value(); }));
    return *result;
  }
  void release() {
    bool done = false;
    disk->async_release_files(holder, [&] { done = true; });
    EXPECT_TRUE(run_until([&] { return done; }));
  }
  lt::status_t check(const lt::add_torrent_params* resume) {
    std::optional<lt::status_t> result;
    disk->async_check_files(holder, resume, {},
                            [&](lt::status_t status, const lt::storage_error&) { result = status; });
    EXPECT_TRUE(run_until([&] { return result.has_value(); }));
    return *result;
  }

  // These don't.

  bool post_write(int piece, int offset, const std::string& block, std::function<void(const lt::storage_error&)> then,
                  std::shared_ptr<lt::disk_observer> observer = nullptr) {
    const lt::peer_request request{lt::piece_index_t{piece}, offset, static_cast<int>(block.size())};
    return disk->async_write(holder, request, block.data(), std::move(observer), std::move(then), {});
  }
  void post_read(int piece, int offset, int size, std::function<void(std::string, const lt::storage_error&)> then) {
    disk->async_read(
        holder, {lt::piece_index_t{piece}, offset, size},
        [then = std::move(then), size](const lt::disk_buffer_holder& buffer, const lt::storage_error& error) {
          then(error || !buffer ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(size)), error);
        },
        {});
  }

 private:
  const TestTorrent& torrent_;

 public:
  lt::io_context io;
  lt::counters counters;
  std::unique_ptr<LtDisk> disk;
  lt::storage_holder holder;
};

}  // namespace rondo::peer::test
