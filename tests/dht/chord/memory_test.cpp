// DESIGN 1: sizeof plus heap of an idle ring member is at most 4 KB. Measured with this program's own operator new:
// what the death of all members of a settled ring gives back.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <iostream>
#include <new>

#include "tests/support/memory_ring.hpp"

namespace {

std::size_t live_bytes = 0;  // the tests are single-threaded

void* counted_new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  live_bytes += malloc_usable_size(memory);
  return memory;
}

void counted_delete(void* memory) {
  if (memory == nullptr) return;
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted_new(size); }
void* operator new[](std::size_t size) { return counted_new(size); }
void operator delete(void* memory) noexcept { counted_delete(memory); }
void operator delete[](void* memory) noexcept { counted_delete(memory); }
void operator delete(void* memory, std::size_t) noexcept { counted_delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { counted_delete(memory); }

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

TEST(Memory, idle_member_of_a_settled_ring_of_64_has_at_most_4_kb) {
  constexpr std::size_t kNodes = 64;
  constexpr std::size_t kMost = 4096;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    MemoryRing ring(seed);
    ring.grow(kNodes);
    ring.run_for(1h);
    const std::size_t before = live_bytes;
    for (std::size_t i = 0; i < kNodes; ++i) ring.crash(i);
    const std::size_t member = (before - live_bytes) / kNodes;
    std::cout << "seed " << seed << ": " << member << " bytes a member, " << sizeof(dht::RingNode)
              << " of them the object itself\n";
    EXPECT_LE(member, kMost) << "seed " << seed;
    EXPECT_GE(member, sizeof(dht::RingNode)) << "the count is broken";
  }
}

}  // namespace
}  // namespace rondo::test
