// The port to the bytes: torrents are made, seeded and fetched behind it. libtorrent is the only implementation
// (lt_transfer.cpp); tests of the layers above use a fake.
//
// Threading: every method is called from one thread, the protocol thread, and returns at once. Work goes on in threads
// that end inside the implementation; results wait inside until drain(). `wake` (given at construction) may be called
// from any thread, and says that drain() has something. It must return at once and call nothing here: it posts. A job
// goes on only while it is drained.
//
// What survives a share and a fetch: names (made safe, see sanitize.hpp), contents, empty files, and whether the owner
// may execute a file (x is given where the receiver's umask leaves r). Not: modification times, other permissions,
// owners, empty folders, symbolic links. The info-hash depends on what survives and on nothing else.
//
// After shutdown() every call is ignored.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dht/base/bytes.hpp"
#include "dht/base/endpoint.hpp"
#include "dht/base/result.hpp"
#include "dht/base/ring_id.hpp"

namespace rondo::peer {

/// One share or one fetch; chosen by the caller, unique for the life of the session.
using JobId = std::uint32_t;

/// Why a job ended without success; the command line turns it into an exit code (docs/exit-codes.md).
enum class TransferErrc : std::uint8_t {
  kNotFound,    // no such path
  kUnreadable,  // permission or I/O error on our own files
  kEmpty,       // nothing to share
  kBadPattern,  // a pattern of what to leave out
  kBadTorrent,  // malformed, hostile or over a limit
  kExists,      // the target is there already
  kDiskFull,
  kDenied,  // the target cannot be written
  kBusy,    // another process fetches the same content to the same place
  kListen,  // the TCP port is taken
  kInternal,
};

struct TransferError {
  TransferErrc code = TransferErrc::kInternal;
  /// One sentence: what, where, what to do. Raw names inside it have gone through display().
  std::string sentence;
};

struct TransferConfig {
  /// Where to listen for TCP peers. Port 0 lets the system choose. One endpoint a family. libtorrent takes the same
  /// number for UDP when it is free (it makes no use of it), so the ring binds its socket first.
  std::vector<Endpoint> listen;
  /// Nothing but connect_peer finds peers: no LSD, PEX, trackers, `x.pe`, web seeds.
  bool only_ring = false;
  /// Local service discovery (BEP 14). Off with only_ring.
  bool lan = true;
  /// A running fetch writes down this often what it knows to be good. What is newer is hashed when it goes on later.
  std::chrono::milliseconds record_period{10'000};
  /// Where torrents that were made are kept for the next time (torrent_cache.hpp); empty: nowhere.
  std::filesystem::path state_dir{};
};

struct ContentFile {
  /// Relative to the folder that `name` is placed in (so it begins with `name`), '/' between folders, names as they
  /// will be on disk (already sanitised).
  std::string path;
  std::uint64_t size = 0;
  bool executable = false;
};

/// What a torrent holds. `info_hash` is the ring key: the v1 hash, or the first 20 bytes of the v2 hash for pure v2.
struct Content {
  RingId info_hash;
  std::string name;
  std::uint64_t bytes = 0;
  std::vector<ContentFile> files;
  bool has_v1 = true;
  bool has_v2 = false;
  /// Zeros without has_v2. Together with `info_hash` it makes the magnet link of a hybrid.
  std::array<std::uint8_t, 32> info_hash_v2{};
};

struct CreateRequest {
  std::vector<std::filesystem::path> paths;
  /// Default: the last component of the path; needed for several paths, else "first name and N more".
  std::optional<std::string> name;
  /// Hybrid v1+v2 instead of v1 without pad files.
  bool hybrid = false;
  /// Patterns of what is left out; exclude.hpp has their form. A folder that matches is left out whole.
  std::vector<std::string> exclude{};
};

/// What is wrong with a pattern of what to leave out, as a part of a sentence; none when it is fine.
std::optional<std::string> exclude_problem(const std::string& pattern);

/// A magnet link, already parsed.
struct Magnet {
  RingId info_hash;
  std::optional<std::array<std::uint8_t, 32>> info_hash_v2;
  bool has_v1 = true;
  std::string name;
  /// `x.rondo`: entry points of the ring.
  std::vector<Endpoint> entry_points;
  /// `x.pe`: peers. Ignored with only_ring.
  std::vector<Endpoint> peers;
  std::vector<std::string> trackers;
};

/// btih hex or base32, btmh; the sentence says what is wrong with anything else.
Result<Magnet> parse_magnet(const std::string& text);
/// With `x.rondo` entry points and display name, percent-encoded.
std::string format_magnet(const Magnet& magnet);
/// Nothing but a hash: a link without quotes, whose rest the shell took at the first '&', looks like this. Messages
/// about a ring or peers not found say so.
bool is_bare(const Magnet& magnet);

/// What a fetch does about files that are at its place already.
enum class WhenExists : std::uint8_t {
  kRefuse,     // fails with kExists
  kOverwrite,  // files of the content replace files of the same name; nothing else in an existing folder is touched
  kRename,     // takes the next free name: "holiday (2)"
  kSkip,       // they stay as they are, and only what is missing is fetched
};

struct FetchRequest {
  /// A magnet, or the bytes of a .torrent file.
  std::variant<Magnet, Bytes> source;
  /// The folder into which `name` is placed; made when missing.
  std::filesystem::path into;
  WhenExists when_exists = WhenExists::kRefuse;
};

/// Where a fetch keeps what it has until it is complete. An interrupted fetch leaves it; the next one of the same
/// content into the same folder goes on from there.
std::filesystem::path staging_folder(const std::filesystem::path& into, const RingId& info_hash);

// --- events ---------------------------------------------------------------------------------------------------------

struct HashProgress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};
/// The torrent is made and being seeded.
struct Seeding {
  Content content;
  Bytes torrent_file;
  /// Left out, and why: symbolic links, sockets, empty folders (bounded; the count is exact).
  std::vector<std::string> notes;
  /// Files, and whole folders, that patterns left out.
  std::uint64_t excluded = 0;
  /// Bytes that were read for it; 0 when the torrent was made before and nothing has changed since.
  std::uint64_t hashed = 0;
};
/// Files of a share are not what was hashed any more. They are not served; the rest is.
struct ContentChanged {
  /// As Content::files names them; bounded, `count` is exact.
  std::vector<std::string> files;
  std::uint64_t count = 0;
  /// What is still served.
  std::uint64_t bytes_left = 0;
  std::string sentence;
};
/// One more receiver has everything: a peer that did not when it first connected. One that has it all from the start
/// is another seed and doesn't count, and none counts twice.
struct ReceiverComplete {
  /// So far.
  std::uint32_t count = 0;
};
/// The list of files is known and nothing is written yet; accept() goes on.
struct MetadataReady {
  Content content;
  /// What will differ from the sharer's files: names changed for safety, symbolic links left out.
  std::vector<std::string> notes{};
};
/// An earlier, interrupted fetch left something, and this one goes on from there. Follows accept(), after HashProgress
/// while it is looked at.
struct Resumed {
  /// Bytes that are good and not fetched again.
  std::uint64_t kept = 0;
  /// Of these, bytes that had to be hashed to know; the others were on record.
  std::uint64_t checked = 0;
};
struct TransferProgress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::uint64_t down_per_second = 0;
  std::uint64_t up_per_second = 0;
  std::uint64_t uploaded = 0;
  std::uint32_t peers = 0;
};
/// Every byte is verified, flushed to disk and in its place.
struct Fetched {
  Content content;
  std::filesystem::path path;
  /// Files that were there already and were not fetched (WhenExists::kSkip).
  std::size_t skipped = 0;
};
struct JobFailed {
  TransferError error;
};

