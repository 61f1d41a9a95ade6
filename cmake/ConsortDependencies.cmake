# Third-party libraries as imported targets. An installation of the user's own (CMAKE_PREFIX_PATH, *_DIR variables) is
# found before the prefix that scripts/setup.sh fills.
list(APPEND CMAKE_PREFIX_PATH ${CONSORT_DEPS_DIR}/onnx)

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(Protobuf REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libturbojpeg)

function(consort_missing what)
  message(FATAL_ERROR "${what} was not found. Run 'make setup', which fills ${CONSORT_DEPS_DIR}.")
endfunction()

# toml++: its headers alone, so that the limits it parses within are ours.
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h)
if(NOT TOMLPLUSPLUS_INCLUDE_DIR)
  consort_missing("toml++ (Debian's libtomlplusplus-dev)")
endif()
add_library(consort_toml INTERFACE)
target_include_directories(consort_toml SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR})

# ONNX: its own package file asks for a Protobuf configuration file that Debian does not ship.
find_library(ONNX_LIBRARY onnx)
find_library(ONNX_PROTO_LIBRARY onnx_proto)
find_path(ONNX_INCLUDE_DIR onnx/onnx_pb.h)
if(NOT ONNX_LIBRARY OR NOT ONNX_PROTO_LIBRARY OR NOT ONNX_INCLUDE_DIR)
  consort_missing("The ONNX C++ library")
endif()
add_library(consort_onnx INTERFACE)
target_include_directories(consort_onnx SYSTEM INTERFACE ${ONNX_INCLUDE_DIR})
target_compile_definitions(consort_onnx INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)
# The operator schemas register themselves from static objects that nothing refers to.
target_link_libraries(consort_onnx INTERFACE
  -Wl,--whole-archive ${ONNX_LIBRARY} -Wl,--no-whole-archive ${ONNX_PROTO_LIBRARY} protobuf::libprotobuf)

# Headers of the libraries that are loaded at run time.
find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_c_api.h PATHS ${CONSORT_DEPS_DIR}/onnxruntime/include PATH_SUFFIXES onnxruntime)
if(NOT ONNXRUNTIME_INCLUDE_DIR)
  consort_missing("ONNX Runtime's C header")
endif()
add_library(consort_onnxruntime_headers INTERFACE)
target_include_directories(consort_onnxruntime_headers SYSTEM INTERFACE ${ONNXRUNTIME_INCLUDE_DIR})

find_path(LITERT_INCLUDE_DIR tensorflow/lite/c/c_api.h PATHS ${CONSORT_DEPS_DIR}/litert/include)
if(NOT LITERT_INCLUDE_DIR)
  consort_missing("TensorFlow Lite's C header")
endif()
add_library(consort_litert_headers INTERFACE)
target_include_directories(consort_litert_headers SYSTEM INTERFACE ${LITERT_INCLUDE_DIR})

find_package(OpenVINO QUIET COMPONENTS Runtime PATHS ${CONSORT_DEPS_DIR}/openvino/cmake)
if(NOT OpenVINO_FOUND)
  consort_missing("OpenVINO")
endif()
