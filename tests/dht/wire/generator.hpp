// Random messages, each as its struct documents it.
#pragma once

#include <cstddef>

#include "dht/base/rng.hpp"
#include "dht/wire/messages/message.hpp"

namespace rondo::dht::wire::test {

/// Kinds 0..5 are queries, 6..11 answers, 12 is the error.
inline constexpr std::size_t kKinds = 2 * kMethods + 1;

class Generator {
 public:
  Generator(Rng& rng, Family family) : rng_(rng), family_(family) {}

  /// Lists of every length up to their limit, lengths at both ends more often than their share. No longer than a
  /// datagram.
  Message message(std::size_t kind);

 private:
  bool chance() { return rng_.below(2) == 0; }
  std::size_t length(std::size_t most);
  Header header();
  Endpoint endpoint();
  Contact contact() { return {RingId{rng_.bytes<RingId::kSize>()}, endpoint()}; }
  std::vector<Contact> contacts(std::size_t most);
  QueryBody query_body(Method method);
  ReplyBody reply_body(Method method);
  Query query(Method method);
  Reply reply(Method method);
  Error error();

  Rng& rng_;
  Family family_;
};

/// The seed of this run: RONDO_SEED, or a random one. Tests print it.
std::uint64_t seed_of_run();

}  // namespace rondo::dht::wire::test
