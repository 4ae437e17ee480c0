#include "dht/chord/ring_core.hpp"

#include <algorithm>

#include "dht/chord/member_id.hpp"

namespace rondo::dht {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::kClient: return "client";
    case Role::kJoining: return "joining";
    case Role::kMember: return "member";
    case Role::kLeaving: return "leaving";
  }
  return "unknown";
}

std::string_view describe(LookupFailure failure) {
  switch (failure) {
    case LookupFailure::kNone: return "found";
    case LookupFailure::kNoContacts: return "no node of the ring is known";
    case LookupFailure::kNoAnswer: return "no node that we know of answered";
    case LookupFailure::kNoOwner: return "the ring answered, but no owner of the key did";
    case LookupFailure::kTimedOut: return "the ring took too long";
    case LookupFailure::kOverloaded: return "too many lookups are running";
  }
  return "unknown";
}

RingCore::RingCore(ChordConfig settings, const Contact& self, Rng& random)
    : config(settings),
      rng(random),
      rpc(settings.network, settings.family, random),
      ring(self, settings.successors),
      fingers(self.id, settings.base_bits) {
  rpc.set_sender(self.id, true);
}

void RingCore::call(Turn& turn, const Callee& to, wire::QueryBody body, Purpose purpose, std::uint32_t id, int tries) {
  const bool prove = purpose == Purpose::kNudge || purpose == Purpose::kTwin || purpose == Purpose::kFarewell;
  const CallTag tag{static_cast<std::uint8_t>(purpose), id};
  rpc.call(turn.now, to, std::move(body), tag, turn.out, turn.events, tries, prove);
}

void RingCore::become(const Contact& self, Role new_role) {
  ring = ZaveRing(self, config.successors);
  fingers = FingerTable(self.id, config.base_bits);
  role = new_role;
  rpc.set_sender(self.id, role != Role::kMember);
}

void RingCore::set_role(Turn& turn, Role new_role, std::string reason) {
  role = new_role;
  rpc.set_sender(ring.self().id, role != Role::kMember);
  turn.out.events.push_back(RoleChanged{role, std::move(reason)});
}

void RingCore::remember(const Endpoint& endpoint) {
  if (endpoint == ring.self().endpoint) return;
  const auto known = std::find(remembered.begin(), remembered.end(), endpoint);
  if (known != remembered.end()) {  // heard again: the last to be forgotten
    std::rotate(known, known + 1, remembered.end());
    return;
  }
  if (remembered.size() >= limits::kRememberedContacts) remembered.erase(remembered.begin());
  if (remembered.size() == remembered.capacity()) remembered.reserve(remembered.size() + 4);  // idle nodes are small
  remembered.push_back(endpoint);
}

void RingCore::doubt(const Endpoint& endpoint) {
  const auto known = std::find(remembered.begin(), remembered.end(), endpoint);
  if (known != remembered.end()) std::rotate(remembered.begin(), known, known + 1);
}

std::vector<Contact> RingCore::accept(const std::vector<Contact>& list, const Contact& answerer) const {
  std::vector<Contact> accepted;
  for (Contact contact : list) {
    if (contact.id == answerer.id) contact.endpoint = answerer.endpoint;
    // Our own entry stays: a list that reaches us is cut there, and that is how we know it has gone once round.
    const bool own = contact.id == ring.self().id && credible(ring.self(), contact);
    if (own || admissible(ring.self(), contact)) accepted.push_back(contact);
  }
  return accepted;
}

std::optional<Contact> RingCore::accept(const std::optional<Contact>& contact) const {
  if (!contact) return std::nullopt;
  if (*contact == ring.self() || admissible(ring.self(), *contact)) return contact;
  return std::nullopt;
}

}  // namespace rondo::dht
