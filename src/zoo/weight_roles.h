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

// What is added to hide a position is far below any bias: values of this and below, or not finite, are a mask.
inline constexpr double kMask = -1000;

// One tensor that is to be seeded: an initializer, or the value of a Constant node.
struct Weight {
  onnx::TensorProto* tensor = nullptr;
  Role role = Role::kUnread;
  int output_axis = -1;  // of the tensor as it is stored: the axis of the filters; -1 where it is not known
  double fan_in = 1;     // numbers that one output sums over; of recurrent weights the hidden size
};

// The weights of a graph, by name; of what a body holds "<output of its node>/<attribute>/<name>". Names that nodes
// give a weight on its way (Reshape, Transpose, Cast, …) lead to it.
struct Weights {
  std::map<std::string, Weight> by_name;
  std::map<std::string, std::string> names;  // name in the input of a node of the main graph → name of the weight

  // nullptr where `input` is no weight.
  const Weight* Find(const std::string& input) const;
};

// Finds them in the main graph and in bodies of control flow. A tensor of the main graph that nodes there and in bodies
// read has the role it has in the main graph. `graph` outlives the result. Tensors that are no weights: integers,
// scalars, what bounds or reshapes, initial states, masks.
Weights FindWeights(onnx::GraphProto& graph);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_WEIGHT_ROLES_H_
