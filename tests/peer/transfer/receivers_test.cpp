// Who has everything is counted once, and who had it from the start is not.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/peer/transfer/harness.hpp"

namespace rondo::peer::test {
namespace {

class Receivers : public testing::TestWithParam<std::size_t> {
 protected:
  /// What the sharer has counted so far.
  std::vector<std::uint32_t> counts() const {
    std::vector<std::uint32_t> out;
    for (const TransferEvent& event : sharer_.events)
      if (const auto* complete = std::get_if<ReceiverComplete>(&event.what)) out.push_back(complete->count);
    return out;
  }
  bool counts_become(const std::vector<std::uint32_t>& wanted, std::chrono::milliseconds limit = 5s) {
    return sharer_.wait_until([&] { return counts() == wanted; }, limit);
  }

  TempDir from_;
  TempDir to_;
  TestPeer sharer_;
};

TEST_P(Receivers, each_that_fetches_counts_at_once_also_when_it_goes_at_once) {
  write_file(from_ / "file", random_text(1, GetParam()));
  const Seeding seeding = sharer_.share({from_ / "file"});
  for (std::uint32_t i = 1; i <= 5; ++i) {
    const fs::path into = to_ / std::to_string(i);
    {
      TestPeer getter;
      // With the list of files, so that the one connection that it has is the one that fetches.
      ASSERT_TRUE(getter.fetch(i % 2 == 0 ? std::variant<Magnet, Bytes>(seeding.torrent_file)
                                          : std::variant<Magnet, Bytes>(magnet_of(seeding.content)),
                               into, sharer_.endpoint()))
          << getter.failure.sentence;
      getter->shutdown();
    }
    std::vector<std::uint32_t> wanted;
    for (std::uint32_t n = 1; n <= i; ++n) wanted.push_back(n);
    ASSERT_TRUE(counts_become(wanted)) << ::testing::PrintToString(counts());
  }
}

INSTANTIATE_TEST_SUITE_P(OfOnePieceAndOfMany, Receivers, testing::Values(10, 3'000'000));

TEST_F(Receivers, another_seed_is_none) {
  write_file(from_ / "file", random_text(1, 100'000));
  const Seeding seeding = sharer_.share({from_ / "file"});
  TestPeer getter;
  ASSERT_TRUE(getter.fetch(seeding.torrent_file, to_ / "a", sharer_.endpoint()));
  ASSERT_TRUE(counts_become({1}));
  // It seeds now, and is offered to the sharer, who connects to it.
  TestPeer seed;
  CreateRequest request;
  request.paths = {to_ / "a" / "file"};
  seed->share(1, request);
  ASSERT_TRUE(seed.wait<Seeding>(1));
  sharer_->connect_peer(1, seed.endpoint());
  sharer_->connect_peer(1, getter.endpoint());
  EXPECT_FALSE(sharer_.wait_until(
      [&] {
        seed.drain();
        getter.drain();
        return counts().size() > 1;
      },
      1500ms));
}

TEST_F(Receivers, one_that_connects_anew_counts_once) {
  write_file(from_ / "tree" / "a", random_text(1, 3'000'000));
  write_file(from_ / "tree" / "empty", "");
  const Seeding seeding = sharer_.share({from_ / "tree"});
  TestPeer getter;
  getter->fetch(7, {seeding.torrent_file, to_ / "into"});
  ASSERT_TRUE(getter.wait<MetadataReady>(7));
  getter->accept(7);
  getter->connect_peer(7, sharer_.endpoint());
  ASSERT_TRUE(getter.wait_until([&] {
    sharer_.drain();
    return has_any(to_ / "into");
  }));
  // The sharer takes the torrent out and in again; nothing that is needed is lost.
  fs::remove(from_ / "tree" / "empty");
  EXPECT_TRUE(getter.wait<Fetched>(7)) << getter.failure.sentence;
  EXPECT_TRUE(counts_become({1}));
  EXPECT_FALSE(sharer_.wait_until([&] { return counts().size() > 1; }, 500ms));
}

}  // namespace
}  // namespace rondo::peer::test
