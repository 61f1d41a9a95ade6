// LiteRT (TensorFlow Lite): .tflite files on the CPU and on Edge TPUs, through the C API of a library that is loaded at run time.
#ifndef CONSORT_BACKENDS_LITERT_LITERT_BACKEND_H_
#define CONSORT_BACKENDS_LITERT_LITERT_BACKEND_H_

#include <memory>

#include "consort/backend.h"

namespace consort {

// Device `cpu[:cores]` for .tflite artifacts. The library is the file named by CONSORT_LITERT_LIBRARY, else the one
// that `make setup` fetched, else libtensorflowlite_c.so of the system. XNNPACK computes what it can, except with
// Optimization::kNone; the built-in kernels the rest. A model's variable tensors live in the executable: all its
// bindings share them. Engine option: "xnnpack_flags", a number (TFLITE_XNNPACK_DELEGATE_FLAG_*). Device `edgetpu`: see
// edgetpu_device.h.
std::unique_ptr<Backend> MakeLiteRtBackend();

}  // namespace consort

#endif  // CONSORT_BACKENDS_LITERT_LITERT_BACKEND_H_
