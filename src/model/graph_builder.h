// Builds the Graph of a prepared ONNX graph. Structure: graph_builder.cc; figures: graph_costs.cc.
#ifndef CONSORT_MODEL_GRAPH_BUILDER_H_
#define CONSORT_MODEL_GRAPH_BUILDER_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "consort/graph.h"
#include "onnx/onnx_pb.h"

namespace consort {

// One graph, or one body inside it (then `outer` resolves what the body captures). The message must be sorted, named
// and typed; it outlives the builder. Used once: Build().
class GraphBuilder {
 public:
  explicit GraphBuilder(const onnx::GraphProto& proto, GraphBuilder* outer = nullptr) : proto_(proto), outer_(outer) {}

  // Throws kInvalidModel when a tensor would be larger than a tebibyte.
  Graph Build();

  // As Build, with the header of the model.
  static Graph Build(const onnx::ModelProto& model);

 private:
  // What the public Tensor does not tell.
  struct Facts {
    bool constant = false;
    bool captured = false;        // taken over from the outer graph
    int64_t parameter_bytes = 0;  // of a constant: what a model file holds for it (an estimate for computed ones)
    const onnx::TensorProto* value = nullptr;  // of an initializer or a Constant op
  };
  // What the bodies of one op add up to.
  struct BodyCost {
    OpCost cost;
    int ops = 0;
  };

  void CollectTypes();
  void AddInputs();
  void AddInitializers();
  void AddInitializer(const std::string& name, DataType dtype, const google::protobuf::RepeatedField<int64_t>& dims,
                      const onnx::TensorProto* value);
  void AddOp(const onnx::NodeProto& node);
  void AddOutputs(const onnx::NodeProto& node, Op& op);
  void MarkOutputs();
  void CountTotals();
  TensorId AddTensor(Tensor tensor, Facts facts);
  // The tensor of that name, taken over from the outer graph when it is captured.
  TensorId Resolve(const std::string& name);
  void CheckSize(const Tensor& tensor) const;

  bool IsConstant(const onnx::NodeProto& node, const Op& op) const;
  Facts OutputFacts(const onnx::NodeProto& node, const Op& op, const Tensor& output) const;
  // Everything but the bytes of operands, for which all consumers must be known.
  OpCost Cost(const onnx::NodeProto& node, Op& op);
  void AddOperandBytes(Op& op) const;
  static int64_t KnownBytes(const Tensor& tensor) { return std::max<int64_t>(tensor.bytes(), 0); }
  bool IsUsed(const Tensor& tensor) const { return tensor.is_output || !tensor.consumers.empty(); }
  bool IsParameter(TensorId id) const;
  BodyCost CostOfBodies(const onnx::NodeProto& node);
  BodyCost CostOfBody(const onnx::GraphProto& body);
  // Trips of a Loop or Scan where the model fixes them.
  std::optional<int64_t> TripCount(const onnx::NodeProto& node);
  std::optional<int64_t> ScalarValue(const std::string& name);

  const onnx::GraphProto& proto_;
  GraphBuilder* outer_;
  Graph graph_;
  std::vector<Facts> facts_;     // by TensorId
  int64_t body_parameters_ = 0;  // elements and bytes that bodies hold
  int64_t body_parameter_bytes_ = 0;
  std::unordered_map<std::string, const onnx::TypeProto*> types_;
};

}  // namespace consort

#endif  // CONSORT_MODEL_GRAPH_BUILDER_H_
