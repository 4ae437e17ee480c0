#include "tests/support/memory_ring.hpp"

#include <algorithm>
#include <utility>

#include "dht/base/assert.hpp"
#include "dht/chord/interval.hpp"

namespace rondo::test {

MemoryRing::MemoryRing(std::uint64_t seed, LinkModel model, dht::ChordConfig config)
    : link(model), config_(config), rng_(seed), link_rng_(seed ^ 0x9e3779b97f4a7c15u) {
  config_.network = dht::network_tag("memory");
}

std::unique_ptr<dht::RingNode> MemoryRing::make_machine(const Contact& self) {
  return std::make_unique<dht::RingNode>(config_, self, rng_, now_);
}

std::size_t MemoryRing::add(std::optional<RingId> id) {
  const auto number = nodes_.size() + 1;
  const Contact self{id ? *id : RingId{rng_.bytes<20>()},
                     Endpoint::v4(10, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
                                  static_cast<std::uint8_t>(number), 6881)};
  nodes_.push_back({self, make_machine(self), kNever});
  return nodes_.size() - 1;
}

void MemoryRing::start_alone(std::size_t node) {
  dht::RingOutbox out;
  nodes_[node].machine->join(now_, {{}, Duration::zero()}, out);
  deliver(node, out);
  run_for(std::chrono::milliseconds(1));
}

void MemoryRing::join(std::size_t node, std::size_t via) {
  dht::RingOutbox out;
  nodes_[node].machine->add_contact(nodes_[via].self.endpoint);
  nodes_[node].machine->join(now_, {}, out);
  deliver(node, out);
}

void MemoryRing::crash(std::size_t node) { nodes_[node].machine.reset(); }

void MemoryRing::leave(std::size_t node) {
  dht::RingOutbox out;
  nodes_[node].machine->leave(now_, out);
  deliver(node, out);
}

void MemoryRing::restart(std::size_t node, std::size_t via) {
  nodes_[node].machine = make_machine(nodes_[node].self);
  nodes_[node].armed = kNever;
  join(node, via);
}

void MemoryRing::grow(std::size_t count, Duration limit) {
  while (nodes_.size() < count) add();
  start_alone(0);
  for (std::size_t i = 1; i < count; ++i) {
    join(i, rng_.below(i));
    run_for(std::chrono::milliseconds(200));
  }
  std::string why;
  const bool formed = run_until([&] { return members().size() == count && ideal(&why); }, limit);
  if (!formed) std::fprintf(stderr, "%zu members; %s\n", members().size(), why.c_str());
  RONDO_ASSERT(formed);
}

void MemoryRing::deliver(std::size_t from, dht::RingOutbox& out) {
  for (const dht::Send& send : out.sends) transmit(from, send);
  for (dht::RingEvent& event : out.events) events_.emplace_back(from, std::move(event));
  arm(from);
}

void MemoryRing::transmit(std::size_t from, const dht::Send& send) {
  bytes_sent += dht::wire::encoded_size(send.message, Family::kV4) + 28;
  ++datagrams_sent;
  const Endpoint source = nodes_[from].self.endpoint;
  if (filter && !filter(source, send.to, send.message)) return;
  const auto to =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.self.endpoint == send.to; });
  if (to == nodes_.end()) return;
  const auto message = std::make_shared<const dht::wire::Message>(send.message);
  const int copies = link_rng_.unit() < link.duplication ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (link_rng_.unit() < link.loss) continue;
    const auto spread = static_cast<std::uint64_t>((link.delay_max - link.delay_min).count()) + 1;
    const Duration delay = link.delay_min + Duration(static_cast<std::int64_t>(link_rng_.below(spread)));
    arrivals_.push({now_ + delay, order_++, static_cast<std::size_t>(to - nodes_.begin()), source, message});
  }
}

void MemoryRing::arm(std::size_t node) {
  if (!nodes_[node].machine) return;
  const Instant due = std::max(nodes_[node].machine->next_deadline(), now_);
  if (due == kNever || due == nodes_[node].armed) return;
  nodes_[node].armed = due;
  arrivals_.push({due, order_++, node, {}, nullptr});
}

void MemoryRing::step() {
  const Arrival arrival = arrivals_.top();
  arrivals_.pop();
  now_ = arrival.at;
  Node& node = nodes_[arrival.to];
  if (!node.machine) return;
  dht::RingOutbox out;
  if (arrival.message) {
    const std::size_t bytes = dht::wire::encoded_size(*arrival.message, Family::kV4);
    node.machine->on_message(now_, arrival.from, *arrival.message, bytes, out);
  } else {
    if (node.armed != arrival.at) return;  // an older timer
    node.armed = kNever;
    node.machine->on_deadline(now_, out);
  }
  node.machine->check_invariants();
  deliver(arrival.to, out);
  if (after_each) after_each();
}

void MemoryRing::run_for(Duration duration) {
  const Instant end = now_ + duration;
  while (!arrivals_.empty() && arrivals_.top().at <= end) step();
  now_ = end;
}

