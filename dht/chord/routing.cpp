#include "dht/chord/routing.hpp"

#include <algorithm>

#include "dht/chord/interval.hpp"

namespace rondo::dht {
namespace {

constexpr int kSilent = 2;

/// The ring as far as the list shows it: list, then (when complete) ourselves and round again up to `first`.
wire::FindSuccessorReply covered_by_list(const ZaveRing& ring, std::size_t first, std::size_t limit) {
  const auto& entries = ring.successors().entries();
  wire::FindSuccessorReply answer{true, std::nullopt, {}};
  if (first > 0) answer.previous = entries[first - 1];
  for (std::size_t i = first; i < entries.size(); ++i) answer.contacts.push_back(entries[i]);
  if (ring.successors().complete()) {
    answer.contacts.push_back(ring.self());
    answer.contacts.insert(answer.contacts.end(), entries.begin(),
                           entries.begin() + static_cast<std::ptrdiff_t>(first));
  }
  if (answer.contacts.size() > limit) answer.contacts.resize(limit);
  return answer;
}

wire::FindSuccessorReply covered_by_self(const ZaveRing& ring, const std::optional<Contact>& previous,
                                         std::size_t limit) {
  wire::FindSuccessorReply answer{true, previous, {ring.self()}};
  for (const Contact& entry : ring.successors().entries())
    if (answer.contacts.size() < limit) answer.contacts.push_back(entry);
  return answer;
}

}  // namespace

std::vector<Contact> preceding(const ZaveRing& ring, const FingerTable& fingers, const EndpointTable& endpoints,
                               const RingId& target, std::size_t limit) {
  std::vector<Contact> known;
  const auto consider = [&](const Contact& contact) {
    if (between(ring.self().id, contact.id, target)) known.push_back(contact);
  };
  for (const auto& finger : fingers.entries()) consider(finger.contact);
  for (const Contact& entry : ring.successors().entries()) consider(entry);
  const auto silent = [&](const Contact& contact) { return endpoints.unanswered(contact.endpoint) >= kSilent; };
  std::sort(known.begin(), known.end(), [&](const Contact& a, const Contact& b) {
    const bool silent_a = silent(a);
    const bool silent_b = silent(b);
    if (silent_a != silent_b) return silent_b;
    return distance(a.id, target) < distance(b.id, target);
  });
  known.erase(std::unique(known.begin(), known.end()), known.end());
  if (known.size() > limit) known.resize(limit);
  return known;
}

wire::FindSuccessorReply route(const ZaveRing& ring, const FingerTable& fingers, const EndpointTable& endpoints,
                               const RingId& target, std::size_t limit) {
  const SuccessorList& list = ring.successors();
  const RingId& self = ring.self().id;
  // Alone we precede ourselves, whoever was there before: a dead predecessor keeps its place until somebody takes it.
  if (list.empty() && list.complete()) return covered_by_self(ring, std::nullopt, limit);
  if (ring.predecessor() && in_left_open(ring.predecessor()->id, target, self))
    return covered_by_self(ring, ring.predecessor(), limit);
  for (std::size_t i = 0; i < list.entries().size(); ++i)
    if (in_left_open(i == 0 ? self : list.entries()[i - 1].id, target, list.entries()[i].id))
      return covered_by_list(ring, i, limit);
  if (list.complete()) return covered_by_self(ring, list.entries().back(), limit);
  return {false, std::nullopt, preceding(ring, fingers, endpoints, target, limit)};
}

}  // namespace rondo::dht
