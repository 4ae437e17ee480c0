// The Lookup machine alone, fed by a ring that follows a script: honest members, silent ones, liars.
#include "dht/chord/lookup.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "dht/base/limits.hpp"
#include "dht/chord/interval.hpp"
#include "dht/chord/routing.hpp"
#include "tests/dht/chord/world.hpp"

namespace rondo::dht {
namespace {

using namespace std::chrono_literals;
using test::World;

constexpr std::size_t kAlpha = 3;

Contact at(int place) {
  RingId id;
  id.bytes[0] = static_cast<std::uint8_t>(place);
  return {id, Endpoint::v4(10, 0, 0, static_cast<std::uint8_t>(place), 6881)};
}

RingId key(int place) {
  RingId id = at(place).id;
  id.bytes[19] = 1;  // just behind that place
  return id;
}

std::vector<Contact> places(std::initializer_list<int> list) {
  std::vector<Contact> out;
  for (const int place : list) out.push_back(at(place));
  return out;
}

wire::FindSuccessorReply names(std::initializer_list<int> list) { return {false, std::nullopt, places(list)}; }

wire::FindSuccessorReply claims(std::initializer_list<int> list, std::optional<int> previous = std::nullopt) {
  wire::FindSuccessorReply reply{true, std::nullopt, places(list)};
  if (previous) reply.previous = at(*previous);
  return reply;
}

/// Hands out what the lookup asks, one request at a time, in an order of our choosing.
class Script {
 public:
  explicit Script(Lookup started) : lookup(std::move(started)) { more(); }

  void more() {
    for (const auto& request : lookup.next_requests()) {
      asked.push_back(request);
      open.push_back(request);
    }
    std::map<Endpoint, int> steps_at;
    for (const auto& request : open) {
      if (request.check) continue;
      EXPECT_EQ(++steps_at[request.to.endpoint], 1) << "asked twice at once";
    }
  }
  void answer(int place, const wire::FindSuccessorReply& reply) {
    take(at(place).endpoint, false);
    lookup.on_step(at(place), reply, 10ms);
    more();
  }
  void lives(int place, bool read_only = false) {
    take(at(place).endpoint, true);
    lookup.on_check(at(place), read_only, 10ms);
    more();
  }
  void slow(int place, bool check = false) {
    lookup.on_slow(at(place).endpoint, check);
    more();
  }
  void fails(int place, bool check = false, CallFailure failure = CallFailure::kTimedOut) {
    take(at(place).endpoint, check);
    lookup.on_failure(at(place).endpoint, check, failure);
    more();
  }
  [[nodiscard]] std::vector<int> open_steps() const { return open_places(false); }
  [[nodiscard]] std::vector<int> open_checks() const { return open_places(true); }
  [[nodiscard]] LookupResult result() const { return lookup.result(Instant{} + 1s); }

  Lookup lookup;
  std::vector<Lookup::Request> asked;
  std::deque<Lookup::Request> open;

