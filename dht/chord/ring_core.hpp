// What the machines of one node share: who we are, whom we know, how we ask. RingNode owns it and hands it to each.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "dht/base/rng.hpp"
#include "dht/chord/chord_config.hpp"
#include "dht/chord/finger_table.hpp"
#include "dht/chord/lookup_result.hpp"
#include "dht/chord/ring_event.hpp"
#include "dht/chord/zave_ring.hpp"
#include "dht/rpc/rpc_client.hpp"

namespace rondo::dht {

/// Which machine a call belongs to (CallTag::purpose).
enum class Purpose : std::uint8_t {
  kStabilize,
  kCandidate,
  kNotify,
  kVerdict,
  kNudge,
  kProbe,
  kTwin,
  kLookupStep,
  kLookupCheck,
  kGreet,
  kCopyList,
  kProximity,
  kGetPeers,
  kAnnounce,
  kFarewell,
};

/// One input's turn: the time, and where outputs go. Lives for one call into the node.
struct Turn {
  Instant now;
  RingOutbox& out;
  std::vector<CallEvent>& events;
};

struct RingCore {
  RingCore(ChordConfig settings, const Contact& self, Rng& random);

  /// Asks; the answer comes back to the machine that `purpose` names. Those on which the receiver is to act are proven.
  void call(Turn& turn, const Callee& to, wire::QueryBody body, Purpose purpose, std::uint32_t id = 0,
            int tries = limits::kTries);

  /// Becomes somebody, with an empty table. Queries carry the new id from now on.
  void become(const Contact& self, Role role);
  void set_role(Turn& turn, Role role, std::string reason);

  /// Keeps an endpoint at which a member answered, for joining again and as a start of lookups.
  void remember(const Endpoint& endpoint);
  /// It gave no sign of being a member: of those remembered, the last to be tried and the first to be forgotten.
  void doubt(const Endpoint& endpoint);

  /// Contacts of `list` that may stand in our tables; the answerer's own entry gets the endpoint that answered.
  [[nodiscard]] std::vector<Contact> accept(const std::vector<Contact>& list, const Contact& answerer) const;
  [[nodiscard]] std::optional<Contact> accept(const std::optional<Contact>& contact) const;

  ChordConfig config;
  Rng& rng;
  Role role = Role::kClient;
  RpcClient rpc;
  ZaveRing ring;
  FingerTable fingers;
  /// At most limits::kRememberedContacts, the likeliest to answer last: first those that did not answer, then the
  /// others, those unheard for longest first. Who asks the last ones and hears nothing finds others there next time.
  std::vector<Endpoint> remembered;
};

}  // namespace rondo::dht
