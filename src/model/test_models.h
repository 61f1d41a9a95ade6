// Small ONNX models as bytes, for the tests of every folder. All float32, opset 17, IR 8, values fixed (no randomness).
#ifndef CONSORT_MODEL_TEST_MODELS_H_
#define CONSORT_MODEL_TEST_MODELS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "consort/graph.h"
#include "consort/model.h"
#include "onnx/onnx_pb.h"

namespace consort::test {

// Builds one graph; also used on the bodies of control flow. Not owning: `model` outlives it.
class GraphWriter {
 public:
  explicit GraphWriter(onnx::GraphProto* graph) : graph_(graph) {}
  // Dimensions in text form: "?" unknown, a name symbolic, else a number.
  GraphWriter& Input(const std::string& name, const std::vector<std::string>& dims, int elem_type = 1);
  GraphWriter& Output(const std::string& name, const std::vector<std::string>& dims, int elem_type = 1);
  // Adds float32 values 0.01 * ((i * 7) % 23 - 11): small, of both signs.
  GraphWriter& Weight(const std::string& name, const std::vector<int64_t>& dims);
  GraphWriter& Int64(const std::string& name, const std::vector<int64_t>& values, bool scalar = false);
  onnx::NodeProto& Node(const std::string& type, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& name = "");
  onnx::GraphProto& graph() { return *graph_; }

 private:
  onnx::GraphProto* graph_;
};

// An empty model with opset imports; fill its graph with a GraphWriter.
onnx::ModelProto EmptyModel(const std::string& graph_name, int opset = 17, int ir_version = 8);
void AddInts(onnx::NodeProto& node, const std::string& name, const std::vector<int64_t>& values);
void AddInt(onnx::NodeProto& node, const std::string& name, int64_t value);
void AddText(onnx::NodeProto& node, const std::string& name, const std::string& value);
onnx::GraphProto* AddBody(onnx::NodeProto& node, const std::string& attribute, const std::string& graph_name);
std::string Bytes(const onnx::ModelProto& model);
inline std::span<const std::byte> AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// The model that errors call "test.onnx".
inline Model Parse(const std::string& bytes, const ModelOptions& options = {}) {
  return Model::Parse(AsBytes(bytes), "test.onnx", options);
}
inline Model Parse(const onnx::ModelProto& model, const ModelOptions& options = {}) {
  return Parse(Bytes(model), options);
}
// Of tensors; "" for one that was omitted.
inline std::vector<std::string> Names(const Graph& graph, const std::vector<TensorId>& ids) {
  std::vector<std::string> names;
  for (const TensorId id : ids) names.push_back(id == kNone ? "" : graph.tensor(id).name);
  return names;
}

// x[1,3,8,8] → Conv 3x3 pad 1, 4 channels (node "conv") → Relu ("relu") → y[1,4,8,8].
std::string ConvReluModel();
// x[m,k] × weight w[k,n] → y[m,n]. Node "matmul".
std::string MatMulModel(int64_t m, int64_t k, int64_t n);
// x[1,16] → n Relu and Add-of-a-weight ops in turn → y[1,16]. Nodes "op0" ….
std::string ChainModel(int n);
// x[1,4] → a = Relu(x); y = If(cond, then: a + w, else: a * 2 + x): both bodies capture outer tensors. Inputs x, cond
// (bool scalar).
std::string IfModel();
// y = x[1,4], then `trips` times y = y + step, step an outer tensor (Relu of x). Loop "loop" with a constant trip
// count.
std::string LoopModel(int64_t trips = 3);
// x[1,8] → a = Relu(x); b = Add(a, w); c = Mul(b, w); y = Add(c, a): `a` skips over two ops. Nodes "a", "b", "c",
// "sum".
std::string SkipModel();
// x[batch,8] × w[8,4] → Relu → y[batch,4]; batch symbolic.
std::string DynamicBatchModel();
// x → Identity → y, of the given shape.
std::string IdentityModel(const std::vector<int64_t>& shape = {1, 4});
// Inputs a[1,4] and b[1,4]; outputs sum = a + b and product = a * b.
std::string TwoInputModel();
// x[1,4], state[1,4] → next_state = state + x, y = next_state * 2: for state carried over a sequence.
std::string StatefulModel();
// An op of the domain "example.custom" between two Relus; no engine knows it.
std::string CustomOpModel();

}  // namespace consort::test

#endif  // CONSORT_MODEL_TEST_MODELS_H_
