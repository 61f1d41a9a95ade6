#include "bench/advice.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <memory>

#include "base/thread.h"
#include "consort/error.h"
#include "model/model_rep.h"

namespace consort {
namespace {

constexpr double kSlowFirstRun = 3;
constexpr double kLongTail = 2;
constexpr double kLargeShare = 0.20;
constexpr double kGainWorthSaying = 1.05;
constexpr TimeNs kExtraNs = 300'000'000;
constexpr int kRounds = 15;

// y = x, four floats: a call in which the kernels do nothing.
Artifact IdentityArtifact() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("identity");
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type("Identity");
  node.add_input("x");
  node.add_output("y");
  const auto describe = [](onnx::ValueInfoProto& value, const char* name) {
    value.set_name(name);
    onnx::TypeProto_Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(onnx::TensorProto::FLOAT);
    tensor.mutable_shape()->add_dim()->set_dim_value(1);
    tensor.mutable_shape()->add_dim()->set_dim_value(4);
  };
  describe(*graph.add_input(), "x");
  describe(*graph.add_output(), "y");
  return Artifact(ModelOf(model, "identity.onnx"));
}

std::vector<Buffer> Zeros(const Signature& signature) {
  std::vector<Buffer> inputs;
  for (const Port& port : signature.inputs) inputs.push_back(Buffer::Allocate(port.spec));
  return inputs;
}

MeterOptions ShortMeter() { return {.time_ns = kExtraNs, .min_blocks = 5}; }

SubjectOptions OptionsFor(const BenchRow& row) {
  SubjectOptions options = row.options;
  options.strict = false;
  options.compile.prove_placement = false;
  options.compile.threads = row.threads;
  return options;
}

void AddCallCost(const AdviceSource& source, const BenchRow& row, std::vector<Advice>& advice) {
  if (source.model.artifact.kind() != ArtifactKind::kOnnx) return;
  Subject subject(source.registry, source.target, IdentityArtifact(), OptionsFor(row), Zeros);
  const ThreadScope scope(subject.caller_cores(), row.options.compile.flush_denormals);
  Meter meter(source.gate, ShortMeter());
  Warm([&subject] { subject.Query(); }, kExtraNs / 10, kExtraNs);
  meter.RunSegment(OneAtATime([&subject] { subject.Query(); }));
  const MeterSummary summary = meter.Summarise();
  const double share = summary.median_ns.estimate / row.measured.median_ns.estimate;
  if (!summary.unstable.empty() || share < kLargeShare) return;
  advice.push_back(
      {"call_bound", fmt::format("a call that computes nothing takes {:.3g} µs here, {:.0f} % of the median",
                                 summary.median_ns.estimate / 1000, 100 * share)});
}

// One worker per core, one thread each, as one workload.
class WorkerPerCore {
 public:
  WorkerPerCore(const AdviceSource& source, const BenchRow& row) {
    ScenarioSetup setup{.batch = row.batch};
    SubjectOptions options = OptionsFor(row);
    options.compile.threads = 1;
    for (const ReplicaPlan& plan : DivideTarget(source.target, row.cores.size(), 1).replicas) {
      subjects_.push_back(
          std::make_unique<Subject>(source.registry, plan.target, source.model.artifact, options, source.inputs));
      Subject* subject = subjects_.back().get();
      const ThreadScope scope(subject->caller_cores(), options.compile.flush_denormals);
      Warm([subject] { subject->Query(); }, kExtraNs / 10, kExtraNs);
      setup.replicas.push_back(
          {[subject] { subject->Query(); }, subject->caller_cores(), options.compile.flush_denormals});
    }
    scenario_ = MakeScenario(ScenarioKind::kConcurrent, setup);
  }
  BlockRunner runner() {
    return [this](TimeNs budget_ns, int64_t most, BlockSamples& samples) {
      // One untimed query for each, as whoever ran before left other data in the caches.
      scenario_->RunBlock(kNever, static_cast<int64_t>(subjects_.size()), samples);
      scenario_->RunBlock(budget_ns, most, samples);
    };
  }

