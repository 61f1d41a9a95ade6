#include "model/bind_dims.h"

#include <map>
#include <set>
#include <string>
#include <unordered_set>

#include "base/strings.h"
#include "model/invalid_model.h"
#include "model/proto_walk.h"
#include "model/value_types.h"

namespace consort {
namespace {

using Bindings = std::map<std::string, int64_t>;

template <typename... Args>
[[noreturn]] void FailArgument(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...));
}

std::string DescribeInput(const onnx::ValueInfoProto& input) {
  const ValueType type = FromOnnxType(input.type());
  std::string shape;
  for (size_t axis = 0; axis < type.spec.shape.size(); ++axis) {
    if (axis > 0) shape += 'x';
    const bool named = !type.dim_names[axis].empty();
    shape += named                               ? type.dim_names[axis]
             : type.spec.shape[axis] == kDynamic ? "?"
                                                 : std::to_string(type.spec.shape[axis]);
  }
  if (!type.has_rank) shape = "of any shape";
  return fmt::format("{} ({} {})", input.name(), ToString(type.spec.dtype), shape.empty() ? "scalar" : shape);
}

// Checks what is asked for against the inputs, and collects the value of every dimension name.
class Binder {
 public:
  explicit Binder(onnx::GraphProto& graph) : graph_(graph) {
    for (const auto* input : TrueInputs(graph)) {
      inputs_[input->name()] = const_cast<onnx::ValueInfoProto*>(input);  // of `graph`, which is ours to change
      for (const auto& name : FromOnnxType(input->type()).dim_names) {
        if (!name.empty()) dim_names_.insert(name);
      }
    }
  }

  void BindName(const std::string& name, int64_t size) {
    if (!dim_names_.contains(name)) {
      FailArgument("no symbolic dimension is called '{}'; the model's are: {}", name,
                   dim_names_.empty() ? "none" : Join({dim_names_.begin(), dim_names_.end()}));
    }
    CheckSize(size, "dimension '" + name + "'");
    SetName(name, size);
  }

  void BindShape(const std::string& name, const Shape& shape) {
    const auto input = name.empty() && inputs_.size() == 1 ? inputs_.begin() : inputs_.find(name);
    if (name.empty() && input == inputs_.end())
      FailArgument("shape {} needs the name of its input: {}", FormatShape(shape), DescribeInputs());
    if (input == inputs_.end()) FailArgument("no input is called '{}'; the model's are: {}", name, DescribeInputs());
    if (!input->second->type().has_tensor_type()) FailArgument("input '{}' is not a tensor and takes no shape", name);
    auto* target = input->second->mutable_type()->mutable_tensor_type();
    if (!target->has_shape()) {
      for (size_t axis = 0; axis < shape.size(); ++axis) target->mutable_shape()->add_dim();
      target->mutable_shape();
    }
    if (target->shape().dim_size() != static_cast<int>(shape.size())) {
      FailArgument("shape {} has {} axes, but input {} has {}", FormatShape(shape), shape.size(),
                   DescribeInput(*input->second), target->shape().dim_size());
    }
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] != kDynamic) BindAxis(*input->second, static_cast<int>(axis), shape[axis]);
    }
  }

  // Writes the named sizes wherever the names stand.
  void Apply() {
    ForEachMutableGraph(graph_, [&](onnx::GraphProto& graph) {
      for (auto* values : {graph.mutable_input(), graph.mutable_output(), graph.mutable_value_info()}) {
        for (auto& value : *values) ApplyTo(*value.mutable_type());
      }
    });
    for (const auto& [name, input] : inputs_) {
      const ValueType type = FromOnnxType(input->type());
      if (!IsStatic(type.spec.shape)) continue;
      const auto elements = CheckedProduct(type.spec.shape);
      const auto bytes = elements ? PackedBytes(*elements, BitWidth(type.spec.dtype)) : std::nullopt;
      if (!bytes || *bytes > kMaxTensorBytes)
        FailArgument("input {} would be larger than {}", DescribeInput(*input), FormatBytes(kMaxTensorBytes));
    }
  }

 private:
  static void CheckSize(int64_t size, const std::string& what) {
    if (size < 1) FailArgument("{} cannot be {}; sizes are 1 or more", what, size);
  }

  void SetName(const std::string& name, int64_t size) {
    const auto [entry, fresh] = bindings_.emplace(name, size);
    if (!fresh && entry->second != size)
      FailArgument("dimension '{}' is given as {} and as {}", name, entry->second, size);
  }

  void BindAxis(onnx::ValueInfoProto& input, int axis, int64_t size) {
    CheckSize(size, fmt::format("axis {} of input '{}'", axis, input.name()));
    auto* dim = input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(axis);
    if (dim->has_dim_value() && dim->dim_value() != size) {
      FailArgument("axis {} of input {} is fixed and cannot be {}", axis, DescribeInput(input), size);
    }
    if (dim->has_dim_param() && !dim->dim_param().empty()) {
      SetName(dim->dim_param(), size);
    } else {
      dim->set_dim_value(size);
    }
  }

  void ApplyTo(onnx::TypeProto& type) {
    if (type.has_sequence_type()) ApplyTo(*type.mutable_sequence_type()->mutable_elem_type());
    if (type.has_optional_type()) ApplyTo(*type.mutable_optional_type()->mutable_elem_type());
    if (!type.has_tensor_type() || !type.tensor_type().has_shape()) return;
    for (auto& dim : *type.mutable_tensor_type()->mutable_shape()->mutable_dim()) {
      const auto binding = dim.has_dim_param() ? bindings_.find(dim.dim_param()) : bindings_.end();
      if (binding != bindings_.end()) dim.set_dim_value(binding->second);
    }
  }

  std::string DescribeInputs() const {
    std::vector<std::string> texts;
    for (const auto& [name, input] : inputs_) texts.push_back(DescribeInput(*input));
    return texts.empty() ? "none" : Join(texts);
  }

  onnx::GraphProto& graph_;
  std::map<std::string, onnx::ValueInfoProto*> inputs_;
  std::set<std::string> dim_names_;
  Bindings bindings_;
};

}  // namespace

std::vector<const onnx::ValueInfoProto*> TrueInputs(const onnx::GraphProto& graph) {
  std::unordered_set<std::string_view> initializers;
  for (const auto& tensor : graph.initializer()) initializers.insert(tensor.name());
  for (const auto& sparse : graph.sparse_initializer()) initializers.insert(sparse.values().name());
  std::vector<const onnx::ValueInfoProto*> inputs;
  for (const auto& input : graph.input()) {
    if (!initializers.contains(input.name())) inputs.push_back(&input);
  }
  return inputs;
}

bool BindDims(onnx::GraphProto& graph, const ModelOptions& options) {
  if (options.dims.empty() && options.shapes.empty()) return false;
  Binder binder(graph);
  for (const auto& [name, size] : options.dims) binder.BindName(name, size);
  for (const auto& [name, shape] : options.shapes) binder.BindShape(name, shape);
  binder.Apply();
  return true;
}

}  // namespace consort