 private:
  void take(const Endpoint& endpoint, bool check) {
    const auto found = std::find_if(open.begin(), open.end(), [&](const Lookup::Request& request) {
      return request.to.endpoint == endpoint && request.check == check;
    });
    if (found != open.end()) open.erase(found);
  }
  [[nodiscard]] std::vector<int> open_places(bool check) const {
    std::vector<int> found;
    for (const auto& request : open)
      if (request.check == check) found.push_back(request.to.endpoint.address[3]);
    std::sort(found.begin(), found.end());
    return found;
  }
};

/// From place 1, knowing these contacts.
Script from_one(LookupKind kind, const RingId& target, const wire::FindSuccessorReply& knowledge) {
  Lookup lookup(at(1), target, kind, kAlpha, Instant{});
  lookup.seed(knowledge);
  return Script(std::move(lookup));
}

using Places = std::vector<int>;

// --- whom it asks ---------------------------------------------------------------------------------------------------

TEST(LookupAlpha, asks_the_three_nearest_and_no_more) {
  const Script script = from_one(LookupKind::kRead, key(100), names({10, 90, 50, 70, 20}));
  EXPECT_EQ(script.open_steps(), (Places{50, 70, 90}));
}

TEST(LookupAlpha, every_end_of_a_request_makes_room_for_one) {
  Script script = from_one(LookupKind::kRead, key(100), names({10, 20, 30, 40, 50, 60}));
  EXPECT_EQ(script.open_steps(), (Places{40, 50, 60}));
  script.answer(50, names({}));
  EXPECT_EQ(script.open_steps(), (Places{30, 40, 60}));
  script.fails(60, false, CallFailure::kNotAMember);
  EXPECT_EQ(script.open_steps(), (Places{20, 30, 40}));
}

TEST(LookupAlpha, slow_contact_makes_room_and_may_still_answer) {
  Script script = from_one(LookupKind::kRead, key(100), names({10, 20, 30, 40}));
  script.slow(40);
  EXPECT_EQ(script.open_steps(), (Places{10, 20, 30, 40}));
  script.slow(40);  // told twice: one place is not two
  EXPECT_EQ(script.open_steps().size(), 4u);
  script.answer(40, claims({110}));
  EXPECT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().owner, at(110));
}

TEST(LookupAlpha, nearer_ones_learned_on_the_way_come_first) {
  Script script = from_one(LookupKind::kRead, key(100), names({10, 20, 30, 40}));
  script.answer(40, names({80, 85, 90, 95}));
  EXPECT_EQ(script.open_steps(), (Places{20, 30, 95}));
  script.answer(20, names({}));
  EXPECT_EQ(script.open_steps(), (Places{30, 90, 95}));
}

TEST(LookupAsk, nobody_twice_and_never_itself) {
  Script script = from_one(LookupKind::kOwner, key(100), names({10, 20}));
  script.answer(20, names({30, 1, 30, 20, 10}));
  script.answer(10, names({20, 30, 1}));
  script.answer(30, names({10, 20, 30, 1}));
  std::set<Endpoint> endpoints;
  for (const auto& request : script.asked) EXPECT_TRUE(endpoints.insert(request.to.endpoint).second);
  EXPECT_FALSE(endpoints.contains(at(1).endpoint));
  EXPECT_TRUE(script.lookup.finished());
}

TEST(LookupAsk, contacts_behind_the_answerer_are_no_part_of_an_honest_answer) {
  Script script = from_one(LookupKind::kRead, key(100), names({50}));
  script.answer(50, names({20, 49, 50, 101, 150, 255}));
  EXPECT_TRUE(script.open_steps().empty());
  EXPECT_EQ(script.result().failure, LookupFailure::kNoAnswer);
}

TEST(LookupSeed, of_unknown_id_is_asked_and_takes_the_id_that_answers) {
  Lookup lookup(at(1), key(100), LookupKind::kRead, kAlpha, Instant{});
  lookup.seed(at(7).endpoint);
  lookup.seed(at(7).endpoint);
  lookup.seed(at(1).endpoint);
  Script script(std::move(lookup));
  ASSERT_EQ(script.open_steps(), (Places{7}));
  EXPECT_FALSE(script.asked[0].to.id.has_value());
  script.answer(7, names({60}));
  EXPECT_EQ(script.open_steps(), (Places{60}));
  script.answer(60, claims({110}));
  const auto result = script.result();
  EXPECT_EQ(result.owner, at(110));
  EXPECT_EQ(result.steps[0].id, at(7).id);
}

// Of many entry points three are asked at once; the owner's predecessor may be among the others.
TEST(LookupSeed, entry_point_still_waiting_is_asked_when_a_claim_names_it_as_the_predecessor) {
  Lookup lookup(at(1), key(100), LookupKind::kOwner, kAlpha, Instant{});
  for (const int place : {10, 20, 30, 95}) lookup.seed(at(place).endpoint);
  Script script(std::move(lookup));
  ASSERT_EQ(script.open_steps(), (Places{10, 20, 30}));
  script.answer(20, claims({110}, 95));
  EXPECT_EQ(script.open_steps(), (Places{10, 30, 95}));
  script.answer(95, claims({110}));
  script.lives(110);
  ASSERT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().predecessor, at(95));
  EXPECT_EQ(script.asked.size(), 5u) << "nobody twice";
}

