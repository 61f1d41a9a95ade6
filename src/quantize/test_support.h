// What the tests of src/quantize share: models on an engine, tensors with values.
#ifndef CONSORT_QUANTIZE_TEST_SUPPORT_H_
#define CONSORT_QUANTIZE_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "io/compare.h"
#include "io/random_input.h"
#include "model/model_rep.h"
#include "model/node_queries.h"
#include "model/test_models.h"
#include "quantize/observe.h"
#include "quantize/qdq_writer.h"
#include "quantize/stored_values.h"

namespace consort::test {

inline CompileModel OnTarget(const std::string& target, Optimization optimization = Optimization::kFull) {
  return [target, optimization](const Model& model) -> RunModel {
    static const Registry registry = MakeBuiltinRegistry();
    const auto evaluator = std::make_shared<Evaluator>(
        registry, registry.Resolve(Target::Parse(target)), Artifact(model),
        SubjectOptions{.compile = {.optimization = optimization, .prove_placement = false}});
    return [evaluator](const std::vector<NamedTensor>& inputs) {
      std::vector<Buffer> buffers;
      for (const Port& port : evaluator->signature().inputs) {
        buffers.push_back(FindTensor(inputs, port.name)->Share());
      }
      return evaluator->Evaluate(std::move(buffers));
    };
  };
}

// ONNX Runtime on the CPU. `optimization` kNone computes each QuantizeLinear and DequantizeLinear as it stands.
inline CompileModel OnOnnxRuntime(Optimization optimization = Optimization::kFull) {
  return OnTarget("cpu@onnxruntime", optimization);
}

// Numbers in [-1, 1) from a seed, for each input of a model.
inline std::vector<NamedTensor> SeededSample(const Graph& graph, uint64_t seed) {
  std::vector<NamedTensor> sample;
  for (const TensorId id : graph.inputs()) {
    const Tensor& tensor = graph.tensor(id);
    Buffer values = RandomInput(tensor.spec, seed, tensor.name);
    if (tensor.spec.dtype == DataType::kFloat32) {
      for (float& value : values.as<float>()) value = 2 * value - 1;
    }
    sample.push_back({tensor.name, std::move(values)});
  }
  return sample;
}

inline Samples SeededSamples(const Graph& graph, int count, uint64_t first_seed = 0) {
  return {count, [&graph, first_seed](int index) {
            return SeededSample(graph, first_seed + static_cast<uint64_t>(index));
          }};
}

// SQNR of the first output of `value` against that of `reference`, on one seeded sample.
inline double SqnrOf(const Model& value, const Model& reference, uint64_t seed = 100) {
  const auto sample = SeededSample(reference.graph(), seed);
  const auto a = OnOnnxRuntime()(value)(sample), b = OnOnnxRuntime(Optimization::kBasic)(reference)(sample);
  return Compare(a.front().tensor, b.front().tensor).sqnr_db();
}

inline void AddFloats(onnx::ModelProto& model, const std::string& name, const std::vector<int64_t>& dims,
                      const std::vector<float>& values) {
  *model.mutable_graph()->add_initializer() = FloatTensor(name, dims, values);
}

// The only initializer of that name.
inline const onnx::TensorProto& Initializer(const onnx::ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return tensor;
  }
  throw std::runtime_error("no initializer " + name);
}

inline float ScaleOf(const onnx::ModelProto& model, const std::string& tensor) {
  return FloatsOf(Initializer(model, tensor + "_scale")).at(0);
}
// Of int8 and uint8 tensors.
inline std::vector<int> BytesOf(const onnx::TensorProto& tensor) {
  std::vector<int> values;
  for (const char byte : tensor.raw_data()) {
    values.push_back(tensor.data_type() == onnx::TensorProto::INT8 ? static_cast<int8_t>(byte)
                                                                    : static_cast<uint8_t>(byte));
  }
  return values;
}
inline int ZeroPointOf(const onnx::ModelProto& model, const std::string& tensor) {
  return BytesOf(Initializer(model, tensor + "_zero_point")).at(0);
}

inline std::vector<std::string> TypesOf(const onnx::ModelProto& model) {
  std::vector<std::string> types;
  for (const auto& node : model.graph().node()) types.push_back(node.op_type());
  return types;
}

}  // namespace consort::test

#endif  // CONSORT_QUANTIZE_TEST_SUPPORT_H_
