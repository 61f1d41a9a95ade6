// Editing an ONNX graph in place: who makes, reads and stores a tensor.
#ifndef CONSORT_QUANTIZE_GRAPH_EDIT_H_
#define CONSORT_QUANTIZE_GRAPH_EDIT_H_

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/onnx_pb.h"

namespace consort {

// An index over one graph for the length of one pass. Nodes that a pass removes stay in place until Finish; what is
// added or renamed later is not indexed. Names are unique over the graph and its bodies (as Model prepares it). `graph`
// outlives it.
class GraphEdit {
 public:
  explicit GraphEdit(onnx::GraphProto& graph);

  // nullptr for an input or a constant.
  onnx::NodeProto* Maker(const std::string& tensor) const;
  // Nodes of this graph, those whose bodies read the tensor included; once for each reading.
  const std::vector<onnx::NodeProto*>& Readers(const std::string& tensor) const;
  // nullptr unless the tensor is an initializer.
  onnx::TensorProto* Stored(const std::string& tensor) const;
  // The same when it holds float32 values.
  onnx::TensorProto* StoredFloats(const std::string& tensor) const;
  bool IsOutput(const std::string& tensor) const { return outputs_.contains(tensor); }
  // Read once, by a node, and not an output of the graph.
  bool IsReadOnce(const std::string& tensor) const { return Readers(tensor).size() == 1 && !IsOutput(tensor); }

  // The initializer that input `index` of the node reads gets these values. Where others read it, too, the node gets
  // one of its own.
  void Replace(onnx::NodeProto& node, int index, onnx::TensorProto values);
  // A name that nothing in the graph has: `base`, or with a number behind.
  std::string Fresh(const std::string& base);
  void Remove(const onnx::NodeProto& node) { removed_.insert(&node); }
  bool IsRemoved(const onnx::NodeProto& node) const { return removed_.contains(&node); }
  // Takes removed nodes out, and initializers that nobody reads any more. The index is spent.
  void Finish();

 private:
  void Index(onnx::NodeProto& node);

  onnx::GraphProto& graph_;
  std::unordered_map<std::string, onnx::NodeProto*> makers_;
  std::unordered_map<std::string, std::vector<onnx::NodeProto*>> readers_;
  std::unordered_map<std::string, onnx::TensorProto*> stored_;
  std::unordered_set<std::string> outputs_;
  std::unordered_set<std::string> names_;
  std::unordered_set<const onnx::NodeProto*> removed_;
};

// Every reading of tensor `from`, in bodies, too, becomes one of `to`.
void RedirectReaders(onnx::GraphProto& graph, const std::string& from, const std::string& to);

// Takes out initializers that neither a node, a body nor an output reads.
void DropUnreadInitializers(onnx::GraphProto& graph);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_GRAPH_EDIT_H_
