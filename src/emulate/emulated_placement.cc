#include "emulate/emulated_placement.h"

namespace consort {
namespace {

Placement Blank(const Graph& graph, const PlacementTexts& texts) {
  Placement placement{.evidence = texts.evidence};
  for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) {
    placement.ops.push_back({.op = id, .name = graph.op(id).name, .type = graph.op(id).type, .asked = texts.asked});
  }
  return placement;
}

}  // namespace

Placement EmulatedPlacement(const Graph& graph, const WorkList& works, const Estimate& estimate,
                            const PlacementTexts& texts) {
  Placement placement = Blank(graph, texts);
  for (OpPlacement& op : placement.ops) {
    op.state = PlacementState::kEliminated;
    op.why = graph.op(op.op).constant ? "emulated: folds to a constant"
                                      : "emulated: costs nothing, only the description of a tensor changes";
  }
  for (size_t i = 0; i < works.works.size(); ++i) {
    const std::string elsewhere = i < estimate.works.size() ? estimate.works[i].elsewhere : "";
    for (const OpId id : works.works[i].ops) {
      OpPlacement& op = placement.ops.at(id);
      op.state = elsewhere.empty() ? PlacementState::kAsAsked : PlacementState::kElsewhere;
      op.got = elsewhere.empty() ? texts.got : "the CPU beside it";
      op.kernel = works.works[i].name;
      op.why = elsewhere.empty() ? texts.why : "emulated: " + elsewhere;
    }
  }
  return placement;
}

Placement UnaskedPlacement(const Graph& graph, const PlacementTexts& texts) {
  Placement placement = Blank(graph, texts);
  for (OpPlacement& op : placement.ops) op.why = "placement was not asked for";
  return placement;
}

}  // namespace consort
