// One iterative lookup (ToN'03 section IV.C, V.B; DESIGN 2 "Lookup"): pure bookkeeping. LookupTable sends for it.
//
// Routing: of the known contacts that precede the target, the nearest ones are asked, `alpha` at a time; answers bring
// nearer ones. A contact whose first try went unanswered no longer counts among the alpha (the lookup widens) but may
// still answer. A *claim* is an answer whose successor list covers the target.
// - kRead ends at the first claim: it needs replicas, not the owner.
// - kOwner goes on until no live contact between the claimant and the target is left to ask, so that the claim comes
//   from the owner's predecessor whenever that answers; then the claimed owner must answer a ping, else the next entry.
//   A claim of which nobody lives is forgotten: the next best one counts, or routing goes on. An answer names 8
//   contacts and a list has 16, so a claimant whose 8 are all dead is asked once more, for the ones behind them (with
//   half of the nodes gone that is one key in 256, and ToN'03 theorem IV.5 promises it).
// Rationale: membership is decided by the predecessor's list[0] (DESIGN 2 "Right, incorrect, failed"); a claim from
// farther back may miss a newcomer.
// Attackers: a lying answerer can end a read with false contacts; disjoint paths and density checks are not here yet. A
// contact is the pair of id and endpoint: who names a member's endpoint with a false id (or its former one) spoils that
// pair and not the member. One endpoint is asked once at a time, so an outcome always belongs to the pair in flight.
// Bounds: limits::kLookupCandidates, kLookupRequests, kLookupTime.
#pragma once

#include <optional>
#include <vector>

#include "dht/chord/lookup_result.hpp"
#include "dht/rpc/rpc_client.hpp"
#include "dht/wire/messages/find_successor.hpp"

namespace rondo::dht {

class Lookup {
 public:
  Lookup(const Contact& self, const RingId& target, LookupKind kind, std::size_t alpha, Instant now);

  /// What we know ourselves: route() of a member; its contacts are hop 1, its claim is hop 0.
  /// `reserve`: more contacts that precede the target, for the case that nobody whom these lead to lives.
  void seed(const wire::FindSuccessorReply& own_knowledge, std::vector<Contact> reserve = {});
  /// An entry point of which only the address is known.
  void seed(const Endpoint& entry_point);

  /// Somebody to ask now.
  struct Request {
    Callee to;
    bool check = false;  // ping instead of find_successor
    RingId target;       // of find_successor
  };
  /// Marks what it returns as asked.
  std::vector<Request> next_requests();

  /// `reply` holds admissible contacts only.
  void on_step(const Contact& from, const wire::FindSuccessorReply& reply, Duration round_trip);
  void on_check(const Contact& from, bool read_only, Duration round_trip);
  void on_slow(const Endpoint& endpoint, bool check);
  void on_failure(const Endpoint& endpoint, bool check, CallFailure failure);

  /// True when nothing is left to do; result() then says how it went.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] const RingId& target() const { return target_; }
  [[nodiscard]] Instant deadline() const { return started_ + limits_time(); }
  /// The result so far; a lookup that is not finished has timed out.
  [[nodiscard]] LookupResult result(Instant now) const;

 private:
  enum class State : std::uint8_t { kNew, kAsked, kSlow, kAnswered, kFailed };
  struct Candidate {
    Callee who;
    unsigned hop = 0;
    State state = State::kNew;
    /// Asked for what is behind its claim.
    bool continues = false;
  };
  struct Claim {
    Contact holder;
    unsigned hop = 0;
    bool first_hand = false;
    std::vector<Contact> contacts;
    bool continued = false;
  };
  struct Check {
    Contact who;
    unsigned hop = 0;
    State state = State::kNew;
    /// When kFailed: nobody there is alive and a member, whatever its id.
    bool deserted = false;
  };

  static Duration limits_time();
  static bool in_flight(State state);
  void add_candidate(const Callee& who, unsigned hop);
  [[nodiscard]] std::vector<Candidate>::iterator farthest_new();
  void add_claim(const Contact& holder, unsigned hop, const wire::FindSuccessorReply& reply);
  /// The request that is out to this endpoint.
  Candidate* candidate_in_flight(const Endpoint& endpoint);
  Check* check_in_flight(const Endpoint& endpoint);
  LookupStep* find_step(const Endpoint& endpoint, bool check);
  void ask(std::vector<Request>& requests, Candidate& candidate, const RingId& target);
  void continue_claims(std::vector<Request>& requests);
  void on_continued(Candidate& holder, const wire::FindSuccessorReply& reply);
  void request_checks(std::vector<Request>& requests);
  [[nodiscard]] bool nearer(const Candidate& candidate, const RingId& than) const;
  [[nodiscard]] bool busy(const Endpoint& endpoint) const;
  /// May still be asked: new, with requests left, and nothing out to its endpoint.
  [[nodiscard]] bool open(const Candidate& candidate) const;
  [[nodiscard]] bool requests_left() const;
  [[nodiscard]] const Claim* best_claim() const;
  /// No live contact nearer to the target than the claimant is left to ask.
  [[nodiscard]] bool settled(const Claim& claim) const;
  [[nodiscard]] bool routing_over() const;
  /// The first claimed contact that lives, or none while that is not known or when all are dead.
  [[nodiscard]] std::optional<Contact> live_owner(const Claim& claim) const;
  [[nodiscard]] bool known_dead(const Contact& contact) const;
  [[nodiscard]] bool all_checks_failed(const Claim& claim) const;
  [[nodiscard]] bool continuable(const Claim& claim) const;
  [[nodiscard]] bool checking() const;

  Contact self_;
  RingId target_;
  LookupKind kind_;
  std::size_t alpha_;
  Instant started_;
  std::vector<Candidate> candidates_;
  std::vector<Contact> reserve_;
  std::vector<Claim> claims_;
  std::vector<Check> checks_;
  std::vector<LookupStep> steps_;
  unsigned timeouts_ = 0;
};

}  // namespace rondo::dht