TEST(LookupSeed, entry_point_that_lies_behind_the_target_may_still_help) {
  Lookup lookup(at(1), key(100), LookupKind::kRead, kAlpha, Instant{});
  lookup.seed(at(200).endpoint);
  Script script(std::move(lookup));
  script.answer(200, names({10, 50}));
  EXPECT_EQ(script.open_steps(), (Places{10, 50}));
}

// --- reads ----------------------------------------------------------------------------------------------------------

TEST(LookupRead, ends_at_the_first_claim) {
  Script script = from_one(LookupKind::kRead, key(100), names({10, 20, 30}));
  script.answer(10, claims({110, 120, 130}, 95));
  EXPECT_TRUE(script.lookup.finished());
  EXPECT_TRUE(script.lookup.next_requests().empty());
  const auto result = script.result();
  EXPECT_TRUE(result.found());
  EXPECT_EQ(result.owner, at(110));
  EXPECT_EQ(result.replicas, places({110, 120, 130}));
  EXPECT_EQ(result.hops, 1u);
  EXPECT_FALSE(result.predecessor.has_value()) << "second-hand";
}

TEST(LookupRead, claim_without_contacts_is_none) {
  Script script = from_one(LookupKind::kRead, key(100), names({10}));
  script.answer(10, claims({}, 95));
  EXPECT_TRUE(script.lookup.finished());
  EXPECT_FALSE(script.result().found());
}

TEST(LookupRead, own_claim_needs_no_hop) {
  const Script script = from_one(LookupKind::kRead, key(100), claims({110, 120}));
  EXPECT_TRUE(script.asked.empty());
  EXPECT_EQ(script.result().hops, 0u);
  EXPECT_EQ(script.result().owner, at(110));
}

TEST(LookupRead, replicas_are_at_most_eight_with_distinct_endpoints) {
  wire::FindSuccessorReply reply{true, std::nullopt, {}};
  for (int i = 0; i < 20; ++i) {
    Contact contact = at(110 + i);
    if (i % 2 == 1) contact.endpoint = at(110 + i - 1).endpoint;
    reply.contacts.push_back(contact);
  }
  const auto result = from_one(LookupKind::kRead, key(100), reply).result();
  EXPECT_EQ(result.replicas.size(), limits::kReplicas);
  std::set<Endpoint> endpoints;
  for (const Contact& replica : result.replicas) EXPECT_TRUE(endpoints.insert(replica.endpoint).second);
}

// --- owners ---------------------------------------------------------------------------------------------------------

TEST(LookupOwner, asks_on_until_the_owners_predecessor_names_it_and_it_lives) {
  Script script = from_one(LookupKind::kOwner, key(100), names({50}));
  script.answer(50, claims({110, 120}, 95));
  EXPECT_EQ(script.open_steps(), (Places{95})) << "the claimed predecessor";
  EXPECT_EQ(script.open_checks(), (Places{110}));
  script.lives(110);
  EXPECT_FALSE(script.lookup.finished()) << "a newcomer may stand before 110";
  script.answer(95, claims({105, 110}));
  EXPECT_EQ(script.open_checks(), (Places{105}));
  script.lives(105);
  ASSERT_TRUE(script.lookup.finished());
  const auto result = script.result();
  EXPECT_EQ(result.owner, at(105));
  EXPECT_EQ(result.predecessor, at(95));
  EXPECT_EQ(result.hops, 3u) << "50, 95, and the check";
}

TEST(LookupOwner, when_the_predecessor_is_silent_a_second_hand_claim_must_do) {
  Script script = from_one(LookupKind::kOwner, key(100), names({50}));
  script.answer(50, claims({110}, 95));
  script.lives(110);
  script.slow(95);
  ASSERT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().owner, at(110));
  EXPECT_FALSE(script.result().predecessor.has_value());
  EXPECT_EQ(script.result().timeouts, 1u);
}

TEST(LookupOwner, dead_one_gives_way_to_the_next_in_the_list) {
  Script script = from_one(LookupKind::kOwner, key(100), claims({110, 120, 130}));
  script.fails(110, true);
  EXPECT_EQ(script.open_checks(), (Places{120}));
  script.lives(120, true);
  EXPECT_EQ(script.open_checks(), (Places{130})) << "one that is no member is no owner";
  script.lives(130);
  const auto result = script.result();
  EXPECT_EQ(result.owner, at(130));
  EXPECT_EQ(result.replicas, places({130}));
  EXPECT_EQ(result.predecessor, at(1));
}

