// The numbers of a device that computes in integers, where none is.
#ifndef CONSORT_EMULATE_INTEGER_NUMBERS_H_
#define CONSORT_EMULATE_INTEGER_NUMBERS_H_

#include <functional>
#include <memory>
#include <string>

#include "consort/device.h"
#include "consort/model.h"
#include "consort/registry.h"

namespace consort {

// What computes the integer form of a float model in an emulated device's place.
struct IntegerNumbers {
  std::shared_ptr<Executable> executable;  // of the model's own ports
  std::string from;                        // "cpu@litert, in int8"
};

// Makes it; `host` is the device that would compute the float model. Thread-safe.
using MakeIntegerNumbers = std::function<IntegerNumbers(const Model& model, Device& host, const CompileOptions& compile,
                                                        const OpenOptions& open)>;

}  // namespace consort

#endif  // CONSORT_EMULATE_INTEGER_NUMBERS_H_
