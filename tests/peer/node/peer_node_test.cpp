#include "peer/node/peer_node.hpp"

#include <gtest/gtest.h>

#include "peer/node/limits.hpp"
#include "tests/peer/node/fakes.hpp"

namespace rondo::peer::test {
namespace {

using namespace std::chrono_literals;

const RingId kKey = *RingId::from_hex("00112233445566778899aabbccddeeff00112233");

Endpoint at(std::uint16_t port) { return Endpoint::v4(127, 0, 0, 1, port); }

Content content_of(bool hybrid = false) {
  Content content;
  content.info_hash = kKey;
  content.name = "name";
  content.bytes = 100;
  content.has_v2 = hybrid;
  content.info_hash_v2.fill(0xab);
  return content;
}

class PeerNodeTest : public ::testing::Test {
 protected:
  /// Everything that the node told since the last call.
  template <class Body>
  std::vector<Body> told(JobId job) {
    for (NodeEvent& event : node_.take_events()) events_.push_back(std::move(event));
    std::vector<Body> found;
    for (const NodeEvent& event : events_)
      if (const auto* body = std::get_if<Body>(&event.body); body != nullptr && event.job == job)
        found.push_back(*body);
    return found;
  }
  void from_transfer(JobId job, decltype(TransferEvent::what) what) {
    transfer_.events.push_back({job, std::move(what)});
    node_.on_transfer(now_);
  }
  void announced(dht::OperationId operation, std::size_t held, std::size_t replicas) {
    dht::Announced event;
    event.operation = operation;
    event.held = held;
    event.replicas.resize(replicas);
    node_.on_ring_event(now_, std::move(event));
  }
  void read(dht::OperationId operation, std::vector<Endpoint> peers) {
    dht::PeersRead event;
    event.operation = operation;
    event.peers = std::move(peers);
    event.replicas.push_back({{}, true, {}, 0});
    node_.on_ring_event(now_, std::move(event));
  }
  void advance_to_deadline() {
    ASSERT_NE(node_.next_deadline(), kNever);
    now_ = std::max(now_, node_.next_deadline());
    node_.on_deadline(now_);
  }
  void share(JobId job, bool hybrid = false) {
    node_.share(now_, job, {{"/some/path"}, std::nullopt, hybrid});
    from_transfer(job, Seeding{content_of(hybrid), {}, {"a note"}});
  }
  FetchSpec spec(Duration patience = 60s) {
    FetchSpec spec;
    Magnet magnet;
    magnet.info_hash = kKey;
    magnet.name = "name";
    spec.what.source = magnet;
    spec.patience = patience;
    spec.only_ring = true;
    return spec;
  }
  void fetch_until_metadata(JobId job) {
    node_.fetch(now_, job, spec());
    read(ring_.reads.back().number, {at(1)});
    from_transfer(job, MetadataReady{content_of(), {}});
  }

  Instant now_{100s};
  Rng rng_{1};
  FakeRing ring_;
  FakeTransfer transfer_;
  PeerNode node_{ring_, &transfer_, rng_, {at(7001)}};
  std::vector<NodeEvent> events_;
};

// --- sharing ---------------------------------------------------------------------------------------------------------

TEST_F(PeerNodeTest, a_share_is_announced_when_it_is_seeded) {
  node_.share(now_, 1, {{"/some/path"}, std::nullopt, false});
  EXPECT_EQ(transfer_.shared, std::vector<JobId>{1});
  from_transfer(1, HashProgress{5, 10});
  EXPECT_EQ(told<HashProgress>(1).size(), 1u);
  EXPECT_TRUE(ring_.writes.empty());
  from_transfer(1, Seeding{content_of(), {}, {"a note"}});
  ASSERT_EQ(ring_.writes.size(), 1u);
  EXPECT_EQ(ring_.writes[0].key, kKey);
  EXPECT_EQ(ring_.writes[0].port, 4711);
  EXPECT_FALSE(ring_.writes[0].withdraw);
  const auto ready = told<ShareReady>(1);
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].magnet, "magnet:?xt=urn:btih:" + kKey.hex() + "&dn=name&x.rondo=127.0.0.1:7001");
  EXPECT_EQ(ready[0].notes, std::vector<std::string>{"a note"});
}