TEST(LookupOwner, slow_one_is_waited_for_while_the_next_is_asked) {
  Script script = from_one(LookupKind::kOwner, key(100), claims({110, 120}));
  script.slow(110, true);
  EXPECT_EQ(script.open_checks(), (Places{110, 120}));
  script.lives(120);
  EXPECT_FALSE(script.lookup.finished()) << "slow is not dead, and the owner is the first that lives";
  script.lives(110);
  EXPECT_EQ(script.result().owner, at(110));
}

TEST(LookupOwner, all_dead_and_nobody_left_to_ask_is_no_owner) {
  Script script = from_one(LookupKind::kOwner, key(100), claims({110, 120}));
  script.fails(110, true);
  script.fails(120, true);
  ASSERT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().failure, LookupFailure::kNoOwner);
  EXPECT_FALSE(script.result().owner.has_value());
  EXPECT_TRUE(script.result().replicas.empty());
}

TEST(LookupOwner, dead_claim_is_forgotten_for_a_farther_one) {
  Script script = from_one(LookupKind::kOwner, key(100), names({50, 60}));
  script.answer(60, claims({105}));
  script.answer(50, claims({110}, 60));
  script.fails(105, true);
  EXPECT_EQ(script.open_checks(), (Places{110}));
  script.lives(110);
  EXPECT_EQ(script.result().owner, at(110));
}

TEST(LookupOwner, claimant_of_eight_dead_is_asked_for_those_behind_them) {
  Script script = from_one(LookupKind::kOwner, key(100), names({50}));
  script.answer(50, claims({110, 111, 112, 113, 114, 115, 116, 117}));
  for (int dead = 110; dead <= 117; ++dead) script.fails(dead, true);
  ASSERT_EQ(script.open_steps(), (Places{50})) << "its list has 16 entries, and it told 8";
  EXPECT_EQ(script.asked.back().target, add(at(117).id, power_of_two(0)));
  script.answer(50, claims({118, 119}, 117));
  EXPECT_EQ(script.open_steps(), Places{}) << "117 is known to be dead";
  script.lives(118);
  const auto result = script.result();
  EXPECT_EQ(result.owner, at(118));
  EXPECT_EQ(result.predecessor, at(50)) << "all between are dead";
  EXPECT_EQ(result.replicas, places({118, 119}));
}

TEST(LookupOwner, claimant_that_has_no_more_behind_its_dead_is_not_asked_for_ever) {
  Script script = from_one(LookupKind::kOwner, key(100), names({50}));
  script.answer(50, claims({110, 111, 112, 113, 114, 115, 116, 117}));
  for (int dead = 110; dead <= 117; ++dead) script.fails(dead, true);
  script.answer(50, names({60}));
  EXPECT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().failure, LookupFailure::kNoOwner);
}

TEST(LookupOwner, is_ourselves_without_asking_when_our_own_list_says_so) {
  wire::FindSuccessorReply own{true, at(200), {at(1), at(50)}};
  Script script = from_one(LookupKind::kOwner, key(250), own);
  EXPECT_TRUE(script.open_checks().empty()) << "we need no sign of life of ourselves";
  EXPECT_EQ(script.open_steps(), (Places{200}));
  script.answer(200, claims({1, 50}));
  ASSERT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().owner, at(1));
  EXPECT_EQ(script.result().predecessor, at(200));
}

TEST(LookupOwner, alone_in_the_ring_is_ourselves_at_once) {
  const Script script = from_one(LookupKind::kOwner, key(250), claims({1}));
  EXPECT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().owner, at(1));
  EXPECT_EQ(script.result().hops, 0u);
}

// --- pairs of id and endpoint ---------------------------------------------------------------------------------------

Contact alias(int place, int id_of) { return {at(id_of).id, at(place).endpoint}; }

