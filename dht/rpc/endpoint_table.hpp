// What we know of the endpoints that we talked to: round-trip time, token, unanswered tries.
//
// Round trips follow RFC 6298 (mean + 4 x deviation, doubling per try) with a floor that fits a LAN. Rhea et al.
// (USENIX ATC'04) measured that per-peer time-outs are what keeps lookups fast under churn.
//
// Bounded by limits::kKnownEndpoints; the endpoint unheard for longest goes first. Who invents endpoints cannot fill
// it: an entry is made by our own requests only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dht/base/endpoint.hpp"
#include "dht/base/time.hpp"
#include "dht/wire/messages/header.hpp"

namespace rondo::dht {

class EndpointTable {
 public:
  /// Time-out of try number `attempt` (0 for the first) to this endpoint. A stranger gets three times what is typical
  /// of the endpoints that we know, within limits::kStrangerTimeout and kFirstTimeout.
  [[nodiscard]] Duration timeout(const Endpoint& endpoint, int attempt) const;
  /// Smoothed round trip, if one was measured.
  [[nodiscard]] std::optional<Duration> round_trip(const Endpoint& endpoint) const;
  /// The token that it gave us, while it is surely good (limits::kTokenUse).
  [[nodiscard]] std::optional<wire::Token> token(const Endpoint& endpoint, Instant now) const;
  /// Tries unanswered since it was last heard; one that left before the last answer says nothing any more.
  [[nodiscard]] int unanswered(const Endpoint& endpoint) const;
  /// When the first of those was sent.
  [[nodiscard]] std::optional<Instant> unanswered_since(const Endpoint& endpoint) const;
  /// Endpoints with a try that was sent at `since` or later and had no answer in time: many at once mean that the
  /// outage is ours. A try that still has time to be answered says nothing.
  [[nodiscard]] std::size_t silent_since(Instant since) const;

  /// A request went out.
  void on_sent(const Endpoint& endpoint, Instant now);
  /// An answer came. `sample` is its round trip.
  void on_heard(const Endpoint& endpoint, Instant now, Duration sample, const wire::Token& token);
  /// A try that was sent at `sent` had no answer in time.
  void on_unanswered(const Endpoint& endpoint, Instant sent);
  void forget_token(const Endpoint& endpoint);
  /// Some life sign that carries no sample (a query whose token proves its address).
  void on_sign_of_life(const Endpoint& endpoint);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  /// An idle node is mostly this table, so times are kept as ages before `used_at`, in 32 bits: up to 71 min, and a
  /// token or a silence of that age is old, no matter how old.
  struct Entry {
    Endpoint endpoint;
    std::uint8_t unanswered = 0;
    bool has_token = false;
    wire::Token token{};
    std::uint16_t last_silence_10ms = 0;  // since the last unanswered try; rounded up, so at most 11 min
    std::int32_t mean_us = 0;             // 0: no sample yet
    std::int32_t deviation_us = 0;
    std::uint32_t heard_age_us = 0;  // since the last answer, which brought the token
    std::uint32_t silence_us = 0;
    Instant used_at{};
  };

  [[nodiscard]] const Entry* find(const Endpoint& endpoint) const;
  [[nodiscard]] Entry* find(const Endpoint& endpoint);
  Entry& find_or_make(const Endpoint& endpoint);

  static Duration base_timeout(const Entry& entry);
  static void touch(Entry& entry, Instant now);

  std::vector<Entry> entries_;  // sorted by endpoint
  Duration typical_{};          // moving average of the time-outs of those that answered; zero before the first
};

}  // namespace rondo::dht
