#include "cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/format.hpp"

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;

constexpr double kTimeConstant = 4.0;
constexpr double kFirstAnswer = 0.5;
/// A time left beyond 99 days means that nothing moves.
constexpr double kLongestEta = 99.0 * 86400;
constexpr unsigned kBarMax = 30;
constexpr unsigned kBarMin = 8;
constexpr auto kLinePeriod = 30s;

/// The parts of the line that can be left out.
struct Parts {
  bool verb = true;
  bool bar = true;
  bool sizes = true;
  bool rate = true;
  bool eta = true;
  bool peers = true;
};

std::string rate_part(const ProgressState& state) { return state.rate ? rate_text(*state.rate) : "-"; }

std::string tail_text(const ProgressState& state, const Parts& parts) {
  std::string out = fmt::format("{:3}%", percent_of(state.done, state.total));
  if (parts.sizes) out += "  " + size_pair_text(state.done, state.total);
  if (parts.rate) out += "  " + rate_part(state);
  if (parts.eta) out += "  " + eta_text(state.eta);
  if (parts.peers && state.peers) out += "  " + count_text(*state.peers, "peer");
  return out;
}

std::string bar(unsigned percent, unsigned cells) {
  const unsigned full = percent * cells / 100;
  return "[" + std::string(full, '#') + std::string(cells - full, '-') + "] ";
}

/// The line with these parts; its bar takes what is free, and is left out when too little is.
std::string assembled(const ProgressState& state, const Parts& parts, std::size_t room) {
  const std::string head = parts.verb ? state.verb + " " : "";
  const std::string tail = tail_text(state, parts);
  const std::size_t used = head.size() + tail.size() + 3;
  if (!parts.bar || used + kBarMin > room) return head + tail;
  const auto cells = std::min<std::size_t>(room - used, kBarMax);
  return head + bar(percent_of(state.done, state.total), static_cast<unsigned>(cells)) + tail;
}

}  // namespace

unsigned percent_of(std::uint64_t done, std::uint64_t total) {
  if (total == 0 || done >= total) return 100;
  return std::min(99u, static_cast<unsigned>(static_cast<double>(done) / static_cast<double>(total) * 100));
}

std::string bar_text(const ProgressState& state, unsigned width) {
  const std::size_t room = width > 0 ? width - 1 : 0;
  Parts parts;
  constexpr std::array<bool Parts::*, 6> kOrder{&Parts::peers, &Parts::verb, &Parts::bar,
                                                &Parts::sizes, &Parts::eta,  &Parts::rate};
  std::string line = assembled(state, parts, room);
  for (const auto part : kOrder) {
    if (line.size() <= room) return line;
    parts.*part = false;
    line = assembled(state, parts, room);
  }
  return line.substr(0, room);
}

std::string progress_line(const ProgressState& state) {
  std::string out = fmt::format("{}: {} % ({})", state.verb, percent_of(state.done, state.total),
                                size_pair_text(state.done, state.total));
  if (state.rate) out += ", " + rate_text(*state.rate);
  if (state.eta && state.done < state.total) out += ", " + eta_text(state.eta) + " left";
  if (state.peers) out += ", " + count_text(*state.peers, "peer");
  return out;
}

void RateMeter::observe(Clock::time_point now, std::uint64_t done) {
  const double seconds = last_ ? std::chrono::duration<double>(now - *last_).count() : 0;
  // Nothing is learnt from a moment; the bytes count with the next observation.
  if (last_ && seconds < 0.01) return;
  if (last_) {
    const double now_rate = done > done_ ? static_cast<double>(done - done_) / seconds : 0;
    const double keep = std::exp(-seconds / kTimeConstant);
    mean_ = mean_ * keep + now_rate * (1 - keep);
    weight_ = weight_ * keep + (1 - keep);
    covered_ += seconds;
  }
  last_ = now;
  done_ = done;
}

std::optional<double> RateMeter::rate() const {
  if (covered_ < kFirstAnswer || weight_ <= 0) return std::nullopt;
  return mean_ / weight_;
}

std::optional<std::chrono::seconds> RateMeter::eta(std::uint64_t total) const {
  const auto speed = rate();
  if (done_ >= total) return 0s;
  if (!speed || *speed <= 0) return std::nullopt;
  const double seconds = std::ceil(static_cast<double>(total - done_) / *speed);
  if (seconds > kLongestEta) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(seconds));
}

bool LineThrottle::is_due(Clock::time_point now, std::uint64_t done, std::uint64_t total) {
  const unsigned step = percent_of(done, total) / 10;
  if (last_ && step <= step_ && now - *last_ < kLinePeriod) return false;
  last_ = now;
  step_ = step;
  return true;
}

}  // namespace rondo::cli
