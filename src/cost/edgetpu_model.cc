#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "consort/error.h"
#include "cost/edgetpu_support.h"
#include "cost/models.h"
#include "cost/parameters.h"

namespace consort {
namespace {

// What compilers reported to be left for parameters goes from 1.1 MiB to 8.2 MiB, and nobody published the rule; below
// this much no report for an image network was seen to stream (5.01 MiB for activations of 0.5 MiB:
// edgetpu_conv_chains.csv).
constexpr int64_t kSafeBudgetBytes = 5 << 20;
constexpr size_t kNamedReasons = 3;

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A parameter takes one byte; the compiler lays outputs out in full columns of the array.
int64_t PaddedBytes(const Work& work, int64_t columns) {
  if (work.channels == 0) return work.parameters;
  return static_cast<int64_t>(static_cast<double>(work.parameters) / static_cast<double>(work.channels) *
                              static_cast<double>(CeilDivide(work.channels, columns) * columns));
}

class EdgeTpuModel : public CostModel {
 public:
  EdgeTpuModel(const Platform& platform, const PlatformDevice& device)
      : platform_(platform),
        device_(device),
        parameters_(device, EdgeTpuSchema().parameters),
        path_(PathOf(platform, device)) {
    if (path_.host_memory)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("device '{}' is an Edge TPU without a link: add link = \"NAME\"", device.name));
    for (const PlatformDevice& other : platform.devices) {
      if (other.kind == DeviceKind::kCpu && host_ == nullptr) host_ = &other;
    }
  }

  Estimate Cost(const WorkList& works, const CostQuery& query) const override {
    ChoosePrecision(device_, query);
    const std::vector<std::string> elsewhere =
        works.graph != nullptr ? EdgeTpuMapping(*works.graph, works) : std::vector<std::string>(works.works.size());
    Estimate estimate;
    RequireSomewhereToRun(works, elsewhere);
    PlaceParameters(works, elsewhere, query, estimate);
    CostMapped(works, elsewhere, estimate);
    CostElsewhere(works, elsewhere, estimate);
    AddTransfers(works, elsewhere, query, estimate);
    AddConversion(works, estimate);
    AddNotes(works, elsewhere, query, estimate);
    FinishShares(estimate);
    return estimate;
  }

 private:
  double Cycles(double cycles) const { return cycles / parameters_("clock"); }

