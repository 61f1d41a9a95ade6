// The pen that architectures are written with: layers by name, shapes followed as they are added.
#ifndef CONSORT_ZOO_LAYERS_H_
#define CONSORT_ZOO_LAYERS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consort/types.h"
#include "onnx/onnx_pb.h"

namespace consort::zoo {

// A tensor of the network under construction. Images are NCHW; axis 0 is the batch (kDynamic when it is symbolic).
struct Value {
  std::string name;
  Shape shape;
};

// What surrounds an image under a sliding window.
enum class Padding : uint8_t {
  kValid,      // nothing: only whole windows
  kSame,       // as TensorFlow's SAME: output = ceil(input / stride), the odd pixel at the end
  kSymmetric,  // as PyTorch's usual (size - 1) / 2 on every side
};

// The window of a convolution or a pooling.
struct Window {
  int64_t height = 1;
  int64_t width = 1;
  int64_t stride = 1;
  Padding padding = Padding::kSame;
};
inline Window Square(int64_t size, int64_t stride = 1, Padding padding = Padding::kSame) {
  return {size, size, stride, padding};
}

// Writes one network. Weights have shapes only until SeedWeights (zoo/seed_weights.h) gives them values. Every layer is
// named "<scope>/<type>_<n>" after the scopes that are open. Not thread-safe.
//
//   LayerWriter net("lenet", 17);
//   Value x = net.Input("image", {1, 1, 28, 28});
//   x = net.Relu(net.Conv(x, 6, Square(5), {.bias = true}));
//   net.Output("logits", net.Dense(net.Flatten(x), 10));
//   onnx::ModelProto model = std::move(net).Finish();
class LayerWriter {
 public:
  explicit LayerWriter(const std::string& name, int opset = 17);

  // A prefix for the names of the layers that follow, as long as it lives.
  class Scope {
   public:
    Scope(LayerWriter& net, const std::string& name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    LayerWriter& net_;
    size_t outer_length_;
  };

  // kDynamic at axis 0 becomes the symbolic dimension "batch"; any other dynamic axis is named by `dim_names`.
  Value Input(const std::string& name, const Shape& shape, DataType dtype = DataType::kFloat32,
              const std::vector<std::string>& dim_names = {});
  // Makes `value` a graph output of that name: its tensor is renamed, and `value` stays usable.
  void Output(const std::string& name, const Value& value, const std::vector<std::string>& dim_names = {},
              DataType dtype = DataType::kFloat32);

  struct ConvOptions {
    int64_t groups = 1;
    bool bias = false;  // false where a batch norm follows
    int64_t dilation = 1;
  };
  Value Conv(const Value& x, int64_t channels, const Window& window, const ConvOptions& options);
  Value Conv(const Value& x, int64_t channels, const Window& window) {
    return Conv(x, channels, window, ConvOptions());
  }
  // One filter per channel.
  Value Depthwise(const Value& x, const Window& window, bool bias = false);
  // Output = input × stride (2×2 or larger windows, as TensorFlow's SAME).
  Value ConvTranspose(const Value& x, int64_t channels, const Window& window, bool bias = false);
  Value BatchNorm(const Value& x, float epsilon = 1e-3F);
  Value LayerNorm(const Value& x, float epsilon = 1e-5F);  // over the last axis, with scale and bias
  // x[batch, n] → [batch, units]. For inputs of higher rank the last axis is replaced (MatMul and Add).
  Value Dense(const Value& x, int64_t units, bool bias = true);
  // ids (integers) → rows of a table: shape of ids, then `width`.
  Value Embedding(const Value& ids, int64_t rows, int64_t width);
  // A weight of its own, to be used with Op: small values when it is added, near 1 when it is multiplied with.
  Value Weight(const std::string& name, const Shape& shape);

  Value Relu(const Value& x);
  Value Relu6(const Value& x);
  Value Sigmoid(const Value& x);
  Value Tanh(const Value& x);
  Value Gelu(const Value& x);  // exact, by Erf: opset 17 has no Gelu
  Value Softmax(const Value& x, int64_t axis = -1);

  Value MaxPool(const Value& x, const Window& window);
  Value AveragePool(const Value& x, const Window& window);  // padding is not counted
  Value GlobalAveragePool(const Value& x);                  // N×C×1×1
  Value Flatten(const Value& x);                            // N×rest

  Value Add(const Value& a, const Value& b);  // NumPy broadcasting, as the following
  Value Mul(const Value& a, const Value& b);
  Value Scale(const Value& x, float factor);
  Value MatMul(const Value& a, const Value& b);
  Value Concat(const std::vector<Value>& parts, int64_t axis = 1);
  Value Transpose(const Value& x, const std::vector<int64_t>& order);
  // `target` as ONNX reads it: 0 keeps an axis, -1 takes what is left. `shape` of the result follows from it.
  Value Reshape(const Value& x, const std::vector<int64_t>& target);
  Value Slice(const Value& x, int64_t axis, int64_t begin, int64_t end);

  // Any other operator: the caller says the shape of its only output and fills in the attributes.
  Value Op(const std::string& type, const std::vector<Value>& inputs, const Shape& shape,
           onnx::NodeProto** node = nullptr);
  // Constants that keep their values when weights are seeded.
  Value ConstantInts(const std::string& name, const std::vector<int64_t>& values, bool scalar = false);
  Value ConstantFloat(const std::string& name, float value);

  // The model, weights without values; the writer is spent.
  onnx::ModelProto Finish() &&;

 private:
  // "<scope>/<type>_<n>", n counted from 1 within the scope.
  std::string NewName(std::string_view type);
  // The only node of a layer: named like its output.
  onnx::NodeProto* AddNode(const std::string& type, const std::string& name, const std::vector<std::string>& inputs);
  // A float tensor without values.
  std::string AddWeight(const std::string& name, const Shape& shape);
  // `name` where a layer of that name has not been renamed by Output.
  const std::string& Current(const std::string& name) const;
  void Rename(const std::string& from, const std::string& to);
  bool IsMadeHere(const std::string& name) const;
  void Claim(const std::string& name);  // throws kInternal when the name is taken
  Value Unary(const std::string& type, const Value& x);
  Value Binary(const std::string& type, const std::string& name, const Value& a, const Value& b);
  Value Scalar(const std::string& name, float value);  // `name` in full, as the following
  Value Ints(const std::string& name, const std::vector<int64_t>& values, bool scalar);
  Value Pool(const std::string& type, const Value& x, const Window& window);

  onnx::ModelProto model_;
  std::string scope_;
  std::map<std::string, int> counters_;         // by scope and type
  std::map<std::string, std::string> renamed_;  // layers that became outputs
  std::map<std::string, bool> names_;           // every tensor; true: made by a node
};

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_LAYERS_H_
