#include "zoo/zoo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <span>
#include <utility>

#include "base/strings.h"
#include "consort/error.h"
#include "consort/model.h"
#include "zoo/constants.h"
#include "zoo/seed_weights.h"

namespace consort::zoo {
namespace {

constexpr int64_t kLargestNumber =
    65536;  // of sides and tokens: beyond, sizes would overflow long before memory sufficed
constexpr double kLargestWidth = 16;

std::vector<Architecture> AllFamilies() {
  std::vector<Architecture> all;
  for (Family family : {SeedFamily(), PlainFamily(), ResNetFamily(), MobileNetFamily(), InceptionFamily(),
                        DenseNetFamily(), UNetFamily(), TransformerFamily()}) {
    for (Architecture& architecture : family) all.push_back(std::move(architecture));
  }
  return all;
}

[[noreturn]] void Refuse(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

// "resnet" of "resnet-50" and "resnet50".
std::string Stem(const std::string& name) {
  const auto end = std::find_if(name.begin(), name.end(), [](unsigned char c) { return std::isalpha(c) == 0; });
  return {name.begin(), end};
}

const Architecture& Find(const std::string& name) {
  std::vector<std::string> all;
  std::vector<std::string> near;
  for (const Architecture& architecture : Architectures()) {
    if (architecture.name == name) return architecture;
    all.push_back(architecture.name);
    if (Stem(architecture.name) == Stem(name)) near.push_back(architecture.name);
  }
  Refuse(fmt::format("there is no architecture '{}': {}{}", name, near.empty() ? "there are " : "near are ",
                     Join(near.empty() ? all : near)));
}

std::string OptionOf(Choice choice) {
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

void CheckTaken(const Architecture& architecture, Choice choice, bool given) {
  const auto& choices = architecture.choices;
  if (!given || std::find(choices.begin(), choices.end(), choice) != choices.end()) return;
  std::vector<std::string> taken;
  for (const Choice other : choices) taken.push_back(OptionOf(other));
  Refuse(fmt::format("{} takes no {}; it takes {}", architecture.name, OptionOf(choice),
                     taken.empty() ? "none" : Join(taken)));
}

void CheckRange(Choice choice, const std::optional<int64_t>& value) {
  if (!value || (*value >= 1 && *value <= kLargestNumber)) return;
  Refuse(fmt::format("{} {} is not between 1 and {}", OptionOf(choice), *value, kLargestNumber));
}

void Check(const Architecture& architecture, const MakeOptions& options) {
  CheckTaken(architecture, Choice::kSize, options.size.has_value());
  CheckTaken(architecture, Choice::kWidth, options.width.has_value());
  CheckTaken(architecture, Choice::kSide, options.side.has_value());
  CheckTaken(architecture, Choice::kScale, options.scale.has_value());
  CheckTaken(architecture, Choice::kSequence, options.sequence.has_value());
  CheckRange(Choice::kSize, options.size);
  CheckRange(Choice::kSide, options.side);
  CheckRange(Choice::kSequence, options.sequence);
  if (options.width && !(*options.width > 0 && *options.width <= kLargestWidth)) {
    Refuse(fmt::format("--width {} is not above 0 and at most {}", *options.width, kLargestWidth));
  }
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

// Weights without values become inputs, or the model would not be valid. Returns their elements.
int64_t DeclareWeights(onnx::GraphProto& graph) {
  int64_t elements = 0;
  auto* initializers = graph.mutable_initializer();
  const auto declare = [&](const onnx::TensorProto& tensor) {
    if (HasValues(tensor)) return false;
    auto* input = graph.add_input();
    input->set_name(tensor.name());
    auto* type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(tensor.data_type());
    for (const int64_t size : tensor.dims()) type->mutable_shape()->add_dim()->set_dim_value(size);
    elements += ElementsOf(tensor);
    return true;
  };
  initializers->erase(std::remove_if(initializers->begin(), initializers->end(), declare), initializers->end());
  return elements;
}

}  // namespace

const std::vector<Architecture>& Architectures() {
  static const std::vector<Architecture> architectures = AllFamilies();
  return architectures;
}

onnx::ModelProto Make(const std::string& name, const MakeOptions& options) {
  onnx::ModelProto model = Build(name, options);
  SeedWeights(model, options.seed);
  return model;
}

Costs CostsOf(const std::string& name, const MakeOptions& options) {
  onnx::ModelProto model = Build(name, options);
  const int64_t weights = DeclareWeights(*model.mutable_graph());
  const std::string bytes = model.SerializeAsString();
  const GraphTotals totals = Model::Parse(std::as_bytes(std::span(bytes)), name).graph().totals();
  return {totals.macs, totals.parameters + weights};
}

}  // namespace consort::zoo
