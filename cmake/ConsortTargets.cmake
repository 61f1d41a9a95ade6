# One function per kind of target, so that a folder's CMakeLists.txt names its files and what it depends on, nothing more.

add_library(consort_options INTERFACE)
target_include_directories(consort_options INTERFACE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_compile_options(consort_options INTERFACE -Wall -Wextra -Wno-missing-field-initializers)
if(CONSORT_WERROR)
  target_compile_options(consort_options INTERFACE -Werror)
endif()
if(CONSORT_SANITIZER)
  target_compile_options(consort_options INTERFACE -fsanitize=${CONSORT_SANITIZER} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(consort_options INTERFACE -fsanitize=${CONSORT_SANITIZER})
endif()

# base, model, … become consort_base, consort_model, …; names with "::" and full target names stay.
function(consort_targets out)
  list(TRANSFORM ARGN REPLACE "^(consort_)?([a-z_]+)$" "consort_\\2")
  set(${out} ${ARGN} PARENT_SCOPE)
endfunction()

# consort_test(NAME x SOURCES a_test.cc DEPS base [LABELS unit] [ARGS ...]): a GoogleTest program, registered with CTest.
function(consort_test)
  cmake_parse_arguments(arg "" "NAME;TIMEOUT" "SOURCES;DEPS;LABELS;ARGS;ENVIRONMENT" ${ARGN})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  consort_targets(deps ${arg_DEPS})
  target_link_libraries(${arg_NAME} PRIVATE consort_options ${deps} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${arg_NAME} PRIVATE CONSORT_SOURCE_DIR="${CMAKE_SOURCE_DIR}" CONSORT_BUILD_DIR="${CMAKE_BINARY_DIR}"
    CONSORT_DEPS_DIR="${CONSORT_DEPS_DIR}")
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME} ${arg_ARGS})
  if(CONSORT_SANITIZER)
    # Allocations that are too large fail as they do elsewhere; what engines, which are not instrumented, do among themselves is
    # not looked at; oneTBB loads its libraries in a way that sanitizers bear.
    list(APPEND arg_ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1" "TSAN_OPTIONS=allocator_may_return_null=1:ignore_noninstrumented_modules=1"
      "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/leaks.txt" "TBB_ENABLE_SANITIZERS=1")
  endif()
  set_tests_properties(${arg_NAME} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()

# consort_library(NAME model SOURCES ... TESTS ... DEPS base consort::x fmt::fmt PRIVATE_DEPS ...): one folder of src/.
# A dependency written as a bare lower-case word is another of these libraries. Unit tests stand beside their sources.
function(consort_library)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;TESTS;DEPS;PRIVATE_DEPS" ${ARGN})
  set(target consort_${arg_NAME})
  add_library(${target} STATIC ${arg_SOURCES})
  consort_targets(deps ${arg_DEPS})
  consort_targets(private_deps ${arg_PRIVATE_DEPS})
  target_link_libraries(${target} PUBLIC ${deps} PRIVATE consort_options ${private_deps})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  if(arg_TESTS)
    consort_test(NAME ${arg_NAME}_test SOURCES ${arg_TESTS} DEPS ${target} ${arg_PRIVATE_DEPS})
  endif()
endfunction()