bool MemoryRing::run_until(const std::function<bool()>& condition, Duration limit) {
  const Instant end = now_ + limit;
  while (!condition()) {
    if (now_ >= end) return false;
    run_for(std::chrono::milliseconds(100));
  }
  return true;
}

std::vector<std::size_t> MemoryRing::members() const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].machine && nodes_[i].machine->role() == dht::Role::kMember) found.push_back(i);
  return found;
}

std::optional<Contact> MemoryRing::owner(const RingId& key) const {
  std::optional<Contact> best;
  for (const std::size_t i : members()) {
    const Contact& contact = nodes_[i].machine->self();
    if (!best || distance(key, contact.id) < distance(key, best->id)) best = contact;
  }
  return best;
}

bool MemoryRing::ideal(std::string* why) const { return matches_truth(config_.successors, why); }

bool MemoryRing::one_ordered_ring(std::string* why) const { return matches_truth(1, why); }

bool MemoryRing::matches_truth(std::size_t depth, std::string* why) const {
  const auto complain = [&](std::size_t i, const char* what) {
    if (why != nullptr) *why = "node " + std::to_string(i) + ": " + what;
    return false;
  };
  std::vector<std::size_t> order = members();
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return nodes_[a].machine->self().id < nodes_[b].machine->self().id; });
  const std::size_t n = order.size();
  for (std::size_t at = 0; at < n; ++at) {
    const dht::ZaveRing& ring = nodes_[order[at]].machine->ring();
    const auto& list = ring.successors().entries();
    const std::size_t checked = std::min(depth, n - 1);
    if (list.size() < checked || list.size() > n - 1) return complain(order[at], "length of the list");
    for (std::size_t k = 0; k < checked; ++k)
      if (list[k] != nodes_[order[(at + k + 1) % n]].machine->self()) return complain(order[at], "entry of the list");
    if (n > 1 && ring.predecessor() != nodes_[order[(at + n - 1) % n]].machine->self())
      return complain(order[at], "predecessor");
  }
  return true;
}

bool MemoryRing::every_list_lives() const {
  const std::vector<std::size_t> living = members();
  return std::all_of(living.begin(), living.end(), [&](std::size_t i) {
    const dht::SuccessorList& list = nodes_[i].machine->ring().successors();
    if (list.complete()) return true;
    return std::any_of(list.entries().begin(), list.entries().end(), [&](const Contact& entry) {
      return std::any_of(living.begin(), living.end(),
                         [&](std::size_t j) { return nodes_[j].machine->self() == entry; });
    });
  });
}

std::size_t MemoryRing::principals() const {
  const std::vector<std::size_t> living = members();
  return static_cast<std::size_t>(std::count_if(living.begin(), living.end(), [&](std::size_t p) {
    const RingId& place = nodes_[p].machine->self().id;
    return std::none_of(living.begin(), living.end(), [&](std::size_t m) {
      RingId before = nodes_[m].machine->self().id;
      for (const Contact& entry : nodes_[m].machine->ring().successors().entries()) {
        if (dht::between(before, place, entry.id)) return true;
        before = entry.id;
      }
      return false;
    });
  }));
}

bool MemoryRing::may_fail(std::size_t node) {
  auto spared = std::move(nodes_[node].machine);
  const bool allowed = every_list_lives() && principals() > config_.successors;
  nodes_[node].machine = std::move(spared);
  return allowed;
}

template <class Wanted>
Wanted MemoryRing::wait_for(std::size_t node, dht::OperationId operation) {
  for (;;) {
    for (auto& [from, event] : events_) {
      auto* wanted = std::get_if<Wanted>(&event);
      if (from != node || wanted == nullptr || wanted->operation != operation) continue;
      Wanted found = std::move(*wanted);
      events_.clear();
      return found;
    }
    events_.clear();
    RONDO_ASSERT(!arrivals_.empty());
    step();
  }
}

dht::LookupResult MemoryRing::look_up(std::size_t from, const RingId& key, dht::LookupKind kind) {
  dht::RingOutbox out;
  const auto operation = nodes_[from].machine->look_up(now_, key, kind, out);
  deliver(from, out);
  return wait_for<dht::LookupFinished>(from, operation).result;
}

dht::Announced MemoryRing::announce(std::size_t from, const RingId& key, std::uint16_t port, bool withdraw) {
  dht::RingOutbox out;
  const auto operation = nodes_[from].machine->announce(now_, key, port, withdraw, out);
  deliver(from, out);
  return wait_for<dht::Announced>(from, operation);
}

dht::PeersRead MemoryRing::get_peers(std::size_t from, const RingId& key) {
  dht::RingOutbox out;
  const auto operation = nodes_[from].machine->get_peers(now_, key, out);
  deliver(from, out);
  return wait_for<dht::PeersRead>(from, operation);
}

}  // namespace rondo::test
