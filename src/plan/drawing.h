// Drawings of who runs what.
#ifndef CONSORT_PLAN_DRAWING_H_
#define CONSORT_PLAN_DRAWING_H_

#include <string>
#include <vector>

#include "consort/graph.h"
#include "plan/draft.h"
#include "plan/plan.h"

namespace consort {

// As text of at most 80 columns: the stages in the order of the data, the devices of each with their share of the
// samples, the time of a call and how busy they are; the tensors and bytes that cross; the bottleneck.
std::string DrawText(const Plan& plan, const Graph& graph, const std::vector<ResourceUse>& uses);

// As a self-contained SVG image.
std::string DrawSvg(const Plan& plan, const Graph& graph, const std::vector<ResourceUse>& uses);

// What both show of a stage.
struct StageSketch {
  std::string ops;   // "stage3/block2/Conv_1 … Dense_1"
  int op_count = 0;  // that compute
  struct Device {
    std::string name;
    std::string share;  // "93 %", "3 of 4", ""
    std::string time;   // of a call
    std::string converts;  // what of it goes into conversions: "3.1 µs into its form, 0.4 µs out of it"; ""
    double busy = 0;    // share of the time
    bool sets_pace = false;
  };
  std::vector<Device> devices;
};
std::vector<StageSketch> SketchOf(const Plan& plan, const Graph& graph);

// A target as people call it: of an emulated device its name alone.
std::string NameOf(const Target& target);
// With the threads of a call, where they are fewer than the target's cores: "cpu@openvino:1t".
std::string NameOf(const Replica& replica);
// The devices of a plan's stages: "a > b + c".
std::string DevicesOf(const Plan& plan);
// At most `width` characters; the middle is left out. Control characters become '?'.
std::string Shorten(const std::string& text, size_t width);
size_t Columns(const std::string& text);

}  // namespace consort

#endif  // CONSORT_PLAN_DRAWING_H_
