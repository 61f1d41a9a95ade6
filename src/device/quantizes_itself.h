// The ability of a device to see to integers itself.
#ifndef CONSORT_DEVICE_QUANTIZES_ITSELF_H_
#define CONSORT_DEVICE_QUANTIZES_ITSELF_H_

#include "consort/device.h"

namespace consort {

// Takes float models in whatever precision it is opened: nobody quantizes them for it.
class QuantizesItself {
 public:
  virtual ~QuantizesItself() = default;
  virtual bool quantizes_itself() const = 0;
};

inline bool DoesQuantizeItself(const Device& device) {
  const auto* able = dynamic_cast<const QuantizesItself*>(&device);
  return able != nullptr && able->quantizes_itself();
}

}  // namespace consort

#endif  // CONSORT_DEVICE_QUANTIZES_ITSELF_H_