// A liar, or merely a table that is out of date, names the true predecessor's endpoint with another id.
TEST(LookupPairs, false_id_at_the_predecessors_endpoint_does_not_spoil_the_predecessor) {
  Script script = from_one(LookupKind::kOwner, key(100), names({40, 50}));
  script.answer(40, {false, std::nullopt, {alias(95, 99)}});
  ASSERT_EQ(script.open_steps(), (Places{50, 95}));
  script.fails(95, false, CallFailure::kOtherNode);
  script.answer(50, claims({110}, 95));
  EXPECT_EQ(script.open_steps(), (Places{95})) << "asked under its true id";
  const auto under_its_own = std::count_if(script.asked.begin(), script.asked.end(),
                                           [](const Lookup::Request& request) { return request.to.id == at(95).id; });
  EXPECT_EQ(under_its_own, 1);
  script.lives(110);
  script.answer(95, claims({110}));
  EXPECT_EQ(script.result().predecessor, at(95));
}

TEST(LookupPairs, true_name_waits_while_the_false_one_is_out_at_the_same_endpoint) {
  Script script = from_one(LookupKind::kOwner, key(100), names({40, 50}));
  script.answer(40, {false, std::nullopt, {alias(95, 99)}});
  script.answer(50, claims({110}, 95));
  EXPECT_EQ(script.open_steps(), (Places{95}));
  script.lives(110);
  script.fails(95, false, CallFailure::kOtherNode);
  EXPECT_EQ(script.open_steps(), (Places{95}));
  script.answer(95, claims({110}));
  EXPECT_EQ(script.result().predecessor, at(95));
}

TEST(LookupPairs, false_id_at_the_owners_endpoint_does_not_kill_the_owner) {
  Script script = from_one(LookupKind::kOwner, key(100), names({40, 95}));
  script.answer(40, {true, at(95), {alias(110, 104)}});
  EXPECT_EQ(script.open_checks(), (Places{110}));
  script.fails(110, true, CallFailure::kOtherNode);
  script.answer(95, claims({110, 120}));
  EXPECT_EQ(script.open_checks(), (Places{110})) << "asked again, under its true id";
  script.lives(110);
  ASSERT_TRUE(script.lookup.finished()) << "this used to hang until the time ran out";
  EXPECT_EQ(script.result().owner, at(110));
}

TEST(LookupPairs, silent_endpoint_is_silent_under_every_id) {
  Script script = from_one(LookupKind::kOwner, key(100), names({40}));
  wire::FindSuccessorReply lies{false, std::nullopt, {}};
  for (int id = 90; id < 98; ++id) lies.contacts.push_back(alias(200, id));
  script.answer(40, lies);
  EXPECT_EQ(script.open_steps(), (Places{200})) << "one at a time";
  script.fails(200);
  EXPECT_TRUE(script.open_steps().empty());
  EXPECT_TRUE(script.lookup.finished());
}

TEST(LookupPairs, many_names_of_a_slow_endpoint_do_not_hold_up_an_owner) {
  Script script = from_one(LookupKind::kOwner, key(100), names({40, 50}));
  script.answer(40, {false, std::nullopt, {alias(200, 97), alias(200, 98), alias(200, 99)}});
  script.answer(50, claims({110}));
  script.lives(110);
  EXPECT_FALSE(script.lookup.finished());
  script.slow(200);
  EXPECT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().owner, at(110));
}

// --- how it can fail ------------------------------------------------------------------------------------------------

TEST(LookupFailureKind, knowing_nobody_ends_at_once) {
  for (const LookupKind kind : {LookupKind::kRead, LookupKind::kOwner}) {
    const Script script = from_one(kind, key(100), names({}));
    EXPECT_TRUE(script.lookup.finished());
    EXPECT_EQ(script.result().failure, LookupFailure::kNoContacts);
  }
}

TEST(LookupFailureKind, nobody_answering_is_told_apart) {
  Script script = from_one(LookupKind::kRead, key(100), names({10, 20}));
  script.slow(10);
  script.slow(20);
  EXPECT_FALSE(script.lookup.finished()) << "slow ones may still answer";
  script.fails(10);
  script.fails(20, false, CallFailure::kOverloaded);
  EXPECT_TRUE(script.lookup.finished());
  EXPECT_EQ(script.result().failure, LookupFailure::kNoAnswer);
  EXPECT_EQ(script.result().timeouts, 2u);
}

