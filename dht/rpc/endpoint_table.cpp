#include "dht/rpc/endpoint_table.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "dht/base/limits.hpp"

namespace rondo::dht {
namespace {

constexpr std::uint8_t kMaxCount = 250;
/// Places added at once. The table grows seldom and is most of an idle node's memory: doubling would waste it.
constexpr std::size_t kGrowth = 4;

}  // namespace

const EndpointTable::Entry* EndpointTable::find(const Endpoint& endpoint) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), endpoint,
                                   [](const Entry& entry, const Endpoint& e) { return entry.endpoint < e; });
  return at != entries_.end() && at->endpoint == endpoint ? &*at : nullptr;
}

EndpointTable::Entry* EndpointTable::find(const Endpoint& endpoint) {
  return const_cast<Entry*>(std::as_const(*this).find(endpoint));
}

EndpointTable::Entry& EndpointTable::find_or_make(const Endpoint& endpoint) {
  if (Entry* known = find(endpoint)) return *known;
  if (entries_.size() >= limits::kKnownEndpoints) {
    const auto oldest = std::min_element(entries_.begin(), entries_.end(),
                                         [](const Entry& a, const Entry& b) { return a.used_at < b.used_at; });
    entries_.erase(oldest);
  }
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), endpoint,
                                   [](const Entry& entry, const Endpoint& e) { return entry.endpoint < e; });
  const auto offset = at - entries_.begin();
  if (entries_.size() == entries_.capacity()) entries_.reserve(entries_.size() + kGrowth);
  Entry entry;
  entry.endpoint = endpoint;
  return *entries_.insert(entries_.begin() + offset, entry);
}

Duration EndpointTable::base_timeout(const Entry& entry) {
  return std::max<Duration>(Duration(entry.mean_us + 4 * entry.deviation_us), limits::kMinTimeout);
}

Duration EndpointTable::timeout(const Endpoint& endpoint, int attempt) const {
  Duration base = limits::kFirstTimeout;
  if (const Entry* entry = find(endpoint); entry != nullptr && entry->mean_us > 0)
    base = base_timeout(*entry);
  else if (typical_ > Duration::zero())
    base = std::clamp<Duration>(3 * typical_, limits::kStrangerTimeout, limits::kFirstTimeout);
  return std::min<Duration>(base * (1 << std::min(attempt, 8)), limits::kMaxTimeout);
}

std::optional<Duration> EndpointTable::round_trip(const Endpoint& endpoint) const {
  const Entry* entry = find(endpoint);
  if (entry == nullptr || entry->mean_us == 0) return std::nullopt;
  return Duration(entry->mean_us);
}

std::optional<wire::Token> EndpointTable::token(const Endpoint& endpoint, Instant now) const {
  const Entry* entry = find(endpoint);
  if (entry == nullptr || !entry->has_token || now - entry->token_at > limits::kTokenUse) return std::nullopt;
  return entry->token;
}

int EndpointTable::unanswered(const Endpoint& endpoint) const {
  const Entry* entry = find(endpoint);
  return entry == nullptr ? 0 : entry->unanswered;
}

std::optional<Instant> EndpointTable::unanswered_since(const Endpoint& endpoint) const {
  const Entry* entry = find(endpoint);
  if (entry == nullptr || entry->unanswered == 0) return std::nullopt;
  return entry->silent_from;
}

std::size_t EndpointTable::silent_since(Instant since) const {
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.unanswered > 0 && entry.used_at >= since;
  }));
}

void EndpointTable::on_sent(const Endpoint& endpoint, Instant now) { find_or_make(endpoint).used_at = now; }

void EndpointTable::on_heard(const Endpoint& endpoint, Instant now, Duration sample, const wire::Token& token) {
  Entry& entry = find_or_make(endpoint);
  const auto us = static_cast<std::int32_t>(std::clamp<std::int64_t>(sample.count(), 1, 60'000'000));
  if (entry.mean_us == 0) {
    entry.mean_us = us;
    entry.deviation_us = us / 2;
  } else {  // RFC 6298 (2.3): beta = 1/4, alpha = 1/8
    entry.deviation_us += (std::abs(us - entry.mean_us) - entry.deviation_us) / 4;
    entry.mean_us = std::max(1, entry.mean_us + (us - entry.mean_us) / 8);
  }
  const Duration timeout = base_timeout(entry);
  typical_ = typical_ == Duration::zero() ? timeout : typical_ + (timeout - typical_) / 16;
  entry.unanswered = 0;
  entry.token = token;
  entry.has_token = true;
  entry.token_at = now;
  entry.used_at = now;
}

void EndpointTable::on_unanswered(const Endpoint& endpoint, Instant sent) {
  Entry& entry = find_or_make(endpoint);
  if (entry.unanswered == 0 || sent < entry.silent_from) entry.silent_from = sent;
  if (entry.unanswered < kMaxCount) ++entry.unanswered;
}

void EndpointTable::forget_token(const Endpoint& endpoint) {
  if (Entry* entry = find(endpoint)) entry->has_token = false;
}

void EndpointTable::on_sign_of_life(const Endpoint& endpoint) {
  if (Entry* entry = find(endpoint)) entry->unanswered = 0;
}

}  // namespace rondo::dht
