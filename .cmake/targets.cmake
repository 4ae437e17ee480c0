# The three kinds of targets: a library a folder, an executable a test folder, an umbrella over several libraries.

# rondo_library(NAME [PUBLIC lib...] [PRIVATE lib...] [EXCLUDE source...])
# The static library of the current folder: all its .cpp but EXCLUDE. PUBLIC: what its headers include.
# A folder that holds headers only, or nothing yet, becomes an INTERFACE target.
function(rondo_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PUBLIC;PRIVATE;EXCLUDE")
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  foreach(source IN LISTS arg_EXCLUDE)
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${source})
  endforeach()
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${arg_PUBLIC} ${arg_PRIVATE})
  endif()
endfunction()

# rondo_umbrella(NAME lib...): one name for several libraries.
function(rondo_umbrella name)
  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE ${ARGN})
endfunction()

# rondo_test(FOLDER lib...): tests/FOLDER/*.cpp as one GoogleTest program, `test_dht_chord` for dht/chord.
function(rondo_test folder)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  string(REPLACE "/" "_" name test_${folder})
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARGN} GTest::gtest_main rapidcheck)
  gtest_discover_tests(
    ${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX ${folder}:
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    PROPERTIES LABELS quick TIMEOUT 120)
endfunction()