TEST(LookupFailureKind, unfinished_is_timed_out) {
  const Script script = from_one(LookupKind::kRead, key(100), names({10}));
  EXPECT_EQ(script.lookup.deadline(), Instant{} + limits::kLookupTime);
  EXPECT_EQ(script.result().failure, LookupFailure::kTimedOut);
}

TEST(LookupReserve, is_asked_when_the_nearest_lead_nowhere) {
  Lookup lookup(at(1), key(100), LookupKind::kRead, kAlpha, Instant{});
  lookup.seed(names({90}), places({90, 30, 20}));
  Script script(std::move(lookup));
  EXPECT_EQ(script.open_steps(), (Places{90}));
  script.fails(90);
  EXPECT_EQ(script.open_steps(), (Places{20, 30}));
  script.answer(30, claims({110}));
  EXPECT_TRUE(script.result().found());
}

TEST(LookupTrace, every_request_is_a_step_with_its_outcome_and_hop) {
  Script script = from_one(LookupKind::kOwner, key(100), names({40, 50, 60}));
  script.fails(40);
  script.fails(50, false, CallFailure::kNotAMember);
  script.answer(60, names({70}));
  script.answer(70, claims({110}));
  script.lives(110);
  const auto result = script.result();
  ASSERT_EQ(result.steps.size(), 5u);
  const std::vector<std::tuple<int, unsigned, StepOutcome, bool>> wanted = {{60, 1, StepOutcome::kAnswered, false},
                                                                            {50, 1, StepOutcome::kRefused, false},
                                                                            {40, 1, StepOutcome::kUnanswered, false},
                                                                            {70, 2, StepOutcome::kAnswered, false},
                                                                            {110, 3, StepOutcome::kAnswered, true}};
  for (const auto& [place, hop, outcome, check] : wanted) {
    const auto step = std::find_if(result.steps.begin(), result.steps.end(),
                                   [&, p = place](const LookupStep& s) { return s.endpoint == at(p).endpoint; });
    ASSERT_NE(step, result.steps.end()) << place;
    EXPECT_EQ(step->hop, hop) << place;
    EXPECT_EQ(step->outcome, outcome) << place;
    EXPECT_EQ(step->check, check) << place;
  }
  EXPECT_EQ(result.hops, 3u);
}

TEST(LookupStray, answers_of_nobody_asked_change_nothing) {
  Script script = from_one(LookupKind::kOwner, key(100), names({40}));
  script.lookup.on_step(at(77), claims({101}), 1ms);
  script.lookup.on_check(at(77), false, 1ms);
  script.lookup.on_slow(at(77).endpoint, false);
  script.lookup.on_failure(at(77).endpoint, true, CallFailure::kTimedOut);
  EXPECT_EQ(script.open_steps(), (Places{40}));
  EXPECT_FALSE(script.lookup.finished());
}

// --- bounds and liars -----------------------------------------------------------------------------------------------

/// A liar's next invention: nearer to the target than anything before, at an endpoint of its own.
Contact invention(const RingId& target, std::uint32_t number) {
  RingId id = subtract(target, power_of_two(100));
  for (unsigned i = 0; i < 8; ++i) id.bytes[12 + i] = 0;
  id.bytes[9] = static_cast<std::uint8_t>(number >> 8);
  id.bytes[10] = static_cast<std::uint8_t>(number);
  return {id, Endpoint::v4(11, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
                           static_cast<std::uint8_t>(number), 6881)};
}

class Liars : public testing::TestWithParam<LookupKind> {};

