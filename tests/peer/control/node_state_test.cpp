#include "peer/control/node_state.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/peer/control/temporary_folder.hpp"

namespace rondo::control::test {
namespace {

namespace fs = std::filesystem;

Endpoint at(std::uint16_t port) { return Endpoint::v4(127, 0, 0, 1, port); }

TEST(NodeState, makes_folder_key_and_id_for_the_owner_only) {
  const TemporaryFolder folder;
  const fs::path state = folder.path() / "deep" / "state";
  ASSERT_TRUE(open_state(state, Membership::kAtOnce).ok());
  EXPECT_EQ(fs::status(state).permissions(), fs::perms::owner_all);
  for (const char* name : {"device.key", "ring-id"})
    EXPECT_EQ(fs::status(state / name).permissions(), fs::perms::owner_read | fs::perms::owner_write) << name;
}

TEST(NodeState, the_ring_id_survives_and_a_damaged_one_is_made_anew) {
  const TemporaryFolder folder;
  const RingId first = open_state(folder.path(), Membership::kAtOnce)->ring_id;
  EXPECT_EQ(open_state(folder.path(), Membership::kAtOnce)->ring_id, first);
  EXPECT_EQ(open_state(folder.path(), Membership::kLater)->ring_id, first);
  write_file(folder.path() / "ring-id", "nonsense");
  const RingId second = open_state(folder.path(), Membership::kAtOnce)->ring_id;
  EXPECT_NE(second, first);
  EXPECT_EQ(open_state(folder.path(), Membership::kAtOnce)->ring_id, second);
}

TEST(NodeState, two_daemons_with_one_home_are_a_conflict_that_names_the_first) {
  const TemporaryFolder folder;
  const auto first = open_state(folder.path(), Membership::kAtOnce);
  ASSERT_TRUE(first.ok());
  const auto second = open_state(folder.path(), Membership::kAtOnce);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_NE(second.error().sentence.find("pid " + std::to_string(::getpid())), std::string::npos)
      << second.error().sentence;
}

TEST(NodeState, others_on_the_same_home_have_ids_of_their_own) {
  const TemporaryFolder folder;
  const auto daemon = open_state(folder.path(), Membership::kAtOnce);
  const auto share = open_state(folder.path(), Membership::kLater);
  const auto get = open_state(folder.path(), Membership::kNever);
  ASSERT_TRUE(daemon.ok() && share.ok() && get.ok());
  EXPECT_FALSE(share->lock || get->lock);
  EXPECT_NE(share->ring_id, daemon->ring_id);
  EXPECT_NE(get->ring_id, daemon->ring_id);
  EXPECT_NE(get->ring_id, share->ring_id);
}

TEST(NodeState, a_one_shot_command_does_not_keep_a_daemon_away) {
  const TemporaryFolder folder;
  const auto get = open_state(folder.path(), Membership::kNever);
  ASSERT_TRUE(get.ok());
  EXPECT_TRUE(open_state(folder.path(), Membership::kAtOnce).ok());
}

TEST(NodeState, a_home_that_cannot_be_made_is_an_error_with_a_sentence) {
  const TemporaryFolder folder;
  write_file(folder.path() / "file", "in the way");
  const auto state = open_state(folder.path() / "file" / "state", Membership::kNever);
  ASSERT_FALSE(state.ok());
  EXPECT_NE(state.error().sentence.find("file"), std::string::npos);
}

TEST(ContactsFile, what_was_saved_is_loaded_in_order) {
  const TemporaryFolder folder;
  const ContactsFile file(folder.path(), "net", Family::kV4);
  EXPECT_TRUE(file.load().empty());
  ASSERT_TRUE(file.save({at(3), at(1), at(2)}).ok());
  EXPECT_EQ(file.load(), (std::vector<Endpoint>{at(3), at(1), at(2)}));
}

TEST(ContactsFile, rings_do_not_mix_and_do_not_erase_each_other) {
  const TemporaryFolder folder;
  const ContactsFile one(folder.path(), "one", Family::kV4);
  const ContactsFile two(folder.path(), "two", Family::kV4);
  const ContactsFile six(folder.path(), "one", Family::kV6);
  ASSERT_TRUE(one.save({at(1)}).ok());
  ASSERT_TRUE(two.save({at(2)}).ok());
  ASSERT_TRUE(six.save({*Endpoint::parse("[::1]:6")}).ok());
  ASSERT_TRUE(two.save({at(22)}).ok());
  EXPECT_EQ(one.load(), std::vector<Endpoint>{at(1)});
  EXPECT_EQ(two.load(), std::vector<Endpoint>{at(22)});
  EXPECT_EQ(six.load(), std::vector<Endpoint>{*Endpoint::parse("[::1]:6")});
}

TEST(ContactsFile, damage_is_ignored_and_numbers_are_bounded) {
  const TemporaryFolder folder;
  const ContactsFile file(folder.path(), "net", Family::kV4);
  ASSERT_TRUE(file.save({at(1)}).ok());
  const std::string line = read_file(folder.path() / "contacts");
  std::string text = "\n" + std::string(100'000, 'x') + "\n" + line.substr(0, line.size() - 3) + "x:y\n" + line;
  for (int i = 0; i < 5000; ++i) text += line;
  write_file(folder.path() / "contacts", text);
  EXPECT_LE(file.load().size(), ContactsFile::kOwn);
  EXPECT_EQ(file.load().front(), at(1));
  std::vector<Endpoint> many;
  for (std::uint16_t port = 1; port <= 500; ++port) many.push_back(at(port));
  ASSERT_TRUE(file.save(many).ok());
  EXPECT_EQ(file.load().size(), ContactsFile::kOwn);
}

}  // namespace
}  // namespace rondo::control::test