  void RequireSomewhereToRun(const WorkList& works, const std::vector<std::string>& elsewhere) const {
    const auto unmapped =
        std::count_if(elsewhere.begin(), elsewhere.end(), [](const auto& why) { return !why.empty(); });
    if (unmapped == 0) return;
    if (static_cast<size_t>(unmapped) == elsewhere.size())
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("nothing of the model can run on '{}': {}", device_.name, Reasons(works, elsewhere)));
    if (host_ == nullptr)
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{} of {} operators cannot run on '{}', and platform '{}' has no CPU for them: {}. Take a "
                      "platform with a CPU (seed, pi-coral)",
                      unmapped, elsewhere.size(), device_.name, platform_.name, Reasons(works, elsewhere)));
  }

  // "Resize_3 (Resize): alignment of corners; …", the first few.
  static std::string Reasons(const WorkList& works, const std::vector<std::string>& elsewhere) {
    std::string text;
    size_t named = 0;
    size_t all = 0;
    for (size_t i = 0; i < elsewhere.size(); ++i) {
      if (elsewhere[i].empty() || ++all > kNamedReasons) continue;
      text += fmt::format("{}{} ({}): {}", named++ == 0 ? "" : "; ", works.works[i].name, works.works[i].type,
                          elsewhere[i]);
    }
    return all > kNamedReasons ? fmt::format("{}; and {} more", text, all - kNamedReasons) : text;
  }

  // Parameters fill the cache in the order of the layers; the rest is streamed at every inference.
  void PlaceParameters(const WorkList& works, const std::vector<std::string>& elsewhere, const CostQuery& query,
                       Estimate& estimate) const {
    estimate.works.resize(works.works.size());
    estimate.cache_bytes = query.on_chip_bytes.value_or(static_cast<int64_t>(parameters_("parameter_cache")));
    if (query.off_chip_bytes) return StreamFromTheEnd(works, elsewhere, *query.off_chip_bytes, estimate);
    const auto columns = static_cast<int64_t>(parameters_("array_columns"));
    int64_t room = estimate.cache_bytes;
    for (size_t i = 0; i < works.works.size(); ++i) {
      if (!elsewhere[i].empty() || works.works[i].parameters == 0) continue;
      const int64_t padded = PaddedBytes(works.works[i], columns);
      const int64_t cached = std::min(room, padded);
      room -= cached;
      const double share = static_cast<double>(cached) / static_cast<double>(padded);
      estimate.works[i].cached_bytes = static_cast<int64_t>(share * static_cast<double>(works.works[i].parameters));
      estimate.works[i].streamed_bytes = works.works[i].parameters - estimate.works[i].cached_bytes;
    }
  }

  // A compiler said how many bytes do not fit: those of the last layers.
  static void StreamFromTheEnd(const WorkList& works, const std::vector<std::string>& elsewhere, int64_t off_chip,
                               Estimate& estimate) {
    for (size_t i = works.works.size(); i-- > 0;) {
      if (!elsewhere[i].empty()) continue;
      WorkCost& cost = estimate.works[i];
      cost.streamed_bytes = std::min(off_chip, works.works[i].parameters);
      cost.cached_bytes = works.works[i].parameters - cost.streamed_bytes;
      off_chip -= cost.streamed_bytes;
    }
  }

  // Cycles of the array: weights of one tile are loaded, all positions stream through, the array fills and drains.
  double ArrayCycles(const Work& work) const {
    const auto rows = static_cast<int64_t>(parameters_("array_rows"));
    const auto columns = static_cast<int64_t>(parameters_("array_columns"));
    const auto positions = static_cast<double>(work.positions);
    if (work.kind == WorkKind::kDepthwise)  // a filter uses one column: every tap is a pass of its own
      return positions * static_cast<double>(CeilDivide(work.channels, columns) * work.reduction);
    if (work.channels == 0) return static_cast<double>(work.macs) / static_cast<double>(rows * columns);
    const int64_t tiles =
        work.groups * CeilDivide(work.reduction, rows) * CeilDivide(CeilDivide(work.channels, work.groups), columns);
    return static_cast<double>(tiles) * (positions + parameters_("fill_drain"));
  }

  void CostMapped(const WorkList& works, const std::vector<std::string>& elsewhere, Estimate& estimate) const {
    for (size_t i = 0; i < works.works.size(); ++i) {
      if (!elsewhere[i].empty()) continue;
      const Work& work = works.works[i];
      WorkCost& cost = estimate.works[i];
      cost.instruction_bytes = static_cast<int64_t>(parameters_("instruction_bytes"));
      const double weights = static_cast<double>(work.parameters_read) / parameters_("weight_rate");
      cost.compute_seconds = Cycles((work.macs > 0 ? ArrayCycles(work) : 0) + weights);
      cost.memory_seconds = Cycles(static_cast<double>(work.inputs + work.outputs) / parameters_("activation_rate"));
      cost.link_seconds = static_cast<double>(cost.streamed_bytes + cost.instruction_bytes) / path_.out_bytes_per_s;
      cost.seconds = std::max({cost.compute_seconds, cost.memory_seconds, cost.link_seconds});
      cost.bound = cost.seconds == cost.link_seconds      ? Bound::kLink
                   : cost.seconds == cost.compute_seconds ? Bound::kCompute
                                                          : Bound::kMemory;
      estimate.streamed_bytes += cost.streamed_bytes;
      estimate.instruction_bytes += cost.instruction_bytes;
      estimate.cached_bytes += cost.cached_bytes;
      estimate.latency_s += cost.seconds;
    }
  }

  // The rest, on the platform's first CPU.
  void CostElsewhere(const WorkList& works, const std::vector<std::string>& elsewhere, Estimate& estimate) const {
    WorkList rest;
    std::vector<size_t> places;
    for (size_t i = 0; i < works.works.size(); ++i) {
      if (elsewhere[i].empty()) continue;
      rest.works.push_back(works.works[i]);
      places.push_back(i);
    }
    if (places.empty()) return;
    const Estimate on_host = MakeCostModel(platform_, *host_)->Cost(rest, HostQuery());
    for (size_t i = 0; i < places.size(); ++i) {
      estimate.works[places[i]] = on_host.works[i];
      estimate.works[places[i]].elsewhere = fmt::format("{}: {}", host_->name, elsewhere[places[i]]);
    }
    estimate.latency_s += on_host.latency_s;
    estimate.host_s = on_host.latency_s;
    estimate.joules = on_host.joules;
    estimate.low = on_host.low;  // of the part on the CPU until FinishShares weighs both
    estimate.high = on_host.high;
  }

  // The CPU's part of a partly mapped model has the CPU's power and error band.
  void FinishShares(Estimate& estimate) const {
    Estimate own;
    SetBand(parameters_, own);
    const double own_s = estimate.latency_s - estimate.host_s;
    estimate.low = (own.low * own_s + estimate.low * estimate.host_s) / estimate.latency_s;
    estimate.high = (own.high * own_s + estimate.high * estimate.host_s) / estimate.latency_s;
    estimate.joules += device_.active_power.value * own_s;
  }

  // A partly mapped model stays a full-integer one where the CPU has int8 kernels.
  CostQuery HostQuery() const {
    CostQuery query;
    const auto& precisions = host_->precisions;
    if (std::find(precisions.begin(), precisions.end(), Precision::kInt8) != precisions.end())
      query.precision = Precision::kInt8;
    return query;
  }

  static bool AllMapped(const std::vector<std::string>& elsewhere) {
    return std::all_of(elsewhere.begin(), elsewhere.end(), [](const auto& why) { return why.empty(); });
  }

  static std::set<OpId> MappedOps(const WorkList& works, const std::vector<std::string>& elsewhere) {
    std::set<OpId> mapped;
    for (size_t i = 0; i < elsewhere.size(); ++i) {
      if (elsewhere[i].empty()) mapped.insert(works.works[i].ops.begin(), works.works[i].ops.end());
    }
    return mapped;
  }

  // Elements that the mapped part reads of what is given; it reads nothing of the rest, which runs behind it.
  static int64_t MappedInputs(const WorkList& works, const std::vector<std::string>& elsewhere) {
    if (AllMapped(elsewhere) || works.graph == nullptr) return works.inputs;
    std::set<TensorId> given;
    for (const OpId op : MappedOps(works, elsewhere)) {
      for (const TensorId read : ActivationsOf(*works.graph, works.graph->op(op))) {
        const OpId producer = works.graph->tensor(read).producer;
        if (producer == kNone || producer < works.begin) given.insert(read);
      }
    }
    int64_t elements = 0;
    for (const TensorId input : given) elements += ElementsOf(works.graph->tensor(input));
    return elements;
  }

  // Elements that the mapped part gives: what others read of it, and the model's own outputs.
  static int64_t MappedOutputs(const WorkList& works, const std::vector<std::string>& elsewhere) {
    if (AllMapped(elsewhere) || works.graph == nullptr) return works.outputs;
    const std::set<OpId> mapped = MappedOps(works, elsewhere);
    int64_t elements = 0;
    for (const OpId id : mapped) {
      for (const TensorId output : works.graph->op(id).outputs) {
        if (output == kNone) continue;
        const Tensor& tensor = works.graph->tensor(output);
        const bool read_elsewhere = std::any_of(tensor.consumers.begin(), tensor.consumers.end(),
                                                [&](OpId reader) { return mapped.count(reader) == 0; });
        if (!read_elsewhere && !tensor.is_output) continue;
        elements += ElementsOf(tensor);
      }
    }
    return elements;
  }

  void AddTransfers(const WorkList& works, const std::vector<std::string>& elsewhere, const CostQuery& query,
                    Estimate& estimate) const {
    estimate.overhead_s = parameters_("round_trip");
    estimate.input_bytes = MappedInputs(works, elsewhere);
    estimate.output_bytes = MappedOutputs(works, elsewhere);
    // The round trip holds the latency of the link, in both directions.
    estimate.input_s = static_cast<double>(estimate.input_bytes) / path_.out_bytes_per_s;
    estimate.output_s = static_cast<double>(estimate.output_bytes) / path_.back_bytes_per_s;
    estimate.load_s = path_.out_s(estimate.cached_bytes);
    estimate.latency_s += estimate.overhead_s + estimate.input_s + estimate.output_s;
    if (query.weights_resident) return;
    estimate.latency_s += estimate.load_s;
    estimate.streamed_bytes += estimate.cached_bytes;
  }

  // Every element is read in one type and written in the other, at the pace of the CPU's memory.
  void AddConversion(const WorkList& works, Estimate& estimate) const {
    const int64_t elements = works.inputs + works.outputs;
    const int64_t bytes = works.input_bytes + works.output_bytes;
    if (bytes <= elements || host_ == nullptr) return;
    WorkList conversion;
    Work& work = conversion.works.emplace_back();
    work.inputs = elements;
    work.outputs = CeilDivide(elements, ElementBytes(Precision::kFp32));
    CostQuery query;
    query.precision = Precision::kFp32;
    estimate.conversion_s = MakeCostModel(platform_, *host_)->Cost(conversion, query).works.front().seconds;
    estimate.conversion_device = host_->name;
  }

  void AddNotes(const WorkList& works, const std::vector<std::string>& elsewhere, const CostQuery& query,
                Estimate& estimate) const {
    if (!works.quantized)
      estimate.notes.emplace_back("assumed int8: 1 byte per weight, activation and element that crosses the link");
    const std::string reasons = Reasons(works, elsewhere);
    if (!reasons.empty()) {
      const auto count =
          std::count_if(elsewhere.begin(), elsewhere.end(), [](const auto& why) { return !why.empty(); });
      estimate.notes.push_back(fmt::format("partly mapped: {} of {} operators run on {}: {}", count, elsewhere.size(),
                                           host_->name, reasons));
    }
    if (query.off_chip_bytes && *query.off_chip_bytes > works.parameters)
      estimate.notes.push_back(
          fmt::format("{} off-chip bytes were reported and the model has {} parameters: all are streamed",
                      *query.off_chip_bytes, works.parameters));
    const bool reported = query.on_chip_bytes || query.off_chip_bytes;
    if (!reported && estimate.cached_bytes + estimate.streamed_bytes > kSafeBudgetBytes)
      estimate.notes.emplace_back(
          "cache budget unknown: compilers leave 1.1 MiB to 8.2 MiB for parameters; give what yours reports "
          "(--on-chip-bytes, --off-chip-bytes)");
    if (!works.known) estimate.notes.emplace_back("some shapes are not known: a lower bound");
  }

  const Platform& platform_;
  const PlatformDevice& device_;
  const PlatformDevice* host_ = nullptr;  // the CPU that runs what the Edge TPU cannot
  Parameters parameters_;
  TransferPath path_;
};

}  // namespace

