#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "bench/plan_subject.h"
#include "onnx/onnx_pb.h"
#include "profile/profiler.h"

namespace consort {
namespace {

constexpr int64_t kFewElements = 16;             // 64 bytes
constexpr int64_t kManyElements = int64_t{1} << 20;  // 4 MiB
constexpr double kHandOvers = 3;                 // caller → first stage → second stage → caller
constexpr int kBlocks = 5;
constexpr double kNsPerS = 1e9;

// x → Relu → t → Relu → y, of that many floats.
Model TwoRelus(int64_t elements) {
  onnx::ModelProto proto;
  proto.set_ir_version(8);
  proto.add_opset_import()->set_version(13);
  onnx::GraphProto& graph = *proto.mutable_graph();
  graph.set_name("link probe");
  const auto set_type = [elements](onnx::ValueInfoProto& value, const char* name) {
    value.set_name(name);
    onnx::TypeProto_Tensor& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_value(1);
    type.mutable_shape()->add_dim()->set_dim_value(elements);
  };
  set_type(*graph.add_input(), "x");
  set_type(*graph.add_output(), "y");
  const auto add_relu = [&graph](const char* from, const char* to) {
    onnx::NodeProto& node = *graph.add_node();
    node.set_op_type("Relu");
    node.add_input(from);
    node.add_output(to);
  };
  add_relu("x", "t");
  add_relu("t", "y");
  std::string bytes;
  proto.SerializeToString(&bytes);
  return Model::Parse(std::as_bytes(std::span(bytes)), "link probe");
}

Plan TwoStages(const Target& from, const Target& to) {
  Plan plan{.strategy = Strategy::kPipeline};
  plan.stages.push_back({.begin = 0, .end = 1, .replicas = {{.target = from, .threads = 1}}});
  plan.stages.push_back({.begin = 1, .end = 2, .replicas = {{.target = to, .threads = 1}}});
  return plan;
}

// What a sample takes besides its calls, of the best block.
double SecondsBesideCalls(const Registry& registry, const Plan& plan, int64_t elements, TimeNs time_ns,
                          const OpenOptions& open) {
  const Model model = TwoRelus(elements);
  PrepareOptions options{.open = open};
  options.compile.prove_placement = false;
  PlanSubject subject(registry, plan, model.graph(), [&model](int64_t) { return model; }, options,
                      SeededInputs(0));
  const auto busy_ns = [&subject] {
    TimeNs sum = 0;
    for (const auto& stage : subject.session().report().stages) {
      for (const ReplicaReport& replica : stage) sum += replica.busy_ns;
    }
    return sum;
  };
  Clock& clock = Clock::Real();
  double best_s = std::numeric_limits<double>::infinity();
  for (int block = 0; block < kBlocks; ++block) {
    const TimeNs busy_before_ns = busy_ns();
    const TimeNs start_ns = clock.NowNs();
    int64_t samples = 0;
    TimeNs wall_ns = 0;
    do {
      subject.Query();
      ++samples;
      wall_ns = clock.NowNs() - start_ns;
    } while (wall_ns < time_ns / kBlocks);
    const auto beside_ns = static_cast<double>(wall_ns - (busy_ns() - busy_before_ns));
    best_s = std::min(best_s, std::max(0.0, beside_ns) / kNsPerS / static_cast<double>(samples));
  }
  return best_s;
}

}  // namespace

LinkEntry ProbeLink(const Registry& registry, const Target& from, const Target& to, TimeNs time_ns,
                    const OpenOptions& open) {
  const Plan plan = TwoStages(from, to);
  const double few_s = SecondsBesideCalls(registry, plan, kFewElements, time_ns, open) / kHandOvers;
  const double many_s = SecondsBesideCalls(registry, plan, kManyElements, time_ns, open) / kHandOvers;
  const double bytes = static_cast<double>(kManyElements - kFewElements) * sizeof(float);
  LinkEntry link{.from = from.ToString(), .to = to.ToString(), .latency_s = few_s};
  // Where more bytes do not take longer than the probe can tell, nothing is copied.
  if (many_s > 2 * few_s) link.bytes_per_s = bytes / (many_s - few_s);
  return link;
}

}  // namespace consort
