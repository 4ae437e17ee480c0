// Asserts on our own invariants: on in every build. Never used for bytes from the network, files or users.
#pragma once

#include <cstdio>
#include <cstdlib>

#define RONDO_ASSERT(condition)                                                                      \
  do {                                                                                               \
    if (!(condition)) [[unlikely]] {                                                                 \
      std::fprintf(stderr, "rondo: broken invariant: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
      std::abort();                                                                                  \
    }                                                                                                \
  } while (false)
