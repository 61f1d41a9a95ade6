// A .tflite model while it is being made from an integer graph.
#ifndef CONSORT_TFLITE_DRAFT_H_
#define CONSORT_TFLITE_DRAFT_H_

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tflite/contents.h"
#include "tflite/layout.h"
#include "tflite/qdq_graph.h"

namespace consort::tflite {

// Thrown by what lowers an operator: why it has no counterpart. Caught where all operators are gone through.
struct Refusal {
  std::string why;
};

// How a value of the integer graph lies in one tensor of the draft.
struct Form {
  int tensor = kNone;
  Arrangement arrangement;
};

// Constants of one tensor: what it holds, and its scales.
struct ConstantTensor {
  std::string name;
  Shape shape;
  ElementType type = ElementType::kInt8;
  std::vector<int32_t> values;
  std::vector<float> scale;
  int axis = 0;  // zero points are 0
};

// Collects tensors and operators, and remembers in which arrangements each value is there; makes RESHAPE and TRANSPOSE
// where a reader wants another one. The graph and its constants outlive it. One thread at a time.
class Draft {
 public:
  Draft(const QdqGraph& graph, const Constants& constants);

  const QdqGraph& graph() const { return graph_; }
  const Constants& constants() const { return constants_; }
  const QdqValue& value(ValueId id) const { return graph_.values[static_cast<size_t>(id)]; }

  // --- Values ---
  // The value as it was made first.
  const Form& native(ValueId id) const { return forms_[static_cast<size_t>(id)].front(); }
  bool has(ValueId id) const { return !forms_[static_cast<size_t>(id)].empty(); }
  // A tensor that holds the value's own axes in that order.
  int Take(ValueId id, const Order& order);
  int TakePlain(ValueId id) { return Take(id, PlainOrder(value(id).shape.size())); }
  // The tensor to be written with the value, its axes in that order. Throws Refusal for an order of another rank.
  int Define(ValueId id, const Order& order);
  // The tensor to be written with what lies as `arrangement`; the axes are the value's own in order where they fit.
  int DefineAs(ValueId id, const Arrangement& arrangement);
  // The value is what that tensor holds, its axes in that order; QUANTIZE where the tensor's scale or zero point is
  // not the value's.
  void Settle(ValueId id, int tensor, const Order& order);

  // --- Tensors ---
  int AddTensor(const std::string& name, const Shape& shape, const Affine& affine,
                ElementType type = ElementType::kInt8);
  int AddConstant(const ConstantTensor& constant, int zero_point = 0);
  // int32 values, once for equal ones; one axis unless `shape` says otherwise.
  int AddInts(const std::vector<int64_t>& values, const Shape& shape = {});
  Affine AffineOf(int tensor) const;
  TensorEntry& tensor(int index) { return subgraph().tensors[static_cast<size_t>(index)]; }

  // --- Operators ---
  void AddOperator(Builtin builtin, int version, const std::vector<int32_t>& inputs,
                   const std::vector<int32_t>& outputs, const Options& options = {});
  void AddReshape(int from, int to);
  // From one quantization to another.
  void AddQuantize(int from, int to);

  SubgraphEntry& subgraph() { return contents_.subgraphs.front(); }
  void AddMetadata(const std::string& name, const std::string& text);
  // Borrows from the draft.
  const Contents& contents() const { return contents_; }

 private:
  int Remember(ValueId id, Arrangement arrangement, int tensor);
  uint32_t AddBuffer(std::string data);
  uint32_t CodeOf(Builtin builtin, int version);
  int Transposed(const Form& from, ValueId id, const Order& order);
  Form Unfolded(ValueId id);

  const QdqGraph& graph_;
  const Constants& constants_;
  Contents contents_;
  std::deque<std::string> data_;          // of the buffers
  std::vector<std::vector<Form>> forms_;  // per value
  std::map<std::pair<Shape, std::vector<int64_t>>, int> ints_;
};

// Entries of an operator's options.
template <typename FieldOf>
OptionEntry IntOption(FieldOf field, int64_t value) {
  return {static_cast<int>(field), OptionEntry::Kind::kInt, static_cast<double>(value)};
}
template <typename FieldOf, typename Enum>
OptionEntry ByteOption(FieldOf field, Enum value) {
  return {static_cast<int>(field), OptionEntry::Kind::kByte, static_cast<double>(static_cast<int>(value))};
}
template <typename FieldOf>
OptionEntry BoolOption(FieldOf field, bool value) {
  return {static_cast<int>(field), OptionEntry::Kind::kBool, value ? 1.0 : 0.0};
}
template <typename FieldOf>
OptionEntry FloatOption(FieldOf field, float value) {
  return {static_cast<int>(field), OptionEntry::Kind::kFloat, static_cast<double>(value)};
}

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_DRAFT_H_
