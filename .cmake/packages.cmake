# What comes from the system (Debian 12). Imported targets are SYSTEM: their headers raise no warnings.

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBTORRENT REQUIRED IMPORTED_TARGET libtorrent-rasterbar>=2.0.8)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)
find_package(rapidcheck REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# libtorrent as its users link it: OpenSSL stands on the link line of its own.
add_library(rondo_libtorrent INTERFACE)
target_link_libraries(rondo_libtorrent INTERFACE PkgConfig::LIBTORRENT OpenSSL::SSL OpenSSL::Crypto)

# Asio with the switches libtorrent was built with, so that a program that holds both has one Asio.
add_library(rondo_asio INTERFACE)
target_compile_definitions(rondo_asio INTERFACE BOOST_ASIO_ENABLE_CANCELIO BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(rondo_asio INTERFACE Boost::headers Threads::Threads)