const CostSchema& EdgeTpuSchema() {
  static const CostSchema schema = {
      {{"clock", Dimension::kFrequency, true, 0, "of the array"},
       {"array_rows", Dimension::kCount, false, 64, "terms of a sum that one pass takes"},
       {"array_columns", Dimension::kCount, false, 64, "outputs that one pass makes"},
       {"fill_drain", Dimension::kCount, false, 128, "cycles in which the array fills and drains, per tile of weights"},
       {"parameter_cache", Dimension::kBytes, true, 0, "on-chip memory for parameters"},
       {"activation_rate", Dimension::kBytesPerCycle, true, 0, "activations read and written"},
       {"weight_rate", Dimension::kBytesPerCycle, true, 0, "parameters from the on-chip memory into the array"},
       {"instruction_bytes", Dimension::kBytes, true, 0, "instructions that cross the link, per op and inference"},
       {"round_trip", Dimension::kTime, true, 0, "fixed cost of an inference"},
       {"error_low", Dimension::kRatio, true, 0, "the truth may be this share below the estimate"},
       {"error_high", Dimension::kRatio, true, 0, "or this share above"}},
      {}};
  return schema;
}

std::unique_ptr<CostModel> MakeEdgeTpuModel(const Platform& platform, const PlatformDevice& device) {
  return std::make_unique<EdgeTpuModel>(platform, device);
}

}  // namespace consort
