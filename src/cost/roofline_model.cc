#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "consort/error.h"
#include "cost/models.h"
#include "cost/parameters.h"

namespace consort {
namespace {

std::string PeakName(Precision precision) { return fmt::format("peak_{}", ToString(precision)); }

class RooflineModel : public CostModel {
 public:
  RooflineModel(const Platform& platform, const PlatformDevice& device)
      : device_(device), parameters_(device, RooflineSchema().parameters), path_(PathOf(platform, device)) {}

  Estimate Cost(const WorkList& works, const CostQuery& query) const override {
    const Precision precision = ChoosePrecision(device_, query);
    Estimate estimate;
    SetBand(parameters_, estimate);
    estimate.overhead_s = parameters_("call_overhead");
    estimate.latency_s = estimate.overhead_s;
    const double rate = ComputeRate(precision);
    estimate.works.reserve(works.works.size());
    for (const Work& work : works.works) {
      estimate.works.push_back(CostOf(work, precision, rate));
      estimate.latency_s += estimate.works.back().seconds;
    }
    AddTransfers(works, precision, query, estimate);
    estimate.joules = device_.active_power.value * estimate.latency_s;
    if (!works.known) estimate.notes.emplace_back("some shapes are not known: a lower bound");
    return estimate;
  }

 private:
  // Operations of a multiply-accumulate: two.
  double ComputeRate(Precision precision) const {
    if (!parameters_.has(PeakName(precision)))
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("device '{}' has no {}: add it under [device.cost]", device_.name, PeakName(precision)));
    return parameters_(PeakName(precision)) * parameters_("compute_efficiency");
  }

  WorkCost CostOf(const Work& work, Precision precision, double rate) const {
    WorkCost cost;
    const double bytes = static_cast<double>(work.parameters_read + work.inputs + work.outputs) *
                         static_cast<double>(ElementBytes(precision));
    cost.compute_seconds = 2.0 * static_cast<double>(work.macs) / rate;
    cost.memory_seconds = bytes / (parameters_("memory_bandwidth") * parameters_("memory_efficiency"));
    const double overhead = parameters_("op_overhead");
    const double busy = std::max(cost.compute_seconds, cost.memory_seconds);
    cost.seconds = busy + overhead;
    cost.bound = overhead > busy                               ? Bound::kOverhead
                 : cost.compute_seconds >= cost.memory_seconds ? Bound::kCompute
                                                               : Bound::kMemory;
    return cost;
  }

  void AddTransfers(const WorkList& works, Precision precision, const CostQuery& query, Estimate& estimate) const {
    const int64_t parameter_bytes = works.parameters * ElementBytes(precision);
    estimate.load_s = parameters_("load_overhead") + path_.out_s(parameter_bytes);
    if (!path_.host_memory) {
      estimate.input_bytes = works.input_bytes;
      estimate.output_bytes = works.output_bytes;
      estimate.input_s = path_.out_s(works.input_bytes);
      estimate.output_s = path_.back_s(works.output_bytes);
    }
    estimate.latency_s += estimate.input_s + estimate.output_s;
    if (query.weights_resident) return;
    estimate.streamed_bytes = path_.host_memory ? 0 : parameter_bytes;
    estimate.latency_s += estimate.load_s;
  }

  const PlatformDevice& device_;
  Parameters parameters_;
  TransferPath path_;
};

ParameterSpec Peak(const std::string& precision) {
  return {"peak_" + precision, Dimension::kComputeRate, false, 0, "peak rate in " + precision};
}

}  // namespace

const CostSchema& RooflineSchema() {
  static const CostSchema schema = {
      {Peak("fp32"),
       Peak("fp16"),
       Peak("bf16"),
       Peak("int8"),
       Peak("uint8"),
       {"compute_efficiency", Dimension::kRatio, true, 0, "share of the peak rate that kernels reach"},
       {"memory_bandwidth", Dimension::kBandwidth, true, 0, "of the device's own memory"},
       {"memory_efficiency", Dimension::kRatio, false, 1, "share of it that kernels reach"},
       {"call_overhead", Dimension::kTime, true, 0, "fixed cost of an inference"},
       {"op_overhead", Dimension::kTime, false, 0, "fixed cost of each op"},
       {"load_overhead", Dimension::kTime, false, 0, "fixed cost of bringing the parameters onto the device"},
       {"error_low", Dimension::kRatio, true, 0, "the truth may be this share below the estimate"},
       {"error_high", Dimension::kRatio, true, 0, "or this share above"}},
      {}};
  return schema;
}

std::unique_ptr<CostModel> MakeRooflineModel(const Platform& platform, const PlatformDevice& device) {
  return std::make_unique<RooflineModel>(platform, device);
}

}  // namespace consort
