// Every bound of transfers in one place: the number, why it is that number, and what happens at it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace rondo::peer::limits {

using namespace std::chrono_literals;

// --- links ----------------------------------------------------------------------------------------------------------

/// A longer magnet link is refused. Real ones with a dozen trackers have 2 KiB.
inline constexpr std::size_t kMagnetBytes = 8 * 1024;
/// Parameters of a magnet link; one more and it is refused.
inline constexpr std::size_t kMagnetParameters = 200;
/// Entry points, peers and trackers kept of a magnet link, each. The surplus is ignored.
inline constexpr std::size_t kMagnetList = 32;

// --- torrents (libtorrent's own limits; the threat is row 14 of the threat model) ------------------------------------

/// A larger .torrent file, or metadata from peers, is refused; we make none larger, so that others can read ours.
inline constexpr int kTorrentBytes = 10'000'000;
inline constexpr int kTorrentPieces = 0x20'0000;
inline constexpr int kTorrentTokens = 3'000'000;
inline constexpr int kTorrentDepth = 100;
/// Bytes of a torrent's own name; one with a longer is refused. libtorrent puts it before the path of each file.
inline constexpr std::size_t kTorrentNameBytes = 10'000;
/// Files of a torrent, links and padding among them; a larger one is refused. Each costs some 500 bytes until the
/// download ends.
inline constexpr std::size_t kTorrentFiles = 100'000;
/// Trackers of a .torrent file, and web seeds and DHT nodes, which we don't use; one with more is refused. libtorrent
/// keeps some 150 bytes of each.
inline constexpr std::size_t kTorrentAddresses = 5'000;
/// Folders of a torrent; one with more is refused. libtorrent looks for each new folder in the list of all others:
/// 250,000 take it a minute, these a second.
inline constexpr std::size_t kTorrentFolders = 30'000;
/// Files of one torrent that libtorrent takes for the same name as another (it ignores case, and replaces what it takes
/// for unsafe); one with more is refused. It tries the numbers 1, 2, 3, ... for each anew.
inline constexpr std::size_t kTorrentMeetings = 1'000;

// --- names ----------------------------------------------------------------------------------------------------------

/// Bytes of one component. File systems stop at 255; 15 are left for " (2)" and the like.
inline constexpr std::size_t kNameBytes = 240;
/// Folders within folders, the share's own folder among them. Deeper ones from the network are folded into the last;
/// deeper ones of our own are refused.
inline constexpr std::size_t kNameDepth = 100;
/// Bytes of the folders of one path. The system's PATH_MAX is 4096, and the target's own path comes before ours.
inline constexpr std::size_t kFolderBytes = 2'000;

// --- jobs -----------------------------------------------------------------------------------------------------------

/// Sentences about left-out files of one job. The rest is counted in one more sentence.
inline constexpr std::size_t kNotes = 20;
/// Bytes of a stranger's name or path in a sentence. The middle of a longer one is left out: a torrent holds names of
/// megabytes.
inline constexpr std::size_t kShownName = 300;
/// Peers that a job remembers before its torrent runs. The surplus is ignored: more come by the swarm itself.
inline constexpr std::size_t kRememberedPeers = 200;
/// Connections of the session (Debian's default of 1024 file descriptors leaves room for files).
inline constexpr int kConnections = 200;
/// Bytes on their way to each peer that is served, at least, however slow it is: 200 that don't read cost 29 MB.
inline constexpr int kSendAhead = 128 * 1024;
/// Blocks of 16 KiB that a peer may have asked us for: 8 MB, more than a TCP window on Debian holds (6 MB). What is
/// asked for beyond it is refused. How much a getter asks of others is theirs to say in the same way.
inline constexpr int kRequests = 500;
/// Background threads at once (hashing, placing, removing). More work waits in a queue.
inline constexpr std::size_t kWorkers = 8;
/// libtorrent drops alerts beyond it; those that we wait for are of a kind that has twice and four times the room.
inline constexpr int kAlertQueue = 4'000;

/// A longer resume file was not written by us and is not read; the pieces are hashed instead. The largest torrent's has
/// one bit a piece and, of v2, 32 bytes a piece.
inline constexpr std::int64_t kResumeBytes = 128 * 1024 * 1024;

