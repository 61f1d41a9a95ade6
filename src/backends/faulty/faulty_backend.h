// A backend that fails on purpose, for tests of what surrounds it.
#ifndef CONSORT_BACKENDS_FAULTY_FAULTY_BACKEND_H_
#define CONSORT_BACKENDS_FAULTY_FAULTY_BACKEND_H_

#include <memory>

#include "consort/backend.h"

namespace consort {

// Offers the device `faulty`, whose unit names what goes wrong: `faulty:crash-run`. Otherwise it is the null device.
//   crash-compile, crash-run   SIGSEGV, as from an engine's defect
//   hang-compile, hang-run     never returns
//   lost                       every call ends with kDeviceLost
//   throw                      every call throws what is not a consort::Error
//   wrong                      outputs are noise, another at every call
//   slow                       every call takes 50 ms
// Part of a registry only when $CONSORT_TEST_BACKENDS is 1.
std::unique_ptr<Backend> MakeFaultyBackend();

}  // namespace consort

#endif  // CONSORT_BACKENDS_FAULTY_FAULTY_BACKEND_H_