TEST_F(PeerNodeTest, a_share_ends_when_enough_receivers_have_everything) {
  node_.share(now_, 1, {{"/some/path"}, std::nullopt, false}, 2);
  from_transfer(1, Seeding{content_of(), {}, {}});
  announced(ring_.writes.back().number, 8, 8);
  from_transfer(1, ReceiverComplete{1});
  EXPECT_TRUE(told<ReceiverNews>(1).size() == 1 && told<ReceiverNews>(1)[0].wanted == 2);
  const Instant complete = now_;
  from_transfer(1, ReceiverComplete{2});
  EXPECT_TRUE(transfer_.cancelled.empty()) << "the last one's connection has a moment";
  advance_to_deadline();
  EXPECT_EQ(now_ - complete, 1s);
  EXPECT_EQ(transfer_.cancelled, std::vector<JobId>{1});
  ASSERT_TRUE(ring_.writes.back().withdraw);
  EXPECT_TRUE(told<ShareDone>(1).empty()) << "first it is withdrawn";
  announced(ring_.writes.back().number, 8, 8);
  EXPECT_EQ(told<ShareDone>(1).size(), 1u);
  EXPECT_TRUE(told<JobCancelled>(1).empty());
  EXPECT_TRUE(node_.idle());
}

TEST_F(PeerNodeTest, an_announcement_is_repeated_at_half_of_its_life) {
  share(1);
  announced(ring_.writes.back().number, 8, 8);
  EXPECT_EQ(told<dht::Announced>(1).size(), 1u);
  const Instant before = now_;
  advance_to_deadline();
  EXPECT_GE(now_ - before, 12min);
  EXPECT_LE(now_ - before, 18min);
  EXPECT_EQ(ring_.writes.size(), 2u);
}

TEST_F(PeerNodeTest, an_announcement_that_too_few_hold_is_repeated_sooner) {
  share(1);
  announced(ring_.writes.back().number, 0, 0);
  Duration waited{};
  for (int i = 0; i < 3; ++i) {
    const Instant before = now_;
    advance_to_deadline();
    EXPECT_GT(now_ - before, waited);
    waited = now_ - before;
    announced(ring_.writes.back().number, 3, 8);
  }
  EXPECT_LE(waited, 10s);
  EXPECT_EQ(ring_.writes.size(), 4u);
}

TEST_F(PeerNodeTest, becoming_a_member_announces_anew) {
  share(1);
  announced(ring_.writes.back().number, 8, 8);
  node_.on_ring_event(now_, dht::RoleChanged{dht::Role::kMember, "joined the ring"});
  EXPECT_LE(node_.next_deadline() - now_, limits::kAnnounceSoon);
  advance_to_deadline();
  EXPECT_EQ(ring_.writes.size(), 2u);
  EXPECT_EQ(told<dht::RoleChanged>(0).size(), 1u);
  EXPECT_EQ(node_.role_reason(), "joined the ring");
}

TEST_F(PeerNodeTest, a_hybrid_is_announced_under_both_hashes) {
  share(1, true);
  ASSERT_EQ(ring_.writes.size(), 2u);
  EXPECT_EQ(ring_.writes[0].key, kKey);
  EXPECT_EQ(ring_.writes[1].key.hex(), "abababababababababababababababababababab");
}

TEST_F(PeerNodeTest, without_a_port_nothing_is_announced_but_tried_again) {
  transfer_.port = 0;
  share(1);
  EXPECT_TRUE(ring_.writes.empty());
  transfer_.port = 5;
  advance_to_deadline();
  EXPECT_EQ(ring_.writes.size(), 1u);
}

TEST_F(PeerNodeTest, a_cancelled_share_is_withdrawn_first) {
  share(1);
  announced(ring_.writes.back().number, 8, 8);
  node_.cancel(now_, 1);
  EXPECT_EQ(transfer_.cancelled, std::vector<JobId>{1});
  ASSERT_EQ(ring_.writes.size(), 2u);
  EXPECT_TRUE(ring_.writes[1].withdraw);
  EXPECT_TRUE(told<JobCancelled>(1).empty());
  announced(ring_.writes[1].number, 8, 8);
  EXPECT_EQ(told<JobCancelled>(1).size(), 1u);
  EXPECT_TRUE(node_.idle());
  EXPECT_EQ(told<dht::Announced>(1).size(), 1u);  // withdrawals are not told
}

