#include "tests/dht/wire/generator.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>

#include "dht/base/limits.hpp"

namespace rondo::dht::wire::test {

std::uint64_t seed_of_run() {
  if (const char* given = std::getenv("RONDO_SEED")) return std::stoull(given);
  return std::random_device{}();
}

std::size_t Generator::length(std::size_t most) {
  switch (rng_.below(4)) {
    case 0: return 0;
    case 1: return most;
    default: return rng_.below(most + 1);
  }
}

Header Generator::header() { return {rng_.bytes<8>(), rng_.bytes<4>(), chance()}; }

Endpoint Generator::endpoint() {
  Endpoint endpoint;
  endpoint.family = family_;
  do {
    const auto bytes = rng_.bytes<16>();
    std::copy_n(bytes.begin(), endpoint.address_bytes().size(), endpoint.address.begin());
    endpoint.port = static_cast<std::uint16_t>(rng_.below(0x10000));
  } while (!is_usable(endpoint));
  return endpoint;
}

std::vector<Contact> Generator::contacts(std::size_t most) {
  std::vector<Contact> contacts(length(most));
  for (Contact& each : contacts) each = contact();
  return contacts;
}

QueryBody Generator::query_body(Method method) {
  switch (method) {
    case Method::kPing: return Ping{};
    case Method::kFindSuccessor: return FindSuccessor{RingId{rng_.bytes<20>()}};
    case Method::kNeighbors: return Neighbors{chance() ? 0 : rng_.next() >> rng_.below(64)};
    case Method::kNotify: return Notify{};
    case Method::kGetPeers: return GetPeers{RingId{rng_.bytes<20>()}};
    case Method::kAnnouncePeer:
      return AnnouncePeer{RingId{rng_.bytes<20>()}, static_cast<std::uint16_t>(1 + length(0xfffe)), chance()};
  }
  return Ping{};
}

ReplyBody Generator::reply_body(Method method) {
  switch (method) {
    case Method::kPing: return PingReply{};
    case Method::kFindSuccessor: {
      FindSuccessorReply step;
      step.covers = chance();
      if (step.covers && chance()) step.previous = contact();
      step.contacts = contacts(limits::kStepContacts);
      return step;
    }
    case Method::kNeighbors: {
      NeighborsReply neighbors;
      if (chance()) neighbors.predecessor = contact();
      neighbors.unchanged = chance();
      neighbors.complete = chance();
      if (!neighbors.unchanged) neighbors.successors = contacts(limits::kSuccessors);
      return neighbors;
    }
    case Method::kNotify: return NotifyReply{};
    case Method::kGetPeers: {
      GetPeersReply peers;
      peers.peers.resize(length(limits::kAnswerPeers));
      for (Endpoint& peer : peers.peers) peer = endpoint();
      return peers;
    }
    case Method::kAnnouncePeer: return AnnouncePeerReply{};
  }
  return PingReply{};
}

Query Generator::query(Method method) {
  Query query;
  query.header = header();
  query.sender = RingId{rng_.bytes<20>()};
  if (chance()) query.token = rng_.bytes<8>();
  query.body = query_body(method);
  if (chance()) pad_to(query, length(limits::kDatagram + 20), family_);
  return query;
}

Reply Generator::reply(Method method) {
  return {header(), RingId{rng_.bytes<20>()}, rng_.bytes<8>(), endpoint(), reply_body(method)};
}

Error Generator::error() {
  Error error;
  error.header = header();
  error.code = static_cast<std::uint16_t>(length(0xffff));
  error.text.resize(length(limits::kErrorText));
  for (char& c : error.text) c = static_cast<char>(rng_.below(256));
  return error;
}

Message Generator::message(std::size_t kind) {
  if (kind < kMethods) return query(static_cast<Method>(kind));
  if (kind < 2 * kMethods) return reply(static_cast<Method>(kind - kMethods));
  return error();
}

}  // namespace rondo::dht::wire::test
