// Bounds and paces of the node above the ring: the number, why it is that number, and what happens at it.
#pragma once

#include <chrono>
#include <cstddef>

#include "dht/base/time.hpp"

namespace rondo::peer::limits {

using namespace std::chrono_literals;

// --- announcing -----------------------------------------------------------------------------------------------------

/// Pauses before an announcement that too few replicas hold is tried again: doubling from the first to the last. A ring
/// that has just begun answers within seconds; one that is gone is asked once a minute.
inline constexpr Duration kAnnounceRetryFirst = 2s;
inline constexpr Duration kAnnounceRetryLast = 60s;
/// A change of our place in the ring is followed by an announcement within this time, at random.
inline constexpr Duration kAnnounceSoon = 2s;
/// A cancelled share ends when its announcements are withdrawn, or after this; they then expire by themselves.
inline constexpr Duration kWithdrawTime = 1s;
/// Entry points of the ring in a link that we make. More would only make it longer.
inline constexpr std::size_t kLinkEntryPoints = 4;

/// How long a share that ends by itself lets its last receiver end the connection.
inline constexpr Duration kLastReceiverTime = 1s;

// --- searching ------------------------------------------------------------------------------------------------------

/// Pauses between two questions to the ring while a fetch has no peers, doubling from the first to the last.
inline constexpr Duration kAskFirst = 1s;
inline constexpr Duration kAskLast = 30s;
/// A running transfer with fewer peers than kFewPeers asks the ring this often.
inline constexpr Duration kAskMore = 30s;
inline constexpr std::uint32_t kFewPeers = 4;
/// Peers that one fetch remembers, to offer them again and to name them. The surplus is offered once.
inline constexpr std::size_t kSearchPeers = 200;
/// Endpoints that a sentence names; the rest is counted.
inline constexpr std::size_t kNamedEndpoints = 3;

// --- the process ----------------------------------------------------------------------------------------------------

/// The contacts of the ring are written down this often, so that a crash loses little.
inline constexpr Duration kKeepContacts = 10min;
/// How long a member that leaves goes on answering, so that its neighbours can ask whether it is gone.
inline constexpr Duration kFarewell = 500ms;
/// All of the above at the end; then the thread stops, whatever is left.
inline constexpr Duration kClosingTime = 2s;
/// A node that only shares becomes a member of the ring after this; one that ends sooner would be churn.
inline constexpr Duration kLaterMembership = 30s;
/// A bootstrap node that knows others serves alone when none has answered for this long.
inline constexpr Duration kAloneAfter = 30s;

}  // namespace rondo::peer::limits
