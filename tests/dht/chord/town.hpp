// A small network for tests of single rules: nodes at endpoints of the test's choosing (public ones, NATed ones),
// puppets that answer as they are told, messages altered on their way, and a count of every byte. Delay is 10 ms,
// always.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dht/chord/ring_node.hpp"

namespace rondo::dht::test {

class Town {
 public:
  /// What a puppet says to a query; none: silence.
  using Puppet = std::function<std::optional<wire::Message>(const Endpoint& from, const wire::Query&)>;

  explicit Town(std::uint64_t seed, ChordConfig settings = {}) : rng(seed), config(settings) {
    config.network = network_tag("town");
  }

  /// A node that is not started. `outside`: how others see it, when a NAT is between.
  RingNode& add(const Endpoint& inside, std::optional<RingId> id = std::nullopt,
                std::optional<Endpoint> outside = std::nullopt) {
    const Contact self{id ? *id : RingId{rng.bytes<20>()}, inside};
    House house;
    house.outside = outside.value_or(inside);
    house.node = std::make_unique<RingNode>(config, self, rng, now);
    houses_.push_back(std::move(house));
    return *houses_.back().node;
  }
  RingNode& node(std::size_t index) { return *houses_[index].node; }
  [[nodiscard]] std::size_t size() const { return houses_.size(); }
  /// The process dies and comes back at once, with its id and endpoint and without its memory. Not started.
  RingNode& restart(std::size_t index) {
    const Contact self = node(index).self();
    houses_[index].node = std::make_unique<RingNode>(config, self, rng, now);
    return node(index);
  }
  /// Fail-stop; the house stays, deaf.
  void kill(const Endpoint& outside) { deaf_.push_back(outside); }
  void revive(const Endpoint& outside) { std::erase(deaf_, outside); }

  /// Calls into the node and sends what comes out.
  void act(RingNode& node, const std::function<void(RingOutbox&)>& command) {
    RingOutbox out;
    command(out);
    deliver(house_of(node), out);
  }
  void serve_alone(RingNode& node) {
    act(node, [&](RingOutbox& out) { node.join(now, {{node.self().endpoint}, Duration::zero()}, out); });
  }
  void join(RingNode& node, const Endpoint& via) {
    node.add_contact(via);
    act(node, [&](RingOutbox& out) { node.join(now, {{node.self().endpoint}, std::nullopt}, out); });
  }
  /// One message by hand, as if from the wire; the answers are sent and returned.
  std::vector<Send> tell(RingNode& node, const Endpoint& from, const wire::Message& message,
                         std::optional<std::size_t> bytes = std::nullopt) {
    RingOutbox out;
    node.on_message(now, from, message, bytes.value_or(wire::encoded_size(message, config.family)), out);
    node.check_invariants();
    std::vector<Send> sends = out.sends;
    deliver(house_of(node), out);
    return sends;
  }

  void run_for(Duration duration) {
    const Instant end = now + duration;
    while (step(end)) {
    }
    now = end;
  }
  bool run_until(const std::function<bool()>& condition, Duration limit) {
    const Instant end = now + limit;
    while (!condition()) {
      if (now >= end) return false;
      run_for(std::chrono::milliseconds(50));
    }
    return true;
  }

  /// The last event of this kind that the node told.
  template <class Event>
  [[nodiscard]] std::optional<Event> last(const RingNode& node) const {
    std::optional<Event> found;
    for (const auto& [who, event] : events)
      if (const auto* wanted = std::get_if<Event>(&event); wanted != nullptr && who == &node) found = *wanted;
    return found;
  }

  Rng rng;
  ChordConfig config;
  Instant now = Instant{} + std::chrono::hours(1);
  std::map<Endpoint, Puppet> puppets;
  /// May change what is on its way; false drops it.
  std::function<bool(const Endpoint& from, const Endpoint& to, wire::Message&)> tamper;
  std::vector<std::pair<const RingNode*, RingEvent>> events;

 private:
  struct House {
    Endpoint outside;
    std::unique_ptr<RingNode> node;
  };
  struct Letter {
    Instant at;
    Endpoint from;
    Endpoint to;
    wire::Message message;
  };

  House& house_of(const RingNode& node) {
    return *std::find_if(houses_.begin(), houses_.end(), [&](const House& house) { return house.node.get() == &node; });
  }

  void deliver(const House& house, RingOutbox& out) {
    for (RingEvent& event : out.events) events.emplace_back(house.node.get(), std::move(event));
    for (const Send& send : out.sends) post(house.outside, send.to, send.message);
  }
  void post(const Endpoint& from, const Endpoint& to, wire::Message message) {
    if (std::count(deaf_.begin(), deaf_.end(), from) + std::count(deaf_.begin(), deaf_.end(), to) > 0) return;
    if (tamper && !tamper(from, to, message)) return;
    letters_.push_back({now + std::chrono::milliseconds(10), from, to, std::move(message)});
  }
  bool step(Instant end) {
    Instant next = letters_.empty() ? kNever : letters_.front().at;
    House* waking = nullptr;
    for (House& house : houses_) {
      const bool deaf = std::count(deaf_.begin(), deaf_.end(), house.outside) > 0;
      const Instant due = deaf ? kNever : std::max(now, house.node->next_deadline());
      if (due >= next) continue;
      next = due;
      waking = &house;
    }
    if (next > end) return false;
    now = next;
    if (waking != nullptr) {
      RingOutbox out;
      waking->node->on_deadline(now, out);
      waking->node->check_invariants();
      deliver(*waking, out);
    } else {
      const Letter letter = std::move(letters_.front());
      letters_.erase(letters_.begin());
      hand_over(letter);
    }
    return true;
  }
  void hand_over(const Letter& letter) {
    if (const auto puppet = puppets.find(letter.to); puppet != puppets.end()) {
      const auto* query = std::get_if<wire::Query>(&letter.message);
      if (query == nullptr) return;
      if (auto reply = puppet->second(letter.from, *query)) post(letter.to, letter.from, std::move(*reply));
      return;
    }
    for (House& house : houses_)
      if (house.outside == letter.to) tell(*house.node, letter.from, letter.message);
  }

  std::vector<House> houses_;
  std::vector<Letter> letters_;  // in the order of arrival, for all delays are equal
  std::vector<Endpoint> deaf_;
};

}  // namespace rondo::dht::test