TEST_P(Liars, endless_chain_of_invented_contacts_ends_within_the_request_bound) {
  for (const bool talking : {true, false}) {
    const RingId target = key(100);
    Script script = from_one(GetParam(), target, names({40, 50}));
    std::uint32_t number = 0;
    const auto lies = [&] {
      wire::FindSuccessorReply reply{false, std::nullopt, {}};
      for (std::size_t i = 0; i < limits::kStepContacts; ++i) reply.contacts.push_back(invention(target, ++number));
      return reply;
    };
    int rounds = 0;
    while (!script.open.empty()) {
      ASSERT_LT(++rounds, 2000);
      const auto request = script.open.front();
      script.open.pop_front();
      const Contact who{request.to.id.value_or(at(40).id), request.to.endpoint};
      if (talking || who == at(40) || who == at(50))
        script.lookup.on_step(who, lies(), 1ms);
      else
        script.lookup.on_failure(who.endpoint, request.check, CallFailure::kTimedOut);
      script.more();
    }
    EXPECT_TRUE(script.lookup.finished()) << "nothing is out any more, so nothing could wake it up";
    EXPECT_LE(script.asked.size(), limits::kLookupRequests);
    EXPECT_EQ(script.result().failure, LookupFailure::kNoAnswer);
  }
}

TEST_P(Liars, chain_of_claims_of_dead_contacts_ends_within_the_request_bound) {
  const RingId target = key(100);
  Script script = from_one(GetParam(), target, names({40, 50}));
  std::uint32_t number = 0;
  int rounds = 0;
  while (!script.open.empty()) {
    ASSERT_LT(++rounds, 2000);
    const auto request = script.open.front();
    script.open.pop_front();
    const Contact who{request.to.id.value_or(at(40).id), request.to.endpoint};
    if (request.check) {
      script.lookup.on_failure(who.endpoint, true, CallFailure::kTimedOut);
    } else {
      wire::FindSuccessorReply reply{true, invention(target, ++number), {}};
      for (std::size_t i = 0; i < limits::kStepContacts; ++i) {
        Contact dead = invention(target, 10'000 + ++number);
        dead.id = add(target, dead.id);
        reply.contacts.push_back(dead);
      }
      script.lookup.on_step(who, reply, 1ms);
    }
    script.more();
  }
  EXPECT_TRUE(script.lookup.finished());
  EXPECT_LE(script.asked.size(), limits::kLookupRequests);
  EXPECT_EQ(script.result().found(), GetParam() == LookupKind::kRead) << "a read takes the first claim at its word";
}
INSTANTIATE_TEST_SUITE_P(Kinds, Liars, testing::Values(LookupKind::kRead, LookupKind::kOwner));

TEST(LookupBound, surplus_of_far_contacts_does_not_displace_the_near_ones) {
  const RingId target = key(250);
  Script script = from_one(LookupKind::kRead, target, names({240, 241, 242, 2, 3}));
  for (int place = 4; place < 200; ++place) {  // 196 contacts, all farther than what stands there
    const int answerer = script.open_steps().front();
    if (place == 4) script.answer(answerer, names({}));
    wire::FindSuccessorReply far{false, std::nullopt, {at(place)}};
    script.lookup.on_step(at(answerer), far, 1ms);
  }
  script.lookup.on_step(at(241), {false, std::nullopt, {at(245)}}, 1ms);
  script.more();
  const auto open = script.open_steps();
  EXPECT_TRUE(std::count(open.begin(), open.end(), 245) == 1) << "the nearest of all is asked next";
}

TEST(LookupBound, candidates_beyond_it_are_the_farthest_ones_whatever_the_order) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const RingId target{rng.bytes<20>()};
    std::vector<Contact> all;
    for (std::uint32_t i = 0; i < 200; ++i)
      all.push_back({RingId{rng.bytes<20>()}, Endpoint::v4(12, 0, 0, static_cast<std::uint8_t>(i), 1)});
    Lookup lookup({RingId{rng.bytes<20>()}, Endpoint::v4(12, 1, 1, 1, 1)}, target, LookupKind::kRead, 1000, Instant{});
    lookup.seed({false, std::nullopt, all});
    const auto requests = lookup.next_requests();
    ASSERT_EQ(requests.size(), limits::kLookupCandidates);
    std::sort(all.begin(), all.end(),
              [&](const Contact& a, const Contact& b) { return distance(a.id, target) < distance(b.id, target); });
    for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(requests[i].to.endpoint, all[i].endpoint) << i;
  }
}

// --- against the oracle ---------------------------------------------------------------------------------------------

