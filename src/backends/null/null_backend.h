// The null backend: the smallest complete backend, here to be copied (docs/adding_a_backend.md).
#ifndef CONSORT_BACKENDS_NULL_NULL_BACKEND_H_
#define CONSORT_BACKENDS_NULL_NULL_BACKEND_H_

#include <memory>

#include "consort/backend.h"

namespace consort {

// Offers the device `null`: it takes any ONNX model, computes nothing and gives zeros of the right shapes at once. What
// a run costs on it is what Consort itself costs.
std::unique_ptr<Backend> MakeNullBackend();

}  // namespace consort

#endif  // CONSORT_BACKENDS_NULL_NULL_BACKEND_H_
