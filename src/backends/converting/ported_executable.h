// An executable of other ports than the model has, made to take and give the model's tensors.
#ifndef CONSORT_BACKENDS_CONVERTING_PORTED_EXECUTABLE_H_
#define CONSORT_BACKENDS_CONVERTING_PORTED_EXECUTABLE_H_

#include <memory>

#include "consort/backend.h"
#include "consort/device.h"

namespace consort {

// `inner`, whose calls compute on the thread that starts them, behind `ports`: a port stands for the inner one at its
// place, which holds the same real numbers in another type, layout or quantization (Conversion). The result has
// NativePorts. `inner`'s signature tells layouts. Throws kUnsupported naming a port that cannot be converted.
std::unique_ptr<Executable> MakePorted(std::shared_ptr<Executable> inner, Signature ports, Placement placement,
                                       const ExecutableOptions& options);

// `inner` under another signature and placement: the same ports, told better.
std::shared_ptr<Executable> MakeRetold(std::shared_ptr<Executable> inner, Signature ports, Placement placement);

}  // namespace consort

#endif  // CONSORT_BACKENDS_CONVERTING_PORTED_EXECUTABLE_H_