TEST_F(PeerNodeTest, a_withdrawal_without_an_answer_ends_after_a_second) {
  share(1);
  announced(ring_.writes.back().number, 8, 8);
  const Instant before = now_;
  node_.cancel(now_, 1);
  advance_to_deadline();
  EXPECT_EQ(now_ - before, limits::kWithdrawTime);
  EXPECT_EQ(told<JobCancelled>(1).size(), 1u);
  EXPECT_TRUE(node_.idle());
}

TEST_F(PeerNodeTest, an_announcement_on_its_way_is_withdrawn_when_it_has_arrived) {
  share(1);
  node_.cancel(now_, 1);
  EXPECT_EQ(ring_.writes.size(), 1u);
  announced(ring_.writes[0].number, 8, 8);
  ASSERT_EQ(ring_.writes.size(), 2u);
  EXPECT_TRUE(ring_.writes[1].withdraw);
  announced(ring_.writes[1].number, 8, 8);
  EXPECT_TRUE(node_.idle());
}

TEST_F(PeerNodeTest, a_share_cancelled_while_hashing_ends_at_once) {
  node_.share(now_, 1, {{"/some/path"}, std::nullopt, false});
  node_.cancel(now_, 1);
  EXPECT_EQ(told<JobCancelled>(1).size(), 1u);
  EXPECT_TRUE(node_.idle());
  from_transfer(1, Seeding{content_of(), {}, {}});  // was on its way
  EXPECT_TRUE(ring_.writes.empty());
}

TEST_F(PeerNodeTest, a_share_that_fails_later_is_withdrawn) {
  share(1);
  announced(ring_.writes.back().number, 8, 8);
  from_transfer(1, JobFailed{{TransferErrc::kUnreadable, "the file changed"}});
  EXPECT_TRUE(ring_.writes.back().withdraw);
  EXPECT_TRUE(told<NodeFailure>(1).empty()) << "who hears it may end the process";
  announced(ring_.writes.back().number, 8, 8);
  ASSERT_EQ(told<NodeFailure>(1).size(), 1u);
  EXPECT_EQ(std::get<TransferErrc>(told<NodeFailure>(1)[0].code), TransferErrc::kUnreadable);
  EXPECT_TRUE(node_.idle());
}

TEST_F(PeerNodeTest, close_withdraws_everything) {
  share(1);
  share(2);
  for (const auto& write : std::vector(ring_.writes)) announced(write.number, 8, 8);
  node_.fetch(now_, 3, spec());
  node_.close(now_);
  EXPECT_FALSE(node_.idle());
  ASSERT_EQ(ring_.writes.size(), 4u);
  announced(ring_.writes[2].number, 8, 8);
  announced(ring_.writes[3].number, 8, 8);
  EXPECT_TRUE(node_.idle());
}

// --- fetching --------------------------------------------------------------------------------------------------------

TEST_F(PeerNodeTest, a_fetch_asks_the_ring_and_offers_what_it_finds) {
  FetchSpec fetch = spec();
  fetch.peers = {at(9)};
  std::get<Magnet>(fetch.what.source).entry_points = {at(7002)};
  node_.fetch(now_, 1, std::move(fetch));
  EXPECT_EQ(ring_.known, std::vector<Endpoint>{at(7002)});
  EXPECT_EQ(transfer_.fetched, std::vector<JobId>{1});
  EXPECT_EQ(transfer_.offered, std::vector<Endpoint>{at(9)});
  ASSERT_EQ(ring_.reads.size(), 1u);
  EXPECT_EQ(ring_.reads[0].key, kKey);
  transfer_.offered.clear();
  read(ring_.reads[0].number, {at(1), at(2)});
  EXPECT_EQ(transfer_.offered, (std::vector<Endpoint>{at(9), at(1), at(2)}));
  EXPECT_EQ(told<SearchNews>(1).back().peers_known, 3u);
  EXPECT_TRUE(told<SearchNews>(1).back().lookup);
}

