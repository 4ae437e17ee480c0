// Every bound of the ring in one place: the number, why it is that number, and what happens at it.
#pragma once

#include <chrono>
#include <cstddef>

#include "dht/base/time.hpp"

namespace rondo::limits {

using namespace std::chrono_literals;

// --- wire -----------------------------------------------------------------------------------------------------------

/// Largest datagram. Below the IPv6 minimum MTU (1280) with room for tunnels. Longer ones are dropped unread.
inline constexpr std::size_t kDatagram = 1200;
/// Contacts in one step of a lookup (DESIGN 2). Longer lists are malformed.
inline constexpr std::size_t kStepContacts = 8;
/// Entries of a successor list on the wire, r = 16: 2 log2 N for N = 256, half of all nodes may fail at once with
/// P(all dead) = 1.5e-5 (ToN'03 theorem IV.5). Longer lists are malformed.
inline constexpr std::size_t kSuccessors = 16;
/// Endpoints in one answer of get_peers. The surplus is left out at random, so that every peer is handed out sometimes.
/// A longer answer is malformed.
inline constexpr std::size_t kAnswerPeers = 32;
/// Text of an error answer, bytes. Longer is cut.
inline constexpr std::size_t kErrorText = 64;
/// Nesting of bencoded input; our messages need 3. Deeper is malformed.
inline constexpr int kBencodeDepth = 5;
/// Tokens (integers, strings, containers) of bencoded input. Our largest message has fewer than 80.
inline constexpr int kBencodeTokens = 200;

// --- rpc ------------------------------------------------------------------------------------------------------------

/// Tries of a request, the first among them (DESIGN 2: at-least-once with 3 tries, doubling).
inline constexpr int kTries = 3;
/// Bounds of the retransmission time-out (RFC 6298 with a floor that fits a LAN).
inline constexpr Duration kMinTimeout = 100ms;
inline constexpr Duration kMaxTimeout = 4s;
/// Before the first sample (RFC 6298 says 1 s).
inline constexpr Duration kFirstTimeout = 1s;
/// The least that a stranger gets once we know what is typical: a node across the world must not look slow.
inline constexpr Duration kStrangerTimeout = 300ms;
/// Requests in flight of one node. A request beyond it fails at once as `overloaded`.
inline constexpr std::size_t kTransactions = 512;
/// Endpoints whose round trip and token we remember; the one unheard for longest is forgotten.
inline constexpr std::size_t kKnownEndpoints = 256;
/// A token secret's life; two live, so a token is good for 5 to 10 min (BEP 5).
inline constexpr Duration kTokenRotation = 5min;
/// We use a token only while it is surely good.
inline constexpr Duration kTokenUse = 4min;

// --- ring -----------------------------------------------------------------------------------------------------------

/// Unanswered tries, and the time they must span, before the ring drops a neighbour (DESIGN 2: the dead verdict).
inline constexpr int kDeadTries = 5;
inline constexpr Duration kDeadSpan = 3s;
/// Candidates that one lookup keeps; the farthest from the key is dropped.
inline constexpr std::size_t kLookupCandidates = 48;
/// Requests of one lookup; then it ends with what it has. 160 fingers halve any distance, so an honest ring never gets
/// there.
inline constexpr std::size_t kLookupRequests = 200;
/// Lookups at once in one node; one more fails as `overloaded`.
inline constexpr std::size_t kLookups = 256;
/// A lookup ends after this, however slow the ring.
inline constexpr Duration kLookupTime = 30s;
/// Nodes whose records a key has (DESIGN 2).
inline constexpr std::size_t kReplicas = 8;
/// Endpoints remembered for joining again.
inline constexpr std::size_t kRememberedContacts = 64;

// --- store ----------------------------------------------------------------------------------------------------------

/// Life of a peer announcement. Publishers refresh at half of it.
inline constexpr Duration kAnnouncementTtl = 30min;
/// Keys that one node stores announcements for; a new key beyond it takes the place of the one that expires first.
inline constexpr std::size_t kStoredKeys = 10'000;
/// Peers stored under one key; a new one takes the place of the one that expires first among those of the address with
/// the most places there, so that one host with many ports displaces only itself.
inline constexpr std::size_t kPeersPerKey = 200;
/// Announcements of one address (v6: /64) in one node; loopback is exempt (tests run rings there). More are refused.
inline constexpr std::size_t kAnnouncementsPerAddress = 2'000;

}  // namespace rondo::limits
