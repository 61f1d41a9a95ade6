// The ability of an executable to go without the conversions at its ports.
#ifndef CONSORT_DEVICE_NATIVE_PORTS_H_
#define CONSORT_DEVICE_NATIVE_PORTS_H_

#include <memory>

#include "consort/device.h"

namespace consort {

// Its ports are the model's tensors; the device computes on tensors of other types, layouts or quantization, and every
// call converts. A session converts itself, where stages of one form do not follow one another, and traces it.
class NativePorts {
 public:
  virtual ~NativePorts() = default;
  // The same executable with the device's ports: as many, in the same order, of the same names. It lives on by itself,
  // and is not used at the same time as the other one.
  virtual std::shared_ptr<Executable> native() const = 0;
};

// nullptr where the ports are the device's own.
inline std::shared_ptr<Executable> NativeOf(const Executable& executable) {
  const auto* ported = dynamic_cast<const NativePorts*>(&executable);
  return ported == nullptr ? nullptr : ported->native();
}

}  // namespace consort

#endif  // CONSORT_DEVICE_NATIVE_PORTS_H_
