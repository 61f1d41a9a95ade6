#include "zoo/zoo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "base/strings.h"
#include "consort/error.h"
#include "consort/model.h"
#include "model/model_rep.h"
#include "zoo/constants.h"
#include "zoo/seed_weights.h"

namespace consort::zoo {
namespace {

std::vector<Architecture> AllFamilies() {
  std::vector<Architecture> all;
  for (Family family : {SeedFamily(), PlainFamily(), ResNetFamily(), MobileNetFamily(), InceptionFamily(),
                        DenseNetFamily(), UNetFamily(), TransformerFamily()}) {
    for (Architecture& architecture : family) all.push_back(std::move(architecture));
  }
  return all;
}

[[noreturn]] void Refuse(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

// In lower case, letters and digits only: "ResNet_50" and "resnet50" are "resnet-50".
std::string Plain(const std::string& name) {
  std::string plain;
  for (const unsigned char c : name) {
    if (std::isalnum(c) != 0) plain += static_cast<char>(std::tolower(c));
  }
  return plain;
}

// "resnet" of "resnet-50" and "ResNet50".
std::string Stem(const std::string& name) {
  const std::string plain = Plain(name);
  const auto end = std::find_if(plain.begin(), plain.end(), [](unsigned char c) { return std::isalpha(c) == 0; });
  return {plain.begin(), end};
}

[[noreturn]] void RefuseName(const std::string& name) {
  std::vector<std::string> all;
  std::vector<std::string> near;
  for (const Architecture& architecture : Architectures()) {
    const std::string& known = architecture.name;
    if (Plain(known) == Plain(name))
      Refuse(fmt::format("there is no architecture '{}': did you mean {}?", name, known));
    all.push_back(known);
    if (Stem(known) == Stem(name)) near.push_back(known);
  }
  Refuse(fmt::format("there is no architecture '{}': {}{}", name, near.empty() ? "there are " : "near are ",
                     Join(near.empty() ? all : near)));
}

const Architecture& Find(const std::string& name) {
  for (const Architecture& architecture : Architectures()) {
    if (architecture.name == name) return architecture;
  }
  RefuseName(name);
}

void CheckTaken(const Architecture& architecture, Choice choice, bool given) {
  const auto& choices = architecture.choices;
  if (!given || std::find(choices.begin(), choices.end(), choice) != choices.end()) return;
  std::vector<std::string> taken;
  for (const Choice other : choices) taken.push_back(OptionName(other));
  Refuse(fmt::format("{} takes no {}; it takes {}", architecture.name, OptionName(choice),
                     taken.empty() ? "none" : Join(taken)));
}

void CheckRange(Choice choice, const std::optional<int64_t>& value) {
  if (!value || (*value >= 1 && *value <= kLargestNumber)) return;
  Refuse(fmt::format("{} {} is not between 1 and {}", OptionName(choice), *value, kLargestNumber));
}

void Check(const Architecture& architecture, const MakeOptions& options) {
  CheckTaken(architecture, Choice::kSize, options.size.has_value());
  CheckTaken(architecture, Choice::kWidth, options.width.has_value());
  CheckTaken(architecture, Choice::kSide, options.side.has_value());
  CheckTaken(architecture, Choice::kScale, options.scale.has_value());
  CheckTaken(architecture, Choice::kSequence, options.sequence.has_value());
  // Sizes, widths, scales and sequences have bounds of their own in every network.
  CheckRange(Choice::kSide, options.side);
  if (options.batch != kDynamic && (options.batch < 1 || options.batch > kLargestNumber)) {
    Refuse(fmt::format("a batch of {} is neither '?' nor between 1 and {}", options.batch, kLargestNumber));
  }
}

onnx::ModelProto Build(const std::string& name, const MakeOptions& options) {
  const Architecture& architecture = Find(name);
  Check(architecture, options);
  LayerWriter net(name);
  architecture.build(net, options);
  return std::move(net).Finish();
}

// Running means and variances.
std::set<std::string> StatisticsOf(const onnx::GraphProto& graph) {
  std::set<std::string> names;
  for (const auto& node : graph.node()) {
    if (node.op_type() == "BatchNormalization") names.insert({node.input(3), node.input(4)});
  }
  return names;
}

// Weights without values become inputs, or the model would not be valid. Their elements are counted.
Costs DeclareWeights(onnx::GraphProto& graph) {
  Costs costs;
  const std::set<std::string> statistics = StatisticsOf(graph);
  auto* initializers = graph.mutable_initializer();
  const auto declare = [&](const onnx::TensorProto& tensor) {
    if (HasValues(tensor)) return false;
    auto* input = graph.add_input();
    input->set_name(tensor.name());
    auto* type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(tensor.data_type());
    for (const int64_t size : tensor.dims()) type->mutable_shape()->add_dim()->set_dim_value(size);
    costs.parameters += ElementsOf(tensor);
    if (statistics.count(tensor.name()) == 0) costs.trainable += ElementsOf(tensor);
    return true;
  };
  initializers->erase(std::remove_if(initializers->begin(), initializers->end(), declare), initializers->end());
  return costs;
}

// A weight without values becomes the output of a ConstantOfShape.
void ExpandWeights(onnx::GraphProto& graph) {
  std::vector<onnx::NodeProto> expansions;
  for (auto& tensor : *graph.mutable_initializer()) {
    if (HasValues(tensor)) continue;
    auto& node = expansions.emplace_back();
    node.set_op_type("ConstantOfShape");
    node.set_name(tensor.name() + "/expand");
    node.add_input(tensor.name() + "/shape");
    node.add_output(tensor.name());
    auto* value = node.add_attribute();
    value->set_name("value");
    value->set_type(onnx::AttributeProto::TENSOR);
    value->mutable_t()->set_data_type(tensor.data_type());
    value->mutable_t()->add_dims(1);
    value->mutable_t()->set_raw_data(std::string(4, '\0'));
    const std::vector<int64_t> dims(tensor.dims().begin(), tensor.dims().end());
    tensor.Clear();
    tensor.set_name(node.input(0));
    tensor.set_data_type(onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<int64_t>(dims.size()));
    for (const int64_t size : dims) tensor.add_int64_data(size);
  }
  auto* nodes = graph.mutable_node();
  const int computing = nodes->size();
  for (onnx::NodeProto& node : expansions) nodes->Add(std::move(node));
  std::rotate(nodes->begin(), nodes->begin() + computing, nodes->end());
}

}  // namespace

const std::vector<Architecture>& Architectures() {
  static const std::vector<Architecture> architectures = AllFamilies();
  return architectures;
}

std::string OptionName(Choice choice) {
  switch (choice) {
    case Choice::kSize:
      return "--size";
    case Choice::kWidth:
      return "--width";
    case Choice::kSide:
      return "--side";
    case Choice::kScale:
      return "--scale";
    case Choice::kSequence:
      return "--sequence";
  }
  return "";
}

onnx::ModelProto Make(const std::string& name, const MakeOptions& options) {
  onnx::ModelProto model = Build(name, options);
  try {
    SeedWeights(model, options.seed);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    throw Error(error.code(), fmt::format("{}: {}: make the network smaller", name, error.what()));
  }
  return model;
}

Model Structure(const std::string& name, const MakeOptions& options) { return StructureOf(Build(name, options), name); }

Model StructureOf(onnx::ModelProto network, const std::string& name) {
  ExpandWeights(*network.mutable_graph());
  return ModelOf(network, name);
}

Costs CostsOf(const std::string& name, const MakeOptions& options) {
  onnx::ModelProto model = Build(name, options);
  Costs costs = DeclareWeights(*model.mutable_graph());
  const GraphTotals totals = ModelOf(model, name).graph().totals();
  costs.macs = totals.macs;
  costs.parameters += totals.parameters;
  return costs;
}

}  // namespace consort::zoo
