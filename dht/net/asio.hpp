// The only door to Boost.Asio 1.74 for the drivers. Under C++20 g++ 12 needs <utility> before it, and it costs seconds
// to compile, so only .cpp files include this.
#pragma once

// clang-format off
#include <utility>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
// clang-format on
