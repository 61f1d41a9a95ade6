// A tensor as it comes from a file.
#ifndef CONSORT_IO_NAMED_TENSOR_H_
#define CONSORT_IO_NAMED_TENSOR_H_

#include <algorithm>
#include <string>
#include <vector>

#include "consort/buffer.h"

namespace consort {

// A tensor and the name that it has in its file; "" where the format has none.
struct NamedTensor {
  std::string name;
  Buffer tensor;
};

// The first of that name; nullptr when there is none.
inline const Buffer* FindTensor(const std::vector<NamedTensor>& tensors, const std::string& name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&name](const NamedTensor& one) { return one.name == name; });
  return found == tensors.end() ? nullptr : &found->tensor;
}

}  // namespace consort

#endif  // CONSORT_IO_NAMED_TENSOR_H_