// --- watching what is shared -----------------------------------------------------------------------------------------

/// Folders watched by inotify for one share. A user's watches are bounded (8,192 on small machines) and others want
/// some; what is not watched is swept.
inline constexpr std::size_t kWatches = 4'096;
/// A sweep looks at that many files, then pauses: 2,000 files a second cost less than 1 % of a processor.
inline constexpr std::size_t kSweepFiles = 200;
inline constexpr auto kSweepStep = 100ms;
/// Between two sweeps, where inotify watches too and where it doesn't.
inline constexpr auto kSweepPause = 300s;
inline constexpr auto kSweepPauseUnwatched = 1s;
/// Events gather that long before they are read; folders that move, one after the other, are one reason to look.
inline constexpr auto kWatchPause = 10ms;
inline constexpr auto kWatchLookPause = 500ms;
/// Losses are told when none came for this long, and after the longest in any case.
inline constexpr auto kSettleQuiet = 200ms;
inline constexpr auto kSettleLongest = 1s;
/// Peers that a share knows by their ids, to count who has everything. The surplus is not counted.
inline constexpr std::size_t kReceivers = 10'000;
/// Files that a sentence about losses names, and that its event lists. The rest is counted.
inline constexpr std::size_t kLostNamed = 3;
inline constexpr std::size_t kLostListed = 100;
/// Bytes of the first part of a share that is read again when a piece had other bytes than were hashed; each further
/// part is twice as long. After each the pieces that are fine are served.
inline constexpr std::uint64_t kRecheckBytes = 256'000'000;

// --- the disk back-end ----------------------------------------------------------------------------------------------

/// Threads of a session that read, write and hash. Two keep two cores busy while libtorrent's own thread waits for the
/// network, and one can wait for a slow disk without the other.
inline constexpr std::size_t kDiskThreads = 2;
/// Files that a session holds open, over all torrents. Small files are opened once for writing and, one piece after the
/// other, once for reading: more would gain nothing. `ulimit -n 128` leaves as much for peers. At the bound the one not
/// used for longest is closed.
inline constexpr std::size_t kOpenFiles = 64;
/// Open files are closed when nothing was read or written for so long, so that a disk can be taken away.
inline constexpr auto kFilesIdle = 5s;
/// Received bytes that wait to be written. At the high mark peers are not read from until the low mark is reached: a
/// disk slower than the network costs this much memory and no more. It is 30 ms of a fast disk.
inline constexpr std::size_t kUnwrittenHigh = 8 * 1024 * 1024;
inline constexpr std::size_t kUnwrittenLow = kUnwrittenHigh / 2;
/// Blocks of memory kept for the next read or write, 16 KiB each. The surplus goes back to the system's allocator.
inline constexpr std::size_t kFreeBlocks = 64;
/// Blocks that one system call writes. More in a call gain nothing, and these leave a core's cache.
inline constexpr std::size_t kBlocksAtOnce = 16;
/// Half-written pieces whose hash is carried along. The surplus is read back when complete.
inline constexpr std::size_t kRunningHashes = 64;
/// Read at once to be hashed; stays in a core's cache.
inline constexpr std::size_t kHashChunk = 64 * 1024;

// --- torrents made before -------------------------------------------------------------------------------------------

/// Torrents that are kept so that a share started again needs no hashing, and their bytes. The least recently used go.
inline constexpr std::size_t kCacheFiles = 64;
inline constexpr std::uint64_t kCacheBytes = 256'000'000;
/// A file must have been at rest for this long: file systems' clocks tick in steps of up to 2 s, and a file that is
/// written to twice in one step looks the same.
inline constexpr auto kCacheSettled = 2s;
/// A temporary file this old was left by a process that was killed.
inline constexpr auto kCacheTemporary = 1h;

// --- time -----------------------------------------------------------------------------------------------------------

inline constexpr auto kProgressPeriod = 500ms;
/// An active transfer reports at least this often, also when nothing changed: silence would look like a hang.
inline constexpr auto kProgressAtLeast = 1s;
inline constexpr auto kHashProgressPeriod = 100ms;
inline constexpr auto kListenTime = 2s;
inline constexpr auto kShutdownTime = 5s;

}  // namespace rondo::peer::limits
