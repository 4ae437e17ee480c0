// The asking side of the ring's RPC: transactions, retransmission, tokens.
//
// A call is at-least-once: limits::kTries tries, each twice as long as the one before, then it fails as kTimedOut,
// which means "outcome unknown": every method is idempotent, so a caller may repeat it. After the first unanswered try
// the caller is told (CallSlow) so that it can ask somebody else meanwhile; the call goes on listening.
//
// An answer counts only from the endpoint that was asked, with the call's transaction id (64 random bits; the last byte
// is mixed with the try's number, so that each answer is matched to its own try and Karn's ambiguity does not arise).
// A method that needs a token is preceded by a ping when we have none, and so is any other that is to prove our
// address; a refused token is fetched anew once. Without a token a query is padded to the largest answer wanted, for no
// answer is longer than its query.
//
// Cost: O(calls in flight) per event. Bounds: limits::kTransactions.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "dht/base/contact.hpp"
#include "dht/base/rng.hpp"
#include "dht/base/time.hpp"
#include "dht/rpc/endpoint_table.hpp"
#include "dht/rpc/outbox.hpp"
#include "dht/wire/messages/message.hpp"

namespace rondo::dht {

/// Whose call it is; means nothing to the RPC layer.
struct CallTag {
  std::uint8_t purpose = 0;
  std::uint32_t id = 0;

  friend bool operator==(const CallTag&, const CallTag&) = default;
};

/// Whom to ask. Without an id (an entry point that we only know by address) any id may answer.
struct Callee {
  Endpoint endpoint;
  std::optional<RingId> id;

  Callee(const Contact& contact) : endpoint(contact.endpoint), id(contact.id) {}
  explicit Callee(const Endpoint& at) : endpoint(at) {}
};

enum class CallFailure : std::uint8_t {
  kTimedOut,
  kNotAMember,  // it answered that it is joining, leaving or a client
  kOtherNode,   // somebody with another id lives there now
  kRefused,     // any other error answer
  kOverloaded,  // limits::kTransactions of ours are in flight
};

struct CallAnswered {
  CallTag tag;
  Contact from;
  bool read_only = false;
  Endpoint observed;
  wire::ReplyBody body;
  Duration round_trip{};
};
/// The first try had no answer in time; the call goes on.
struct CallSlow {
  CallTag tag;
  Endpoint to;
};
struct CallFailed {
  CallTag tag;
  Endpoint to;
  CallFailure failure = CallFailure::kTimedOut;
  /// Whom we meant there. A contact with another id at the same endpoint did not fail: it may be the one that answered.
  std::optional<RingId> id;
};
/// One more try was unanswered, of any call: what the dead verdict counts.
struct TryUnanswered {
  Endpoint to;
};
using CallEvent = std::variant<CallAnswered, CallSlow, CallFailed, TryUnanswered>;

class RpcClient {
 public:
  /// `rng` must outlive the client.
  RpcClient(wire::NetworkTag network, Family family, Rng& rng);

  /// What queries say of us.
  void set_sender(const RingId& id, bool read_only);

  /// Asks. Exactly one CallAnswered or CallFailed follows, unless the call is dropped. `prove`: only with a token, even
  /// when the method needs none, because the receiver is to act on it.
  void call(Instant now, const Callee& to, wire::QueryBody body, CallTag tag, Outbox& out,
            std::vector<CallEvent>& events, int tries, bool prove = false);
  /// Forgets the calls with this tag; their answers will be ignored.
  void drop(CallTag tag);

  void on_reply(Instant now, const Endpoint& from, const wire::Reply& reply, Outbox& out,
                std::vector<CallEvent>& events);
  void on_error(Instant now, const Endpoint& from, const wire::Error& error, Outbox& out,
                std::vector<CallEvent>& events);
  void on_deadline(Instant now, Outbox& out, std::vector<CallEvent>& events);
  [[nodiscard]] Instant next_deadline() const;

  /// A query whose token was good came from there: inbound works and the sender lives.
  void on_proven_query(Instant now, const Endpoint& from);
  /// True while at least 3 endpoints are silent and nobody was heard since: the fault is probably ours, and no verdict
  /// may be spoken (pymdht's rule; OpenDHT learned the same in its issue 137).
  [[nodiscard]] bool own_outage_suspected() const;
  /// Who ended, or would have ended, such a suspicion last. None before the first word from anybody.
  [[nodiscard]] const std::optional<Endpoint>& last_heard_from() const { return last_heard_from_; }

  [[nodiscard]] const EndpointTable& endpoints() const { return endpoints_; }
  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }

 private:
  struct Call {
    wire::TransactionId transaction{};
    Endpoint to;
    std::optional<RingId> id;
    wire::QueryBody body;
    CallTag tag;
    std::uint8_t tries_left = 0;
    std::uint8_t tries_made = 0;
    bool prove = false;
    bool fetching_token = false;
    bool token_refused = false;
    bool told_slow = false;
    Instant sent_at{};
    Instant deadline{};
    std::vector<Instant> earlier;  // when earlier tries of this transaction were sent
  };

  void transmit(Instant now, Call& call, Outbox& out);
  void restart(Instant now, Call& call, bool fetching_token, Outbox& out);
  std::vector<Call>::iterator match(const Endpoint& from, const wire::TransactionId& id, Instant& sent_at);
  void expire(Instant now, Call& call, Outbox& out, std::vector<CallEvent>& events);
  void finish(std::vector<Call>::iterator call);
  void rest();
  void heard(Instant now, const Endpoint& from);

  wire::NetworkTag network_;
  Family family_;
  Rng* rng_;
  RingId sender_;
  bool read_only_ = true;
  EndpointTable endpoints_;
  std::vector<Call> calls_;
  Instant last_heard_{};
  std::optional<Endpoint> last_heard_from_;
};

}  // namespace rondo::dht
