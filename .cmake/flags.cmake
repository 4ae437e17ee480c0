# How every target of this tree is compiled and linked.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# CMake would compile static libraries with -fPIC; all of ours end in executables.
add_compile_options(-fPIE)

add_compile_options(
  -Wall -Wextra -Wpedantic -Werror
  -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
  -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wcast-align -Wcast-qual
  -Wformat=2 -Wimplicit-fallthrough -Wextra-semi -Wunused)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wsuggest-override)
  # GCC bug 105651: g++ 12 sees overlapping copies in std::string's own operator+.
  add_compile_options(-Wno-restrict)
endif()

# Paths in asserts, logs and debug information are the tree's own, wherever it is checked out.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

# The standard library's own preconditions are checked like ours, in every build.
add_compile_definitions(_GLIBCXX_ASSERTIONS)

if(RONDO_HARDEN)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_compile_options(-fstack-protector-strong -fcf-protection)
  add_link_options(-Wl,-z,relro,-z,now)
endif()

if(RONDO_SANITIZE)
  add_compile_options(-fsanitize=${RONDO_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RONDO_SANITIZE})
endif()
if(RONDO_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(RONDO_LLD NAMES ld.lld)
if(RONDO_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# The base directory lets two checkouts share one cache.
find_program(RONDO_CCACHE NAMES ccache)
if(RONDO_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${RONDO_CCACHE})
endif()
