#include "tflite/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "consort/error.h"

namespace consort::tflite {
namespace {

std::vector<int32_t> Sizes(const Shape& shape) {
  std::vector<int32_t> sizes;
  for (const int64_t size : shape) sizes.push_back(static_cast<int32_t>(size));
  return sizes;
}

template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string BytesOf(const ConstantTensor& constant) {
  if (constant.type == ElementType::kInt32) return BytesOf(constant.values);
  return BytesOf(std::vector<int8_t>(constant.values.begin(), constant.values.end()));
}

}  // namespace

Draft::Draft(const QdqGraph& graph, const Constants& constants)
    : graph_(graph), constants_(constants), forms_(graph.values.size()) {
  contents_.subgraphs.push_back({.name = "main"});
  contents_.buffers.emplace_back();
}

// --- Values ---------------------------------------------------------------------------------------------------------

int Draft::Remember(ValueId id, Arrangement arrangement, int tensor) {
  forms_[static_cast<size_t>(id)].push_back({tensor, std::move(arrangement)});
  return tensor;
}

int Draft::Take(ValueId id, const Order& order) {
  const Shape& shape = value(id).shape;
  for (const Form& form : forms_[static_cast<size_t>(id)]) {
    if (form.arrangement.shape == shape && form.arrangement.order == order) return form.tensor;
  }
  const Form from = Unfolded(id);
  if (from.arrangement.order == order) return from.tensor;
  if (SameInMemory(shape, from.arrangement.order, order)) {
    const int to = AddTensor(value(id).name, InOrder(shape, order), value(id).affine);
    AddReshape(from.tensor, to);
    return Remember(id, {shape, order}, to);
  }
  return Remember(id, {shape, order}, Transposed(from, id, order));
}

int Draft::Transposed(const Form& from, ValueId id, const Order& order) {
  const Shape& shape = value(id).shape;
  std::vector<int64_t> places;
  for (const int axis : order) places.push_back(PlaceOf(from.arrangement.order, axis));
  const int to = AddTensor(value(id).name + "_transposed", InOrder(shape, order), value(id).affine);
  const int version = shape.size() > 4 ? 4 : 2;
  AddOperator(Builtin::kTranspose, version, {from.tensor, AddInts(places)}, {to}, {.table = OptionsTable::kTranspose});
  return to;
}

// The value with its own axes, in whatever order is at hand.
Form Draft::Unfolded(ValueId id) {
  const Shape& shape = value(id).shape;
  const Form from = native(id);
  if (from.arrangement.shape == shape) return from;
  const auto step = [&](const Shape& sizes) {
    return AddTensor(value(id).name + "_reshaped", sizes, value(id).affine);
  };
  if (const auto order = OrderFor(from.arrangement, shape)) {
    const int to = step(InOrder(shape, *order));
    AddReshape(from.tensor, to);
    Remember(id, {shape, *order}, to);
    return {to, {shape, *order}};
  }
  // The axes of the image that it was made of, in their own order, and then the value's.
  const auto& [view, order] = from.arrangement;
  const int image = step(InOrder(view, order));
  AddReshape(from.tensor, image);
  std::vector<int64_t> places;
  for (size_t axis = 0; axis < order.size(); ++axis) places.push_back(PlaceOf(order, static_cast<int>(axis)));
  const int plain = step(view);
  AddOperator(Builtin::kTranspose, view.size() > 4 ? 4 : 2, {image, AddInts(places)}, {plain},
              {.table = OptionsTable::kTranspose});
  const int to = step(shape);
  AddReshape(plain, to);
  Remember(id, {shape, PlainOrder(shape.size())}, to);
  return {to, {shape, PlainOrder(shape.size())}};
}

int Draft::Define(ValueId id, const Order& order) {
  if (order.size() != value(id).shape.size()) throw Refusal{"its output has other axes than it makes"};
  const int tensor = AddTensor(value(id).name, InOrder(value(id).shape, order), value(id).affine);
  return Remember(id, {value(id).shape, order}, tensor);
}

int Draft::DefineAs(ValueId id, const Arrangement& arrangement) {
  const Shape& shape = value(id).shape;
  if (const auto order = OrderFor(arrangement, shape)) return Define(id, *order);
  if (IsPlain(arrangement)) return Define(id, PlainOrder(shape.size()));
  return Remember(id, arrangement, AddTensor(value(id).name, shape, value(id).affine));
}

void Draft::Settle(ValueId id, int tensor, const Order& order) {
  if (AffineOf(tensor) == value(id).affine) {
    Remember(id, {value(id).shape, order}, tensor);
    return;
  }
  this->tensor(tensor).name += "_before_quantize";
  AddQuantize(tensor, Define(id, order));
}

// --- Tensors --------------------------------------------------------------------------------------------------------

int Draft::AddTensor(const std::string& name, const Shape& shape, const Affine& affine, ElementType type) {
  TensorEntry entry = {.name = name, .shape = Sizes(shape), .type = type};
  if (type != ElementType::kFloat32) {
    entry.scale = {affine.scale};
    entry.zero_point = {affine.zero_point};
  }
  subgraph().tensors.push_back(std::move(entry));
  return static_cast<int>(subgraph().tensors.size()) - 1;
}

int Draft::AddConstant(const ConstantTensor& constant, int zero_point) {
  subgraph().tensors.push_back({.name = constant.name,
                                .shape = Sizes(constant.shape),
                                .type = constant.type,
                                .buffer = AddBuffer(BytesOf(constant)),
                                .scale = constant.scale,
                                .zero_point = std::vector<int64_t>(constant.scale.size(), zero_point),
                                .axis = constant.axis});
  return static_cast<int>(subgraph().tensors.size()) - 1;
}

int Draft::AddInts(const std::vector<int64_t>& values, const Shape& shape) {
  const Shape sizes = shape.empty() ? Shape{static_cast<int64_t>(values.size())} : shape;
  const auto [found, is_new] = ints_.try_emplace({sizes, values}, kNone);
  if (!is_new) return found->second;
  const ConstantTensor constant = {.name = fmt::format("ints_{}", ints_.size()),
                                   .shape = sizes,
                                   .type = ElementType::kInt32,
                                   .values = {values.begin(), values.end()}};
  return found->second = AddConstant(constant);
}

Affine Draft::AffineOf(int tensor) const {
  const TensorEntry& entry = contents_.subgraphs.front().tensors[static_cast<size_t>(tensor)];
  return {entry.scale.front(), static_cast<int>(entry.zero_point.front())};
}

uint32_t Draft::AddBuffer(std::string data) {
  contents_.buffers.push_back(data_.emplace_back(std::move(data)));
  return static_cast<uint32_t>(contents_.buffers.size()) - 1;
}

void Draft::AddMetadata(const std::string& name, const std::string& text) {
  contents_.metadata.push_back({.name = name, .buffer = AddBuffer(text)});
}

// --- Operators ------------------------------------------------------------------------------------------------------

uint32_t Draft::CodeOf(Builtin builtin, int version) {
  const CodeEntry code = {.builtin = static_cast<int32_t>(builtin), .version = version};
  const auto found = std::find(contents_.codes.begin(), contents_.codes.end(), code);
  if (found != contents_.codes.end()) return static_cast<uint32_t>(found - contents_.codes.begin());
  contents_.codes.push_back(code);
  return static_cast<uint32_t>(contents_.codes.size()) - 1;
}

void Draft::AddOperator(Builtin builtin, int version, const std::vector<int32_t>& inputs,
                        const std::vector<int32_t>& outputs, const Options& options) {
  subgraph().operators.push_back(
      {.code = CodeOf(builtin, version), .inputs = inputs, .outputs = outputs, .options = options});
}

void Draft::AddReshape(int from, int to) {
  const std::vector<int32_t> sizes = tensor(to).shape;
  AddOperator(Builtin::kReshape, 1, {from, AddInts({sizes.begin(), sizes.end()})}, {to},
              {.table = OptionsTable::kReshape,
               .list_field = static_cast<int>(ReshapeField::kNewShape),
               .list = sizes});
}

void Draft::AddQuantize(int from, int to) {
  AddOperator(Builtin::kQuantize, 1, {from}, {to}, {.table = OptionsTable::kQuantize});
}

}  // namespace consort::tflite