TEST_F(PeerNodeTest, our_own_announcement_is_no_peer) {
  node_.fetch(now_, 1, spec());
  read(ring_.reads[0].number, {at(transfer_.port)});
  EXPECT_TRUE(transfer_.offered.empty());
  EXPECT_EQ(told<SearchNews>(1).back().peers_known, 0u);
}

TEST_F(PeerNodeTest, x_pe_is_offered_unless_only_the_ring_may_tell) {
  FetchSpec fetch = spec();
  std::get<Magnet>(fetch.what.source).peers = {at(5)};
  node_.fetch(now_, 1, fetch);
  EXPECT_TRUE(transfer_.offered.empty());
  fetch.only_ring = false;
  node_.fetch(now_, 2, fetch);
  EXPECT_EQ(transfer_.offered, std::vector<Endpoint>{at(5)});
}

TEST_F(PeerNodeTest, the_ring_is_asked_again_until_somebody_is_found) {
  node_.fetch(now_, 1, spec());
  for (std::size_t i = 0; i < 5; ++i) {
    ASSERT_EQ(ring_.reads.size(), i + 1);
    read(ring_.reads[i].number, {});
    advance_to_deadline();
  }
  EXPECT_GE(now_ - Instant{100s}, 25s);
  const auto news = told<SearchNews>(1);
  EXPECT_EQ(news.size(), 6u);
  EXPECT_EQ(news.back().why, "nobody announces " + kKey.hex() + " on the ring yet (asked 1 replica)");
}

TEST_F(PeerNodeTest, a_fetch_goes_through_metadata_confirm_and_end) {
  fetch_until_metadata(1);
  EXPECT_EQ(told<ContentFound>(1).size(), 1u);
  EXPECT_TRUE(transfer_.accepted.empty());
  node_.confirm(now_, 1);
  node_.confirm(now_, 1);
  EXPECT_EQ(transfer_.accepted, std::vector<JobId>{1});
  TransferProgress progress;
  progress.total = 100;
  progress.peers = 1;
  from_transfer(1, progress);
  EXPECT_EQ(told<TransferProgress>(1).size(), 1u);
  from_transfer(1, Fetched{content_of(), "/out/name"});
  ASSERT_EQ(told<FetchDone>(1).size(), 1u);
  EXPECT_EQ(told<FetchDone>(1)[0].path, "/out/name");
  EXPECT_TRUE(told<FetchDone>(1)[0].lookup);
  EXPECT_TRUE(node_.idle());
}

TEST_F(PeerNodeTest, a_torrent_file_asks_the_ring_when_it_was_read) {
  FetchSpec fetch = spec();
  fetch.what.source = Bytes{1, 2, 3};
  node_.fetch(now_, 1, std::move(fetch));
  EXPECT_TRUE(ring_.reads.empty());
  from_transfer(1, MetadataReady{content_of(), {}});
  ASSERT_EQ(ring_.reads.size(), 1u);
  EXPECT_EQ(ring_.reads[0].key, kKey);
}

TEST_F(PeerNodeTest, patience_ends_a_fetch_with_the_reason) {
  node_.fetch(now_, 1, spec(5s));
  read(ring_.reads.back().number, {});
  while (!node_.idle()) {
    const std::size_t asked = ring_.reads.size();
    advance_to_deadline();
    if (ring_.reads.size() > asked) read(ring_.reads.back().number, {});
  }
  EXPECT_EQ(now_ - Instant{100s}, 5s);
  const auto failures = told<NodeFailure>(1);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(std::get<SearchErrc>(failures[0].code), SearchErrc::kNobodyAnnounces);
  EXPECT_EQ(transfer_.cancelled, std::vector<JobId>{1});
}

TEST_F(PeerNodeTest, a_ring_that_is_cut_off_is_named) {
  ring_.known = {at(1)};
  node_.fetch(now_, 1, spec(5s));
  while (!node_.idle()) advance_to_deadline();
  const auto failures = told<NodeFailure>(1);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(std::get<SearchErrc>(failures[0].code), SearchErrc::kNoRing);
  EXPECT_EQ(failures[0].sentence, "no node of the ring answered: tried 127.0.0.1:1");
}

