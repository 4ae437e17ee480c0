// The files of one torrent: where they are, reading, writing and hashing them.
//
// Files lie in a base folder that is opened once; they are opened, and folders made, only beneath it and never through
// a symbolic link. Absolute names, which shares have where their files are not where the torrent says, are opened as
// they are, but for a symbolic link at their end. No file is preallocated and no link is made.
//
// A piece may lie half in a file that is not wanted. What comes of it is written to that file's own place: the base
// folder of a download is a staging folder, from which only wanted files are moved on, so no part file is needed.
//
// Of a share it is known what each file was when it was hashed. What is read of a file that was written to since, or
// has another in its place, is an error (ESTALE), so it reaches nobody: a file's times change before its bytes do, and
// they are looked at after the bytes were read.
//
// Reading and writing are for any thread; what changes names is for a thread that has the torrent for itself (a fence,
// see disk_order.hpp).
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/disk_interface.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/sha1_hash.hpp>
#include <libtorrent/span.hpp>
#include <libtorrent/storage_defs.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peer/transfer/disk_order.hpp"
#include "peer/transfer/fd.hpp"
#include "peer/transfer/lt_known_files.hpp"
#include "peer/transfer/open_files.hpp"

namespace rondo::peer {

class LtStorage {
 public:
  /// `owner` keeps alive what `params` refers to; `known` may be null.
  LtStorage(const lt::storage_params& params, std::shared_ptr<void> owner,
            std::shared_ptr<const KnownFiles::Identities> known, OpenFiles& files);
  ~LtStorage();
  LtStorage(const LtStorage&) = delete;
  LtStorage& operator=(const LtStorage&) = delete;

  /// The order of its jobs; belongs to the DiskPool.
  TorrentJobs jobs;

  /// Fills `to`, or sets `error`: a file that ends too early is one, and so is one that is not as it was hashed.
  void read(lt::piece_index_t piece, int offset, std::span<std::uint8_t> to, lt::storage_error& error);
  /// Writes blocks that follow one another.
  void write(lt::piece_index_t piece, int offset, std::span<const ::iovec> blocks, lt::storage_error& error);
  /// Takes written bytes into the hash that is carried along.
  void carry(lt::piece_index_t piece, int offset, ByteView block, PieceHash& hash, DiskTools& tools) const;
  /// The hashes of a piece, from what was carried along and, for the rest, from the files. `v2` may be empty.
  lt::sha1_hash hash(lt::piece_index_t piece, bool v1, lt::span<lt::sha256_hash> v2, PieceHash& carried,
                     DiskTools& tools, lt::storage_error& error);
  lt::sha256_hash hash_block(lt::piece_index_t piece, int offset, DiskTools& tools, lt::storage_error& error);

  /// Makes empty files, and compares the others with what a resume file says. Without one, any file that is there asks
  /// for a full check.
  lt::status_t check(const lt::add_torrent_params* resume, lt::storage_error& error);
  void rename(lt::file_index_t file, const std::string& name, lt::storage_error& error);
  /// Removes the files in the base folder, and folders that are empty then. Files elsewhere are their owner's.
  void remove_files(lt::storage_error& error);
  void set_priorities(const lt::aux::vector<lt::download_priority_t, lt::file_index_t>& priorities);
  /// Closes its files. What closing them lost is told to whoever reads, writes or hashes next.
  void release();

  [[nodiscard]] std::string path() const { return path_; }
  [[nodiscard]] std::vector<lt::open_file_state> open_files() const;

 private:
  struct Slice {
    lt::file_index_t file;
    std::int64_t offset;
    std::size_t begin;
    std::size_t size;
  };
  /// The part of `size` bytes at a place of the torrent, from `done` on, that lies in one file.
  [[nodiscard]] Slice slice_at(std::int64_t place, std::size_t done, std::size_t size) const;
  [[nodiscard]] std::int64_t place_of(lt::piece_index_t piece, int offset) const;

  std::shared_ptr<OpenFile> open(lt::file_index_t file, bool writable, lt::storage_error& error);
  Fd open_file(lt::file_index_t file, bool writable, int base);
  [[nodiscard]] Fd open_base() const;
  /// The base folder; opened anew if need be. Null with errno set.
  std::shared_ptr<OpenFile> base();
  [[nodiscard]] std::optional<std::int64_t> size_of(lt::file_index_t file);
  /// Opens the folder of a file for a change in it, and says how the file is called there.
  Fd folder_of(const std::string& path, bool make, std::string& leaf);
  bool has_what_it_says(const lt::add_torrent_params& resume);
  void make_empty_files(lt::storage_error& error);
  [[nodiscard]] bool is_wanted(lt::file_index_t file) const;
  [[nodiscard]] bool is_as_hashed(const OpenFile& file) const;
  bool report_fault(lt::storage_error& error);
  void learn(bool v1, bool v2);

  /// Names change with rename(), so it is a copy.
  lt::file_storage files_;
  lt::aux::vector<lt::download_priority_t, lt::file_index_t> priorities_;
  std::string path_;
  std::shared_ptr<void> owner_;
  std::shared_ptr<const KnownFiles::Identities> known_;
  OpenFiles& open_files_;
  std::shared_ptr<CloseFault> fault_ = std::make_shared<CloseFault>();
  /// The path is a descriptor's number, which may be another's later on: the folder is opened at once, and stays open.
  bool pinned_;
  std::shared_ptr<OpenFile> base_;
  /// Which hashes are asked for; the first hash job tells.
  std::atomic<bool> wants_v1_{true};
  std::atomic<bool> wants_v2_{false};
};

}  // namespace rondo::peer
