#include "backends/converting/file_placement.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tflite/parse.h"

namespace consort {
namespace {

class Matching {
 public:
  Matching(const Placement& of_file, std::string_view tflite, const Graph& source, std::string asked)
      : of_file_(of_file), source_(source), asked_(std::move(asked)), told_(source.ops().size()) {
    const tflite::Contents contents = tflite::ParseContents(tflite, "the model's file");
    const tflite::SubgraphEntry& graph = contents.subgraphs.front();
    for (const OpPlacement& op : of_file_.ops) {
      if (op.op < 0 || op.op >= static_cast<int>(graph.operators.size())) continue;
      for (const int32_t tensor : graph.operators[static_cast<size_t>(op.op)].outputs) {
        if (tensor >= 0) maker_.emplace(graph.tensors[static_cast<size_t>(tensor)].name, &op);
      }
    }
  }

  // Readers stand behind what they read.
  Placement Run() {
    for (size_t i = told_.size(); i-- > 0;) told_[i] = Tell(static_cast<OpId>(i));
    Placement placement{.evidence = of_file_.evidence, .inserted = of_file_.inserted};
    for (size_t i = 0; i < told_.size(); ++i) {
      told_[i].op = static_cast<int>(i);
      told_[i].name = source_.ops()[i].name;
      told_[i].type = source_.ops()[i].type;
      placement.ops.push_back(std::move(told_[i]));
    }
    return placement;
  }

 private:
  OpPlacement Tell(OpId id) const {
    const Op& op = source_.op(id);
    if (op.constant)
      return Told(PlacementState::kEliminated, "folded into the file's constants");
    for (const TensorId output : op.outputs) {
      if (output == kNone) continue;
      const auto found = maker_.find(source_.tensor(output).name);
      if (found != maker_.end()) return *found->second;
    }
    return AsReaders(op);
  }

  OpPlacement AsReaders(const Op& op) const {
    const OpPlacement* first = nullptr;
    for (const TensorId output : op.outputs) {
      if (output == kNone) continue;
      for (const OpId reader : source_.tensor(output).consumers) {
        const OpPlacement& told = told_[static_cast<size_t>(reader)];
        if (first != nullptr && (told.state != first->state || told.got != first->got)) return Unknown();
        first = first == nullptr ? &told : first;
      }
    }
    if (first == nullptr) return Unknown();
    OpPlacement told = *first;
    if (told.state != PlacementState::kUnknown)
      told.why = fmt::format("written into the operator behind it{}{}", told.why.empty() ? "" : ": ", told.why);
    return told;
  }

  OpPlacement Unknown() const {
    return Told(PlacementState::kUnknown, "no operator of the file makes its output");
  }

  OpPlacement Told(PlacementState state, const std::string& why) const {
    OpPlacement told;
    told.state = state;
    told.asked = asked_;
    told.why = why;
    return told;
  }

  const Placement& of_file_;
  const Graph& source_;
  std::string asked_;
  std::map<std::string, const OpPlacement*> maker_;  // by tensor
  std::vector<OpPlacement> told_;
};

}  // namespace

Placement PlacementOfSource(const Placement& of_file, std::string_view tflite, const Graph& source,
                            const std::string& asked) {
  return Matching(of_file, tflite, source, asked).Run();
}

}  // namespace consort
