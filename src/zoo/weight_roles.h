// Which tensors of a graph are weights, and what each is for.
#ifndef CONSORT_ZOO_WEIGHT_ROLES_H_
#define CONSORT_ZOO_WEIGHT_ROLES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"

namespace consort::zoo {

enum class Role : uint8_t {
  kFilter,     // of Conv, ConvTranspose, Gemm, MatMul
  kBias,       // added to something
  kScale,      // multiplies something
  kMean,       // of a batch norm
  kVariance,   // of a batch norm
  kTable,      // rows that Gather picks
  kRecurrent,  // of LSTM, GRU, RNN
  kSlope,      // of PRelu
  kUnread,     // without values and without a role that is known
};

// One tensor that is to be seeded: an initializer, or the value of a Constant node.
struct Weight {
  onnx::TensorProto* tensor = nullptr;
  Role role = Role::kUnread;
  int output_axis = -1;  // of the tensor as it is stored: the axis of the filters; -1 where it is not known
};

// The weights of a graph, by name. Names that nodes give a weight on its way (Reshape, Transpose, Cast, …) lead to it.
struct Weights {
  std::map<std::string, Weight> by_name;
  std::map<std::string, std::string> names;  // name in a node's input → name of the weight

  // nullptr where `input` is no weight.
  const Weight* Find(const std::string& input) const;
};

// Makes initializers, without values, of the float32 tensors of more than one element that ConstantOfShape nodes made
// of a constant shape; before IR version 4 they become graph inputs too, and shapes that nothing reads any more go.
// Returns the value that each was made of, by name.
std::map<std::string, float> MakeInitializers(onnx::ModelProto& model);

// Finds them in the main graph; what is read in bodies of control flow only is left out. `graph` outlives the result.
// Tensors that are no weights: integers, scalars, what bounds or reshapes, masks (values of -1000 and below, or not
// finite).
Weights FindWeights(onnx::GraphProto& graph);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_WEIGHT_ROLES_H_