 private:
  std::vector<std::unique_ptr<Subject>> subjects_;
  std::unique_ptr<Scenario> scenario_;
};

double SecondsPerSample(const BlockSamples& samples) {
  return static_cast<double>(samples.wall_ns) / static_cast<double>(std::max<int64_t>(1, samples.inferences));
}

// Both in turn, each first in every second round, so that a machine that slows down slows both; rounds that the gate
// refuses do not count.
void AddWorkers(const AdviceSource& source, const BenchRow& row, std::vector<Advice>& advice) {
  const int cores = row.cores.size();
  if (cores < 2 || row.threads != cores || source.target.device != "cpu") return;
  Subject all_cores(source.registry, source.target, source.model.artifact, OptionsFor(row), source.inputs);
  {
    const ThreadScope scope(all_cores.caller_cores(), row.options.compile.flush_denormals);
    Warm([&all_cores] { all_cores.Query(); }, kExtraNs / 10, kExtraNs);
  }
  WorkerPerCore workers(source, row);
  source.gate.FindChildren();
  const TimeNs block_ns = InfoOf(ScenarioKind::kConcurrent).block_ns(row.measured.median_ns.estimate, kExtraNs);
  const BlockRunner one = OneAtATime([&all_cores] { all_cores.Query(); }, row.batch);
  std::vector<double> apart, together;
  BlockSamples samples_one, samples_many;
  const BlockRunner run_many = workers.runner();
  const auto run_one = [&] {
    const ThreadScope scope(all_cores.caller_cores(), row.options.compile.flush_denormals);
    all_cores.Query();  // untimed: the workers left their data in the caches
    one(block_ns, kNever, samples_one);
  };
  for (int round = 0; round < kRounds; ++round) {
    source.gate.Begin();
    if (round % 2 == 0) run_one();
    run_many(block_ns, kNever, samples_many);
    if (round % 2 != 0) run_one();
    if (!source.gate.End().clean) continue;
    together.push_back(SecondsPerSample(samples_one));
    apart.push_back(SecondsPerSample(samples_many));
  }
  if (static_cast<int>(apart.size()) < kRounds / 3) return;
  const Interval ratio = PairedRatio(together, apart);
  if (ratio.estimate < kGainWorthSaying || ratio.low <= 1) return;
  advice.push_back(
      {"workers",
       fmt::format("{} workers of one thread do {:.0f} % more than one of {} threads (95 %: {:.0f} to {:.0f} "
                   "%): --concurrency {} where throughput counts",
                   cores, 100 * (ratio.estimate - 1), cores, 100 * (ratio.low - 1), 100 * (ratio.high - 1), cores)});
}

void AddFirstRun(const BenchRow& row, std::vector<Advice>& advice) {
  const Phase* first = row.Find("first_run");
  const double ratio = first == nullptr ? 0 : first->median_ns.estimate / row.measured.median_ns.estimate;
  if (ratio < kSlowFirstRun) return;
  advice.push_back(
      {"warm_up", fmt::format("the first run takes {:.3g}× the median: warm up before it matters", ratio)});
}

void AddTail(const BenchRow& row, std::vector<Advice>& advice) {
  const double p99 = row.measured.latencies.PercentileNs(99);
  const double ratio = p99 / row.measured.median_ns.estimate;
  if (!HasPercentile(row.measured.latencies, 99) || ratio < kLongTail) return;
  advice.push_back({"tail", fmt::format("p99 is {:.3g}× the median: look at the tail, not only at the median", ratio)});
}

void AddTransfers(const BenchRow& row, std::vector<Advice>& advice) {
  const Phase* in = row.Find("host_to_device");
  const Phase* out = row.Find("device_to_host");
  const Phase* whole = row.Find("end_to_end");
  for (const Phase* phase : {in, out, whole}) {
    if (phase == nullptr || !phase->not_measured.empty() || !phase->unstable.empty()) return;
  }
  // Each figure holds what measuring it costs.
  const double copies_ns = in->median_ns.estimate + out->median_ns.estimate - 2 * row.overhead_ns;
  const double whole_ns = whole->median_ns.estimate - row.overhead_ns;
  const double share = whole_ns < 10 * row.overhead_ns ? 0 : copies_ns / whole_ns;
  if (share < kLargeShare) return;
  advice.push_back(
      {"transfer_bound", fmt::format("copying inputs and outputs is {:.0f} % of an inference from end to end: write "
                                     "inputs into the bound buffers themselves",
                                     100 * std::min(1.0, share))});
}

}  // namespace

std::vector<Advice> AdviseFromRow(const BenchRow& row) {
  std::vector<Advice> advice;
  if (!row.unstable().empty() || row.scenario != ScenarioKind::kSingle || row.measured.median_ns.estimate <= 0)
    return advice;
  AddTransfers(row, advice);
  AddFirstRun(row, advice);
  AddTail(row, advice);
  return advice;
}

std::vector<Advice> Advise(const AdviceSource& source, const BenchRow& row) {
  std::vector<Advice> advice = AdviseFromRow(row);
  if (!row.unstable().empty() || row.scenario != ScenarioKind::kSingle || row.measured.median_ns.estimate <= 0)
    return advice;
  // What fails here fails without the row, whose figures stand.
  for (const auto add : {AddCallCost, AddWorkers}) {
    try {
      add(source, row, advice);
    } catch (const Error&) {
      continue;
    }
  }
  return advice;
}

}  // namespace consort
