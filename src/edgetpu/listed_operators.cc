#include "edgetpu/listed_operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "tflite/operator_names.h"

namespace consort {
namespace {

// By the names of TensorFlow Lite's schema.
const std::set<std::string_view>& Listed() {
  static const std::set<std::string_view> listed = {"ADD",
                                                    "AVERAGE_POOL_2D",
                                                    "CONCATENATION",
                                                    "CONV_2D",
                                                    "DEPTHWISE_CONV_2D",
                                                    "EXPAND_DIMS",
                                                    "FULLY_CONNECTED",
                                                    "L2_NORMALIZATION",
                                                    "LOGISTIC",
                                                    "MAXIMUM",
                                                    "MAX_POOL_2D",
                                                    "MEAN",
                                                    "MINIMUM",
                                                    "MUL",
                                                    "PACK",
                                                    "PAD",
                                                    "PRELU",
                                                    "QUANTIZE",
                                                    "REDUCE_MAX",
                                                    "REDUCE_MIN",
                                                    "RELU",
                                                    "RELU6",
                                                    "RELU_N1_TO_1",
                                                    "RESHAPE",
                                                    "RESIZE_BILINEAR",
                                                    "RESIZE_NEAREST_NEIGHBOR",
                                                    "RSQRT",
                                                    "SLICE",
                                                    "SOFTMAX",
                                                    "SPACE_TO_DEPTH",
                                                    "SPLIT",
                                                    "SQUARED_DIFFERENCE",
                                                    "SQUEEZE",
                                                    "STRIDED_SLICE",
                                                    "SUB",
                                                    "SUM",
                                                    "TANH",
                                                    "TRANSPOSE",
                                                    "TRANSPOSE_CONV",
                                                    "UNIDIRECTIONAL_SEQUENCE_LSTM"};
  return listed;
}

std::string NameOf(const tflite::CodeEntry& code) {
  return code.custom.empty() ? std::string(tflite::BuiltinName(code.builtin)) : code.custom;
}

// Names of what operator `first` makes and of all that is made of it.
std::vector<std::string> Following(const tflite::SubgraphEntry& graph, size_t first) {
  std::set<int32_t> reached;
  std::vector<std::string> names;
  for (size_t i = first; i < graph.operators.size(); ++i) {
    const tflite::OperatorEntry& op = graph.operators[i];
    const bool follows = i == first || std::any_of(op.inputs.begin(), op.inputs.end(),
                                                   [&reached](int32_t input) { return reached.contains(input); });
    if (!follows) continue;
    for (const int32_t output : op.outputs) {
      reached.insert(output);
      if (output >= 0) names.push_back(graph.tensors[static_cast<size_t>(output)].name);
    }
  }
  return names;
}

}  // namespace

std::vector<std::string> UnlistedOperators(const tflite::AuditReport& report) {
  std::vector<std::string> unlisted;
  for (const tflite::OperatorCount& kind : report.kinds) {
    if (kind.on_edgetpu || Listed().contains(kind.name)) continue;
    unlisted.push_back(fmt::format("{} × {}", kind.count, kind.name));
  }
  return unlisted;
}

std::vector<UnlistedOperator> FindUnlisted(const tflite::Contents& contents) {
  std::vector<UnlistedOperator> unlisted;
  if (contents.subgraphs.empty()) return unlisted;
  const tflite::SubgraphEntry& graph = contents.subgraphs.front();
  for (size_t i = 0; i < graph.operators.size(); ++i) {
    const std::string name = NameOf(contents.code_of(graph.operators[i]));
    if (!Listed().contains(name)) unlisted.push_back({name, Following(graph, i)});
  }
  return unlisted;
}

}  // namespace consort