/// Plays a whole lookup over an ideal ring of which some members are dead, in random order of events.
class Play {
 public:
  Play(const World& world, Rng& rng, double dead) : world_(world), rng_(rng) {
    for (std::size_t i = 1; i < world.size(); ++i)
      if (rng.unit() < dead) dead_.insert(world.at(i).endpoint);
  }

  LookupResult run(const RingId& target, LookupKind kind) {
    Lookup lookup(world_.at(0), target, kind, kAlpha, Instant{});
    const ZaveRing tables = world_.tables_of(0);
    const FingerTable fingers = world_.fingers_of(0, tables);
    lookup.seed(route(tables, fingers, {}, target, limits::kSuccessors),
                preceding(tables, fingers, {}, target, limits::kLookupCandidates));
    Script script(std::move(lookup));
    while (!script.open.empty() && !script.lookup.finished()) {
      const std::size_t chosen = rng_.below(script.open.size());
      const auto request = script.open[chosen];
      script.open.erase(script.open.begin() + static_cast<std::ptrdiff_t>(chosen));
      respond(script, request);
      script.more();
      const auto waiting = std::count_if(script.open.begin(), script.open.end(), [&](const Lookup::Request& open) {
        return !open.check && !slow_.contains({open.to.endpoint, false});
      });
      EXPECT_LE(waiting, static_cast<std::ptrdiff_t>(kAlpha) + 1) << "a continued claim may come on top";
    }
    EXPECT_TRUE(script.lookup.finished());
    return script.result();
  }

  [[nodiscard]] Contact live_owner(const RingId& target) const {
    for (std::size_t k = world_.owner(target);; ++k)
      if (!dead_.contains(world_.at(k).endpoint)) return world_.at(k);
  }

 private:
  void respond(Script& script, const Lookup::Request& request) {
    const Endpoint& to = request.to.endpoint;
    if (dead_.contains(to)) {
      if (slow_.insert({to, request.check}).second) {
        script.lookup.on_slow(to, request.check);
        script.open.push_back(request);
        return;
      }
      slow_.erase({to, request.check});
      script.lookup.on_failure(to, request.check, CallFailure::kTimedOut);
      return;
    }
    std::size_t index = 0;
    while (world_.at(index).endpoint != to) ++index;
    if (request.check) {
      script.lookup.on_check(world_.at(index), false, 1ms);
      return;
    }
    const ZaveRing tables = world_.tables_of(index);
    const FingerTable fingers = world_.fingers_of(index, tables);
    script.lookup.on_step(world_.at(index), route(tables, fingers, {}, request.target, limits::kStepContacts), 1ms);
  }

  const World& world_;
  Rng& rng_;
  std::set<Endpoint> dead_;
  std::set<std::pair<Endpoint, bool>> slow_;
};

TEST(LookupOracle, in_an_ideal_ring_both_kinds_name_the_owner) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const World world(rng, 1 + rng.below(60), 16);
    for (int i = 0; i < 10; ++i) {
      const RingId target = i % 3 == 0 ? world.at(rng.below(world.size())).id : RingId{rng.bytes<20>()};
      for (const LookupKind kind : {LookupKind::kRead, LookupKind::kOwner}) {
        const auto result = Play(world, rng, 0).run(target, kind);
        ASSERT_EQ(result.owner, world.at(world.owner(target)));
        ASSERT_LE(result.hops, 8u);
        ASSERT_LE(result.replicas.size(), std::min(limits::kReplicas, world.size()));
        for (std::size_t k = 0; k < result.replicas.size(); ++k)
          ASSERT_EQ(result.replicas[k], world.at(world.owner(target) + k)) << k;
      }
    }
  }
}

TEST(LookupOracle, with_a_third_dead_and_nothing_mended_owner_lookups_name_the_first_living_one) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const World world(rng, 60, 16);
    Play play(world, rng, 0.33);
    for (int i = 0; i < 8; ++i) {
      const RingId target{rng.bytes<20>()};
      const auto result = play.run(target, LookupKind::kOwner);
      ASSERT_TRUE(result.found()) << describe(result.failure);
      ASSERT_EQ(*result.owner, play.live_owner(target));
    }
  }
}

}  // namespace
}  // namespace rondo::dht
