#include "dht/rpc/endpoint_table.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "dht/base/limits.hpp"

namespace rondo::dht {
namespace {

constexpr std::uint8_t kMaxCount = 250;
/// Places added at once. The table grows seldom and is most of an idle node's memory: doubling would waste it.
constexpr std::size_t kGrowth = 4;

/// a + b microseconds, for ages: what is beyond the range stays at its end.
std::uint32_t add_age(std::uint32_t a, Duration b) {
  const std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(most, a + std::clamp<std::int64_t>(b.count(), 0, most)));
}

/// a + b in units of 10 ms, rounded up.
std::uint16_t add_coarse_age(std::uint16_t a, Duration b) {
  const std::int64_t most = std::numeric_limits<std::uint16_t>::max();
  const std::int64_t units = std::clamp<std::int64_t>((b.count() + 9'999) / 10'000, 0, most);
  return static_cast<std::uint16_t>(std::min(most, a + units));
}

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

void EndpointTable::touch(Entry& entry, Instant now) {
  if (now <= entry.used_at) return;
  entry.heard_age_us = add_age(entry.heard_age_us, now - entry.used_at);
  entry.silence_us = add_age(entry.silence_us, now - entry.used_at);
  entry.last_silence_10ms = add_coarse_age(entry.last_silence_10ms, now - entry.used_at);
  entry.used_at = now;
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
  if (entry == nullptr || !entry->has_token) return std::nullopt;
  const Duration age = now - entry->used_at + Duration(entry->heard_age_us);
  return age > limits::kTokenUse ? std::nullopt : std::optional(entry->token);
}

int EndpointTable::unanswered(const Endpoint& endpoint) const {
  const Entry* entry = find(endpoint);
  return entry == nullptr ? 0 : entry->unanswered;
}

std::optional<Instant> EndpointTable::unanswered_since(const Endpoint& endpoint) const {
  const Entry* entry = find(endpoint);
  if (entry == nullptr || entry->unanswered == 0) return std::nullopt;
  return entry->used_at - Duration(entry->silence_us);
}

std::size_t EndpointTable::silent_since(Instant since) const {
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.unanswered > 0 && entry.used_at - std::chrono::milliseconds(10) * entry.last_silence_10ms >= since;
  }));
}

void EndpointTable::on_sent(const Endpoint& endpoint, Instant now) { touch(find_or_make(endpoint), now); }

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
  touch(entry, now);
  entry.heard_age_us = 0;
}

void EndpointTable::on_unanswered(const Endpoint& endpoint, Instant sent) {
  Entry& entry = find_or_make(endpoint);
  touch(entry, sent);
  const bool heard = entry.mean_us > 0;
  if (heard && sent < entry.used_at - Duration(entry.heard_age_us)) return;
  const std::uint32_t silence = add_age(0, entry.used_at - sent);
  const std::uint16_t last = add_coarse_age(0, entry.used_at - sent);
  entry.last_silence_10ms = entry.unanswered == 0 ? last : std::min(entry.last_silence_10ms, last);
  entry.silence_us = entry.unanswered == 0 ? silence : std::max(entry.silence_us, silence);
  if (entry.unanswered < kMaxCount) ++entry.unanswered;
}

void EndpointTable::forget_token(const Endpoint& endpoint) {
  if (Entry* entry = find(endpoint)) entry->has_token = false;
}

void EndpointTable::on_sign_of_life(const Endpoint& endpoint) {
  if (Entry* entry = find(endpoint)) entry->unanswered = 0;
}

}  // namespace rondo::dht
