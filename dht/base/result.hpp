// A value or an error. Bytes from the network and from users end in these, never in exceptions or asserts.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "dht/base/assert.hpp"

namespace rondo {

/// Wraps an error so that `return Failure{error}` converts to any Result with that error type.
template <class E>
struct Failure {
  E error;
};
template <class E>
Failure(E) -> Failure<E>;

/// Either a T or an E. REQUIRES: value() only when ok(), error() only when not.
template <class T, class E = std::string>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure<E> failure) : content_(std::in_place_index<1>, std::move(failure.error)) {}
  template <class Other>
  Result(Failure<Other> failure) : content_(std::in_place_index<1>, std::move(failure.error)) {}

  [[nodiscard]] bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    RONDO_ASSERT(ok());
    return std::get<0>(content_);
  }
  const T& value() const& {
    RONDO_ASSERT(ok());
    return std::get<0>(content_);
  }
  T&& value() && {
    RONDO_ASSERT(ok());
    return std::get<0>(std::move(content_));
  }
  const E& error() const {
    RONDO_ASSERT(!ok());
    return std::get<1>(content_);
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, E> content_;
};

/// The result of an action that yields nothing but success.
struct Done {};

}  // namespace rondo
