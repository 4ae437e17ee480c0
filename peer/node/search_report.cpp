#include "peer/node/search_report.hpp"

#include <algorithm>

#include "peer/node/limits.hpp"

namespace rondo::peer {
namespace {

using dht::LookupFailure;

std::string hash_of(const SearchFacts& facts) { return facts.key ? facts.key->hex() : "it"; }

std::string count_of(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// Whom the lookup asked; whom it could have asked when it has not ended.
std::vector<Endpoint> tried(const SearchFacts& facts) {
  if (!facts.lookup || facts.lookup->steps.empty()) return facts.contacts;
  std::vector<Endpoint> endpoints;
  for (const dht::LookupStep& step : facts.lookup->steps)
    if (std::find(endpoints.begin(), endpoints.end(), step.endpoint) == endpoints.end())
      endpoints.push_back(step.endpoint);
  return endpoints;
}

bool nobody_known(const SearchFacts& facts) {
  return facts.lookup ? facts.lookup->failure == LookupFailure::kNoContacts : facts.contacts.empty();
}

/// The ring did not say who has it.
NodeFailure describe_silent_ring(const SearchFacts& facts) {
  if (nobody_known(facts)) return {SearchErrc::kNoRing, "no node of the ring is known: name one with --join HOST:PORT"};
  if (!facts.lookup && facts.ring_heard)
    return {SearchErrc::kSlowRing, "the ring had not said who has " + hash_of(facts) + " when the time was up"};
  const LookupFailure failure = facts.lookup ? facts.lookup->failure : LookupFailure::kNoAnswer;
  if (failure == LookupFailure::kNoAnswer || failure == LookupFailure::kTimedOut)
    return {SearchErrc::kNoRing, "no node of the ring answered: tried " + name_some(tried(facts))};
  return {SearchErrc::kNoRing,
          "the ring could not be asked who has " + hash_of(facts) + ": " + std::string(dht::describe(failure))};
}

NodeFailure describe_without_peers(const SearchFacts& facts) {
  if (!facts.lookup || !facts.lookup->found()) return describe_silent_ring(facts);
  if (facts.replicas_answered == 0)
    return {SearchErrc::kNoRing, "none of the " + count_of(facts.lookup->replicas.size(), "node") +
                                     " of the ring that know who has " + hash_of(facts) + " answered"};
  return {SearchErrc::kNobodyAnnounces, "nobody announces " + hash_of(facts) + " on the ring (asked " +
                                            count_of(facts.replicas_answered, "replica") + ")"};
}

}  // namespace

std::string name_some(const std::vector<Endpoint>& endpoints) {
  std::string out;
  const std::size_t named = std::min(endpoints.size(), limits::kNamedEndpoints);
  for (std::size_t i = 0; i < named; ++i) out += (i == 0 ? "" : ", ") + endpoints[i].text();
  if (named < endpoints.size()) out += " and " + std::to_string(endpoints.size() - named) + " more";
  return out;
}

std::string describe_search(const SearchFacts& facts) {
  if (facts.was_connected) return "no peer is left: asking the ring for others";
  if (!facts.peers.empty())
    return "connecting to " + count_of(facts.peers.size(), "peer") + ": " + name_some(facts.peers);
  if (!facts.lookup)
    return nobody_known(facts) ? "no node of the ring is known that could be asked who has " + hash_of(facts)
                               : "asking the ring who has " + hash_of(facts);
  if (!facts.lookup->found() || facts.replicas_answered == 0)
    return describe_without_peers(facts).sentence + "; still trying";
  return "nobody announces " + hash_of(facts) + " on the ring yet (asked " +
         count_of(facts.replicas_answered, "replica") + ")";
}

NodeFailure describe_failure(const SearchFacts& facts) {
  if (facts.connected > 0)
    return {SearchErrc::kStalled, count_of(facts.connected, "peer") + (facts.connected == 1 ? " is" : " are") +
                                      " connected, and none sent anything for so long: the rest may be gone where they "
                                      "have it from, or they are busy"};
  if (facts.was_connected)
    return {SearchErrc::kNotConnected, "every peer went away and none came back: " + name_some(facts.peers)};
  NodeFailure failure = describe_without_peers(facts);
  if (!facts.peers.empty()) {
    const std::string ring = facts.lookup && facts.lookup->found() ? "" : ", and " + failure.sentence;
    failure = {SearchErrc::kNotConnected,
               "peers were found (" + name_some(facts.peers) + "), but none could be connected" + ring};
  }
  if (facts.bare_link)
    failure.sentence += "; the link holds a hash and nothing else: was it quoted? A shell ends it at the first &";
  return failure;
}

}  // namespace rondo::peer