struct TransferEvent {
  JobId job = 0;
  std::variant<HashProgress, Seeding, ContentChanged, ReceiverComplete, MetadataReady, Resumed, TransferProgress,
               Fetched, JobFailed>
      what;
};

class Transfer {
 public:
  virtual ~Transfer() = default;

  /// Hashes and then seeds. Events: HashProgress*, Seeding, then TransferProgress*, ReceiverComplete* and
  /// ContentChanged*; or JobFailed at any point.
  virtual void share(JobId job, CreateRequest request) = 0;
  /// Events: MetadataReady, after accept() HashProgress*, Resumed?, TransferProgress*, Fetched; or JobFailed at any
  /// point.
  virtual void fetch(JobId job, FetchRequest request) = 0;
  /// Begins the download of a fetch whose MetadataReady was seen.
  virtual void accept(JobId job) = 0;
  /// Offers a peer to a job. Unknown jobs are ignored; repeated offers are harmless.
  virtual void connect_peer(JobId job, const Endpoint& peer) = 0;
  /// Ends a job. A fetch that is not complete leaves what it has verified in its staging folder; without any, nothing.
  virtual void cancel(JobId job) = 0;
  /// The TCP port that peers reach, 0 while not listening.
  [[nodiscard]] virtual std::uint16_t listen_port() const = 0;
  /// Events since the last call, oldest first.
  virtual std::vector<TransferEvent> drain() = 0;
  /// Cancels what is left and waits for threads, at most 5 s.
  virtual void shutdown() = 0;
};

/// Fails with kListen when the port is taken.
Result<std::unique_ptr<Transfer>, TransferError> make_transfer(const TransferConfig& config,
                                                               std::function<void()> wake);

}  // namespace rondo::peer
