// Progress for people, as pure functions of what is known: the one line that a terminal redraws, the plain lines that a
// log gets, and the smoothing that keeps rate and time left from jumping.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace rondo::cli {

struct ProgressState {
  /// What goes on: "hashing", "fetching".
  std::string verb;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  /// Bytes per second; none while unknown.
  std::optional<double> rate;
  std::optional<std::chrono::seconds> eta;
  /// None where peers mean nothing (hashing).
  std::optional<std::uint32_t> peers;
};

/// 0..100, rounded down: 100 means complete.
unsigned percent_of(std::uint64_t done, std::uint64_t total);

/// "fetching [####------]  41%  2.5/4.1 GB  11.3 MB/s  2 min  3 peers". At most `width` - 1 columns, because a full
/// last column makes some terminals wrap: what matters least goes first (peers, verb, bar, sizes, time, rate).
std::string bar_text(const ProgressState& state, unsigned width);

/// "fetching: 41 % (2.5/4.1 GB), 11.3 MB/s, 2 min left, 3 peers": a line of a log.
std::string progress_line(const ProgressState& state);

/// Rate and time left from a series of (time, bytes). The rate is an exponential mean with a time constant of 4 s,
/// corrected at the start so that the first seconds aren't pulled towards zero.
class RateMeter {
 public:
  using Clock = std::chrono::steady_clock;

  void observe(Clock::time_point now, std::uint64_t done);
  /// None before half a second is covered.
  [[nodiscard]] std::optional<double> rate() const;
  /// None while the rate is unknown or nothing moves.
  [[nodiscard]] std::optional<std::chrono::seconds> eta(std::uint64_t total) const;

 private:
  std::optional<Clock::time_point> last_;
  std::uint64_t done_ = 0;
  double mean_ = 0;
  /// How much of the mean comes from observations, 0..1.
  double weight_ = 0;
  double covered_ = 0;
};

/// Which states a log gets: the first, each further 10 %, and one every 30 s.
class LineThrottle {
 public:
  using Clock = std::chrono::steady_clock;

  bool is_due(Clock::time_point now, std::uint64_t done, std::uint64_t total);

 private:
  std::optional<Clock::time_point> last_;
  unsigned step_ = 0;
};

}  // namespace rondo::cli