TEST_F(PeerNodeTest, with_nobody_to_ask_a_fetch_fails_at_once) {
  node_.fetch(now_, 1, spec());
  dht::PeersRead nobody;
  nobody.operation = ring_.reads.back().number;
  nobody.lookup.failure = dht::LookupFailure::kNoContacts;
  node_.on_ring_event(now_, nobody);
  ASSERT_EQ(told<NodeFailure>(1).size(), 1u);
  EXPECT_EQ(told<NodeFailure>(1)[0].sentence, "no node of the ring is known: name one with --join HOST:PORT");
  EXPECT_TRUE(node_.idle());
}

TEST_F(PeerNodeTest, the_transfers_failure_ends_a_fetch) {
  fetch_until_metadata(1);
  from_transfer(1, JobFailed{{TransferErrc::kDiskFull, "the disk is full"}});
  ASSERT_EQ(told<NodeFailure>(1).size(), 1u);
  EXPECT_EQ(told<NodeFailure>(1)[0].sentence, "the disk is full");
  EXPECT_TRUE(node_.idle());
}

TEST_F(PeerNodeTest, a_running_transfer_with_few_peers_asks_every_30_seconds) {
  fetch_until_metadata(1);
  node_.confirm(now_, 1);
  TransferProgress progress;
  progress.total = 100;
  progress.peers = 1;
  const std::size_t before = ring_.reads.size();
  for (int second = 0; second < 95; ++second) {
    now_ += 1s;
    ++progress.done;
    from_transfer(1, progress);
    if (node_.next_deadline() <= now_) node_.on_deadline(now_);
    if (ring_.reads.size() > before && told<SearchNews>(1).size() < 100) read(ring_.reads.back().number, {at(1)});
  }
  EXPECT_GE(ring_.reads.size() - before, 2u);
  EXPECT_LE(ring_.reads.size() - before, 4u);
}

TEST_F(PeerNodeTest, a_cancelled_fetch_is_over) {
  fetch_until_metadata(1);
  node_.cancel(now_, 1);
  EXPECT_EQ(told<JobCancelled>(1).size(), 1u);
  EXPECT_EQ(transfer_.cancelled, std::vector<JobId>{1});
  EXPECT_TRUE(node_.idle());
  EXPECT_EQ(node_.next_deadline(), kNever);
}

// --- lookups and the rest --------------------------------------------------------------------------------------------

TEST_F(PeerNodeTest, a_lookup_with_peers_merges_both_answers) {
  node_.look_up(now_, 1, kKey, dht::LookupKind::kOwner, true);
  ASSERT_EQ(ring_.lookups.size(), 1u);
  ASSERT_EQ(ring_.reads.size(), 1u);
  read(ring_.reads[0].number, {at(1)});
  EXPECT_TRUE(told<LookupAnswer>(1).empty());
  dht::LookupFinished found;
  found.operation = ring_.lookups[0].number;
  found.result.hops = 4;
  node_.on_ring_event(now_, found);
  ASSERT_EQ(told<LookupAnswer>(1).size(), 1u);
  const LookupAnswer answer = told<LookupAnswer>(1)[0];
  EXPECT_EQ(answer.lookup.hops, 4u);
  EXPECT_EQ(answer.peers, std::vector<Endpoint>{at(1)});
  EXPECT_EQ(answer.replicas.size(), 1u);
}

TEST_F(PeerNodeTest, a_read_with_peers_is_one_operation) {
  node_.look_up(now_, 1, kKey, dht::LookupKind::kRead, true);
  EXPECT_TRUE(ring_.lookups.empty());
  read(ring_.reads[0].number, {});
  EXPECT_EQ(told<LookupAnswer>(1).size(), 1u);
}

TEST_F(PeerNodeTest, operations_of_others_are_not_ours) {
  share(1);
  announced(999, 8, 8);
  read(998, {at(1)});
  EXPECT_TRUE(told<dht::Announced>(1).empty());
}

TEST_F(PeerNodeTest, without_transfers_shares_and_fetches_fail) {
  PeerNode bare(ring_, nullptr, rng_, {});
  bare.share(now_, 1, {});
  bare.fetch(now_, 2, spec());
  bare.on_transfer(now_);
  const auto events = bare.take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<NodeFailure>(events[0].body));
  EXPECT_TRUE(std::holds_alternative<NodeFailure>(events[1].body));
}

}  // namespace
}  // namespace rondo::peer::test
