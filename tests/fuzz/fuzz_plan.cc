// Fuzz target: bytes as a plan file for a chain of six ops. What is read is whole, and is the same when it is written
// and read again.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"
#include "plan/plan_json.h"

namespace {

const consort::Model& Chain() {
  static const consort::Model model =
      consort::Model::Parse(consort::test::AsBytes(consort::test::ChainModel(6)), "chain.onnx");
  return model;
}

void Check(const consort::Plan& plan) {
  int end = 0;
  for (const consort::Stage& stage : plan.stages) {
    if (stage.begin != end || stage.end <= stage.begin || stage.replicas.empty()) std::abort();
    end = stage.end;
    double shares = 0;
    for (const consort::Replica& replica : stage.replicas) shares += replica.share;
    if (!(std::abs(shares - 1) < 1e-5)) std::abort();
  }
  if (end != static_cast<int>(Chain().graph().ops().size()) || plan.batch < 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const consort::Graph& graph = Chain().graph();
    const consort::Plan plan = consort::ParsePlan({reinterpret_cast<const char*>(data), size}, "fuzzed", graph);
    Check(plan);
    const std::string text = consort::FormatPlan(plan, graph);
    if (consort::FormatPlan(consort::ParsePlan(text, "written", graph), graph) != text) std::abort();
  } catch (const consort::Error&) {
  }
  return 0;
}
