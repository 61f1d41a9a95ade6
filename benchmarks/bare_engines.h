// The engines as their own documentation uses them, without Consort: what plans are measured against.
#ifndef CONSORT_BENCHMARKS_BARE_ENGINES_H_
#define CONSORT_BENCHMARKS_BARE_ENGINES_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/named_tensor.h"
#include "measure/meter.h"

namespace consort {

// An engine with a model loaded and its inputs bound.
struct BareSide {
  std::string name;
  BlockRunner run;
  std::function<void()> settle;  // one untimed call
};

using BareMaker = std::function<BareSide(const std::filesystem::path& model, const std::vector<NamedTensor>& inputs)>;

struct BareEngine {
  std::string name;   // "onnxruntime default"
  bool is_default = false;
  BareMaker make;
};

// ONNX Runtime's C API with bound inputs: as it is by default, with one thread; for the throughput with a session of one
// thread for each core, each called from a thread of its own.
std::vector<BareEngine> BareOnnxRuntimes(bool throughput);

// OpenVINO's C++ API at fp32 inference precision: as it is by default, with one thread; for the throughput with the
// hint THROUGHPUT and as many requests in flight as the plugin asks for.
std::vector<BareEngine> BareOpenVinos(bool throughput);

}  // namespace consort

#endif  // CONSORT_BENCHMARKS_BARE_ENGINES_H_
