#include <gtest/gtest.h>

#include "peer/node/limits.hpp"
#include "peer/node/peer_search.hpp"
#include "peer/node/search_report.hpp"

namespace rondo::peer {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{100s};
const RingId kKey = *RingId::from_hex("00112233445566778899aabbccddeeff00112233");

Endpoint at(std::uint16_t port) { return Endpoint::v4(127, 0, 0, 1, port); }

/// A read that found `peers` at `replicas` nodes that answered.
dht::PeersRead read_of(std::vector<Endpoint> peers, std::size_t replicas = 3) {
  dht::PeersRead read;
  read.lookup.target = kKey;
  for (std::size_t i = 0; i < replicas; ++i) {
    const Contact contact{kKey, at(static_cast<std::uint16_t>(7000 + i))};
    read.lookup.replicas.push_back(contact);
    read.replicas.push_back({contact, true, {}, 0});
  }
  read.peers = std::move(peers);
  return read;
}

dht::PeersRead failed_read(dht::LookupFailure failure, std::vector<Endpoint> asked = {}) {
  dht::PeersRead read;
  read.lookup.failure = failure;
  for (const Endpoint& endpoint : asked) {
    dht::LookupStep step;
    step.endpoint = endpoint;
    step.outcome = dht::StepOutcome::kUnanswered;
    read.lookup.steps.push_back(step);
  }
  return read;
}

TransferProgress progress_of(std::uint32_t peers, std::uint64_t done = 0, std::uint64_t total = 100) {
  TransferProgress progress;
  progress.peers = peers;
  progress.done = done;
  progress.total = total;
  return progress;
}

class PeerSearchTest : public ::testing::Test {
 protected:
  PeerSearch search(Duration patience = 60s, bool other_ways = false) {
    PeerSearch search(kStart, {patience, other_ways, false}, rng_);
    search.set_key(kStart, kKey);
    return search;
  }
  Rng rng_{1};
};

TEST_F(PeerSearchTest, asks_at_once_then_with_growing_pauses) {
  PeerSearch search = this->search();
  EXPECT_EQ(search.ask_at(), kStart);
  Instant now = kStart;
  Duration expected = limits::kAskFirst;
  for (int i = 0; i < 8; ++i) {
    search.asking();
    EXPECT_EQ(search.ask_at(), kNever);
    search.on_read(now, read_of({}));
    EXPECT_GE(search.ask_at() - now, expected * 9 / 10);
    EXPECT_LE(search.ask_at() - now, expected * 11 / 10);
    now = search.ask_at();
    expected = std::min<Duration>(expected * 2, limits::kAskLast);
  }
}

TEST_F(PeerSearchTest, a_torrent_file_is_asked_for_when_its_hash_is_known) {
  PeerSearch search(kStart, {60s, false, false}, rng_);
  EXPECT_EQ(search.ask_at(), kNever);
  search.set_key(kStart + 1s, kKey);
  EXPECT_EQ(search.ask_at(), kStart + 1s);
}

TEST_F(PeerSearchTest, patience_runs_until_there_is_metadata) {
  PeerSearch search = this->search(60s);
  EXPECT_EQ(search.give_up_at(), kStart + 60s);
  search.on_read(kStart + 1s, read_of({at(1)}));
  EXPECT_EQ(search.give_up_at(), kStart + 60s);
  search.on_metadata(kStart);
  EXPECT_EQ(search.give_up_at(), kNever);  // the user may think as long as he likes
  search.on_accepted(kStart + 500s);
  EXPECT_EQ(search.give_up_at(), kStart + 560s);
}

TEST_F(PeerSearchTest, patience_zero_never_ends) {
  PeerSearch search = this->search(0s);
  EXPECT_EQ(search.give_up_at(), kNever);
  search.on_metadata(kStart);
  search.on_accepted(kStart);
  EXPECT_EQ(search.give_up_at(), kNever);
}

TEST_F(PeerSearchTest, a_peer_or_progress_renews_patience_and_their_absence_does_not) {
  PeerSearch search = this->search(60s);
  search.on_metadata(kStart);
  search.on_accepted(kStart);
  search.on_progress(kStart + 10s, progress_of(1, 0));
  EXPECT_EQ(search.give_up_at(), kStart + 70s);
  EXPECT_FALSE(search.without_peers());
  search.on_progress(kStart + 20s, progress_of(0, 50));
  EXPECT_EQ(search.give_up_at(), kStart + 80s);
  search.on_progress(kStart + 30s, progress_of(0, 50));
  EXPECT_EQ(search.give_up_at(), kStart + 80s);
  EXPECT_TRUE(search.without_peers());
  search.on_progress(kStart + 40s, progress_of(0, 100));  // all there: it is being flushed
  EXPECT_EQ(search.give_up_at(), kStart + 100s);
  EXPECT_FALSE(search.without_peers());
}

TEST_F(PeerSearchTest, peers_that_send_nothing_are_not_waited_for_longer) {
  PeerSearch search = this->search(60s);
  search.on_metadata(kStart);
  search.on_accepted(kStart);
  search.on_progress(kStart + 10s, progress_of(1, 50));
  search.on_progress(kStart + 20s, progress_of(1, 50));
  EXPECT_EQ(search.give_up_at(), kStart + 70s);
  search.on_progress(kStart + 30s, progress_of(2, 50));  // another one may have it
  EXPECT_EQ(search.give_up_at(), kStart + 90s);
  search.on_progress(kStart + 40s, progress_of(1, 50));
  EXPECT_EQ(search.give_up_at(), kStart + 90s);
  search.on_progress(kStart + 50s, progress_of(1, 51));
  EXPECT_EQ(search.give_up_at(), kStart + 110s);
}

TEST_F(PeerSearchTest, losing_the_last_peer_asks_the_ring_at_once) {
  PeerSearch search = this->search();
  search.on_read(kStart, read_of({at(1)}));
  search.on_metadata(kStart);
  search.on_accepted(kStart + 1s);
  search.on_progress(kStart + 2s, progress_of(1, 10));
  EXPECT_GT(search.ask_at(), kStart + 2s);
  search.on_progress(kStart + 3s, progress_of(0, 10));
  EXPECT_EQ(search.ask_at(), kStart + 3s);
}

TEST_F(PeerSearchTest, whoever_sent_the_metadata_may_be_gone_at_the_first_progress) {
  PeerSearch search = this->search();
  search.on_read(kStart, read_of({at(1)}));
  search.on_metadata(kStart);
  search.on_accepted(kStart + 1s);
  search.on_progress(kStart + 2s, progress_of(0, 10));
  EXPECT_EQ(search.ask_at(), kStart + 2s);
  search.asking();
  search.on_read(kStart + 3s, read_of({at(1)}));
  EXPECT_LE(search.ask_at(), kStart + 5s);
  search.on_progress(kStart + 3s, progress_of(0, 10));
  EXPECT_GT(search.ask_at(), kStart + 3s);
}

TEST_F(PeerSearchTest, few_peers_ask_every_30_seconds_and_many_do_not) {
  PeerSearch search = this->search();
  search.on_metadata(kStart);
  search.on_accepted(kStart);
  search.on_progress(kStart, progress_of(1, 10));
  search.on_read(kStart + 1s, read_of({at(1)}));
  EXPECT_EQ(search.ask_at(), kStart + 31s);
  search.on_progress(kStart + 20s, progress_of(limits::kFewPeers, 20));
  EXPECT_EQ(search.ask_at(), kStart + 50s);
}

TEST_F(PeerSearchTest, without_any_way_to_find_a_peer_it_ends_at_once) {
  PeerSearch search = this->search();
  search.on_read(kStart + 1s, failed_read(dht::LookupFailure::kNoContacts));
  EXPECT_EQ(search.give_up_at(), kStart + 1s);
}

TEST_F(PeerSearchTest, with_another_way_or_a_peer_it_goes_on) {
  PeerSearch lan = this->search(60s, true);
  lan.on_read(kStart + 1s, failed_read(dht::LookupFailure::kNoContacts));
  EXPECT_EQ(lan.give_up_at(), kStart + 60s);
  PeerSearch given = this->search();
  given.add_peer(at(9));
  given.on_read(kStart + 1s, failed_read(dht::LookupFailure::kNoContacts));
  EXPECT_EQ(given.give_up_at(), kStart + 60s);
}

TEST_F(PeerSearchTest, the_lookup_that_found_the_first_peer_is_kept) {
  PeerSearch search = this->search();
  EXPECT_FALSE(search.found_by());
  search.on_read(kStart, read_of({}));
  EXPECT_FALSE(search.found_by());
  dht::PeersRead first = read_of({at(1)});
  first.lookup.hops = 3;
  search.on_read(kStart, first);
  search.on_read(kStart, read_of({at(2)}));
  ASSERT_TRUE(search.found_by());
  EXPECT_EQ(search.found_by()->hops, 3u);
}

TEST_F(PeerSearchTest, peers_are_kept_once_and_bounded) {
  PeerSearch search = this->search();
  search.add_peer(at(1));
  search.on_read(kStart, read_of({at(1), at(2)}));
  EXPECT_EQ(search.facts().peers.size(), 2u);
  for (std::uint16_t port = 1; port < 1000; ++port) search.add_peer(at(port));
  EXPECT_EQ(search.facts().peers.size(), limits::kSearchPeers);
}

// --- the reasons -----------------------------------------------------------------------------------------------------

SearchFacts facts_of(const dht::PeersRead& read) {
  Rng rng(1);
  PeerSearch search(kStart, {60s, true, false}, rng);
  search.set_key(kStart, kKey);
  search.on_read(kStart, read);
  return search.facts();
}

TEST(SearchReport, nobody_announces) {
  const SearchFacts facts = facts_of(read_of({}));
  const NodeFailure failure = describe_failure(facts);
  EXPECT_EQ(std::get<SearchErrc>(failure.code), SearchErrc::kNobodyAnnounces);
  EXPECT_EQ(failure.sentence, "nobody announces " + kKey.hex() + " on the ring (asked 3 replicas)");
  EXPECT_EQ(describe_search(facts), "nobody announces " + kKey.hex() + " on the ring yet (asked 3 replicas)");
}

TEST(SearchReport, no_node_of_the_ring_answered) {
  const SearchFacts facts = facts_of(failed_read(dht::LookupFailure::kNoAnswer, {at(7001), at(7001), at(7002)}));
  const NodeFailure failure = describe_failure(facts);
  EXPECT_EQ(std::get<SearchErrc>(failure.code), SearchErrc::kNoRing);
  EXPECT_EQ(failure.sentence, "no node of the ring answered: tried 127.0.0.1:7001, 127.0.0.1:7002");
}

TEST(SearchReport, no_read_has_ended_yet) {
  SearchFacts facts;
  facts.key = kKey;
  facts.contacts = {at(7001)};
  EXPECT_EQ(describe_search(facts), "asking the ring who has " + kKey.hex());
  EXPECT_EQ(describe_failure(facts).sentence, "no node of the ring answered: tried 127.0.0.1:7001");
  facts.contacts.clear();
  EXPECT_EQ(describe_failure(facts).sentence, "no node of the ring is known: name one with --join HOST:PORT");
}

TEST(SearchReport, a_ring_that_answers_but_not_in_time) {
  SearchFacts facts;
  facts.key = kKey;
  facts.contacts = {at(7001)};
  facts.ring_heard = true;
  const NodeFailure failure = describe_failure(facts);
  EXPECT_EQ(std::get<SearchErrc>(failure.code), SearchErrc::kSlowRing);
  EXPECT_EQ(failure.sentence, "the ring had not said who has " + kKey.hex() + " when the time was up");
}

TEST(SearchReport, nobody_is_known) {
  const NodeFailure failure = describe_failure(facts_of(failed_read(dht::LookupFailure::kNoContacts)));
  EXPECT_EQ(std::get<SearchErrc>(failure.code), SearchErrc::kNoRing);
  EXPECT_EQ(failure.sentence, "no node of the ring is known: name one with --join HOST:PORT");
}

TEST(SearchReport, peers_that_could_not_be_connected) {
  const SearchFacts facts = facts_of(read_of({at(1), at(2), at(3), at(4), at(5)}));
  const NodeFailure failure = describe_failure(facts);
  EXPECT_EQ(std::get<SearchErrc>(failure.code), SearchErrc::kNotConnected);
  EXPECT_EQ(failure.sentence,
            "peers were found (127.0.0.1:1, 127.0.0.1:2, 127.0.0.1:3 and 2 more), but none could be connected");
}

TEST(SearchReport, a_given_peer_that_is_not_there_and_a_ring_that_is_not_there) {
  SearchFacts facts = facts_of(failed_read(dht::LookupFailure::kNoAnswer, {at(7001)}));
  facts.peers = {at(1)};
  EXPECT_EQ(describe_failure(facts).sentence,
            "peers were found (127.0.0.1:1), but none could be connected, and no node of the ring answered: tried "
            "127.0.0.1:7001");
}

TEST(SearchReport, replicas_that_do_not_answer) {
  dht::PeersRead read = read_of({});
  for (auto& replica : read.replicas) replica.answered = false;
  const NodeFailure failure = describe_failure(facts_of(read));
  EXPECT_EQ(std::get<SearchErrc>(failure.code), SearchErrc::kNoRing);
  EXPECT_EQ(failure.sentence, "none of the 3 nodes of the ring that know who has " + kKey.hex() + " answered");
}

TEST(SearchReport, peers_that_went_away) {
  SearchFacts facts = facts_of(read_of({at(1)}));
  facts.was_connected = true;
  const NodeFailure failure = describe_failure(facts);
  EXPECT_EQ(std::get<SearchErrc>(failure.code), SearchErrc::kNotConnected);
  EXPECT_EQ(failure.sentence, "every peer went away and none came back: 127.0.0.1:1");
}

TEST(SearchReport, peers_that_send_nothing) {
  SearchFacts facts = facts_of(read_of({at(1)}));
  facts.was_connected = true;
  facts.connected = 2;
  const NodeFailure failure = describe_failure(facts);
  EXPECT_EQ(std::get<SearchErrc>(failure.code), SearchErrc::kStalled);
  EXPECT_EQ(
      failure.sentence,
      "2 peers are connected, and none sent anything for so long: the rest may be gone where they have it from, or "
      "they are busy");
}

TEST(SearchReport, a_bare_hash_is_asked_about) {
  SearchFacts facts = facts_of(read_of({}));
  facts.bare_link = true;
  EXPECT_NE(describe_failure(facts).sentence.find("was it quoted?"), std::string::npos);
}

}  // namespace
}  // namespace rondo::peer
