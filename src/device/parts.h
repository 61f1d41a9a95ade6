// The ability of an executable that is made of others to tell them.
#ifndef CONSORT_DEVICE_PARTS_H_
#define CONSORT_DEVICE_PARTS_H_

#include <string>
#include <vector>

#include "consort/device.h"

namespace consort {

struct ExecutablePart {
  std::string file;
  Target target;
  Placement placement;
};

// They run one after the other in every call.
class InParts {
 public:
  virtual ~InParts() = default;
  virtual const std::vector<ExecutablePart>& parts() const = 0;
};

// Empty where the executable is one.
inline std::vector<ExecutablePart> PartsOf(const Executable& executable) {
  const auto* parts = dynamic_cast<const InParts*>(&executable);
  return parts == nullptr ? std::vector<ExecutablePart>{} : parts->parts();
}

}  // namespace consort

#endif  // CONSORT_DEVICE_PARTS_H_
