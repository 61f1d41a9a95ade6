#include "model/inline_functions.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "model/invalid_model.h"
#include "model/proto_walk.h"
#include "onnx/checker.h"
#include "onnx/inliner/inliner.h"

namespace consort {
namespace {

constexpr int64_t kMaxOps = 1'000'000;

using FunctionKey = std::tuple<std::string, std::string, std::string>;  // domain, name, overload
using FunctionMap = std::map<FunctionKey, const onnx::FunctionProto*>;

// Counts ops after expansion, each function once. Calls nest at most 100 deep: check_function_call_cycles.
class ExpansionCount {
 public:
  explicit ExpansionCount(const FunctionMap& functions) : functions_(functions) {}

  int64_t Of(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes) {
    int64_t total = 0;
    for (const auto& node : nodes) {
      total += OfCall(node);
      ForEachBody(node, [&](const onnx::GraphProto& body) { total += Of(body.node()); });
      if (total > kMaxOps) FailModel("{}: its functions expand to more than {} ops", Describe(node), kMaxOps);
    }
    return total;
  }

 private:
  int64_t OfCall(const onnx::NodeProto& node) {
    const auto function = functions_.find({node.domain(), node.op_type(), node.overload()});
    if (function == functions_.end()) return 1;
    const auto known = counts_.find(function->first);
    if (known != counts_.end()) return known->second;
    const int64_t count = Of(function->second->node());
    counts_.emplace(function->first, count);
    return count;
  }

  const FunctionMap& functions_;
  std::map<FunctionKey, int64_t> counts_;
};

// Domains that only functions import.
void AddOpsetImports(onnx::ModelProto& model) {
  std::set<std::string> imported;
  for (const auto& opset : model.opset_import()) imported.insert(opset.domain());
  for (const auto& function : model.functions()) {
    for (const auto& opset : function.opset_import()) {
      if (imported.insert(opset.domain()).second) *model.add_opset_import() = opset;
    }
  }
}

}  // namespace

bool InlineFunctions(onnx::ModelProto& model) {
  if (model.functions().empty()) return false;
  onnx::checker::check_function_call_cycles(model);
  FunctionMap functions;
  for (const auto& function : model.functions()) {
    functions[{function.domain(), function.name(), function.overload()}] = &function;
  }
  ExpansionCount(functions).Of(model.graph().node());
  AddOpsetImports(model);
  onnx::inliner::InlineLocalFunctions(model, /*convert_version=*/true);
  if (!model.functions().empty()) {
    const auto& left = model.functions(0);
    FailModel("function {} needs other opset versions than the model and cannot be inlined",
              Quote(left.domain() + "." + left.name()));
  }
  return true;
}

}  // namespace consort
