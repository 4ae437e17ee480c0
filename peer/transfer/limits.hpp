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
/// Background threads at once (hashing, placing, removing). More work waits in a queue.
inline constexpr std::size_t kWorkers = 8;
/// libtorrent drops alerts beyond it; those that we wait for are of a kind that has twice and four times the room.
inline constexpr int kAlertQueue = 4'000;

// --- time -----------------------------------------------------------------------------------------------------------

inline constexpr auto kProgressPeriod = 500ms;
/// An active transfer reports at least this often, also when nothing changed: silence would look like a hang.
inline constexpr auto kProgressAtLeast = 1s;
inline constexpr auto kHashProgressPeriod = 100ms;
inline constexpr auto kListenTime = 2s;
inline constexpr auto kShutdownTime = 5s;

}  // namespace rondo::peer::limits
