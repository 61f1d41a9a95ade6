// A tensor as it comes from a file.
#ifndef CONSORT_IO_NAMED_TENSOR_H_
#define CONSORT_IO_NAMED_TENSOR_H_

#include <string>

#include "consort/buffer.h"

namespace consort {

// A tensor and the name that it has in its file; "" where the format has none.
struct NamedTensor {
  std::string name;
  Buffer tensor;
};

}  // namespace consort

#endif  // CONSORT_IO_NAMED_TENSOR_H_
