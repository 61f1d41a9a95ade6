#include "profile/profiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/thread.h"
#include "bench/chain.h"
#include "bench/environment.h"
#include "bench/subject.h"
#include "consort/error.h"
#include "device/native_ports.h"
#include "io/convert.h"
#include "measure/meter.h"
#include "plan/fingerprint.h"
#include "plan/range_works.h"
#include "shard/extract.h"
#include "shard/sharding.h"

namespace consort {
namespace {

constexpr TimeNs kWarmNs = 30'000'000;
constexpr TimeNs kLongestWarmNs = 2'000'000'000;
constexpr TimeNs kBlockNs = 10'000'000;
constexpr int kFewestBlocks = 5;
constexpr double kNsPerS = 1e9;
// Work that is weighed like a multiply-accumulate: ops that only move bytes take time, too.
constexpr double kMacsPerByte = 4;
constexpr char kReference[] = "cpu@onnxruntime";

std::string SettingsOf(const CompileOptions& compile, const OpenOptions& open) {
  std::string text = fmt::format("optimization {}, denormals {}", static_cast<int>(compile.optimization),
                                 compile.flush_denormals ? "flushed" : "kept");
  if (open.isolated) text += ", isolated";
  if (!open.plugin.empty()) text += ", plugin " + open.plugin;
  for (const auto& [key, value] : compile.engine_options) text += fmt::format(", {}={}", key, value);
  return text;
}

// Seconds of a call that go into tensors from one form into another: the median of several runs each.
double ConversionSeconds(const std::vector<Port>& from, const std::vector<Port>& to) {
  constexpr int kConversions = 15;
  double seconds = 0;
  for (size_t port = 0; port < from.size(); ++port) {
    if (!Conversion::Needed(from[port].spec, to[port].spec)) continue;
    const Conversion conversion(from[port].spec, to[port].spec, from[port].name);
    const Buffer source = Buffer::Allocate(from[port].spec);
    Buffer target = Buffer::Allocate(to[port].spec);
    std::vector<TimeNs> times;
    for (int i = 0; i < kConversions; ++i) {
      const TimeNs start_ns = Clock::Real().NowNs();
      conversion.Apply(source.data(), target.data());
      times.push_back(Clock::Real().NowNs() - start_ns);
    }
    std::nth_element(times.begin(), times.begin() + kConversions / 2, times.end());
    seconds += static_cast<double>(times[kConversions / 2]) / kNsPerS;
  }
  return seconds;
}

// A part of the model that is measured: the whole, or a unit.
struct Range {
  OpId begin = 0;
  OpId end = 0;
  Model model;
};

// The parts of the model at one batch, and the tensors that they are fed with.
class Parts {
 public:
  Parts(const Registry& registry, const Model& model, int64_t batch, const std::vector<OpId>& positions,
        const ProfilerOptions& options)
      : graph_(model.graph()) {
    ranges_.push_back({positions.front(), positions.back(), model});
    AddInputs(options, batch);
    if (positions.size() < 3) return;
    try {
      AddUnits(registry, model, positions, options);
    } catch (const Error& error) {
      // Units that make no models (a body whose captures lose their shapes): the model is planned as a whole.
      if (error.code() != ErrorCode::kUnsupported && error.code() != ErrorCode::kInvalidModel) throw;
      ranges_.erase(ranges_.begin() + 1, ranges_.end());
    }
  }

  const std::vector<Range>& ranges() const { return ranges_; }
  const Graph& graph() const { return graph_; }

  std::vector<Buffer> InputsFor(const Signature& signature) const {
    std::vector<Buffer> inputs;
    for (const Port& port : signature.inputs) {
      const auto found = tensors_.find(port.name);
      if (found == tensors_.end())
        throw Error(ErrorCode::kInternal, fmt::format("no unit gives the tensor '{}'", port.name));
      inputs.push_back(found->second.Share());
    }
    return inputs;
  }

 private:
  void AddInputs(const ProfilerOptions& options, int64_t batch) {
    const Signature signature = SignatureOf(graph_);
    const bool given = options.inputs && batch == options.batches.front();
    std::vector<Buffer> tensors = (given ? options.inputs : SeededInputs(options.seed))(signature);
    for (size_t port = 0; port < tensors.size(); ++port)
      tensors_.emplace(signature.inputs[port].name, std::move(tensors[port]));
  }

  void AddUnits(const Registry& registry, const Model& model, const std::vector<OpId>& positions,
                const ProfilerOptions& options) {
    const Sharding sharding = DivideAt(graph_, std::vector<int>(positions.begin() + 1, positions.end() - 1));
    const std::shared_ptr<Device> device = registry.Open(registry.Resolve(Target::Parse(kReference)), options.open);
    CompileOptions compile = options.compile;
    compile.optimization = Optimization::kBasic;
    compile.prove_placement = false;
    Chain chain;
    for (size_t unit = 0; unit < sharding.shards.size(); ++unit) {
      Model shard = ShardModel(model, sharding.shards[unit], fmt::format("{}, unit {}", model.name(), unit));
      chain.Add(*device, shard, compile);
      ranges_.push_back({positions[unit], positions[unit + 1], std::move(shard)});
    }
    for (auto& [name, tensor] : chain.Run(tensors_)) tensors_.insert_or_assign(name, std::move(tensor));
  }

  const Graph& graph_;
  std::vector<Range> ranges_;
  Tensors tensors_;
};

class Profiler {
 public:
  Profiler(const Registry& registry, const LocalDevices& devices, const ProfilerOptions& options, Profile& profile)
      : registry_(registry), devices_(devices), options_(options), profile_(profile) {}

  void Run(const ModelAtBatch& model_at) {
    for (const int64_t batch : options_.batches) MeasureAt(model_at(batch), batch);
    MeasureLinks();
  }

 private:
  void MeasureAt(const Model& model, int64_t batch) {
    const std::vector<OpId> positions =
        options_.whole_only ? std::vector<OpId>{0, static_cast<OpId>(model.graph().ops().size())}
                            : ProfilePositions(model.graph(), options_.units);
    if (!Lacks(model.graph(), positions, batch)) return;
    const Parts parts(registry_, model, batch, positions, options_);
    int done = 0;
    const int all = Distinct() * static_cast<int>(parts.ranges().size());
    for (int device = 0; device < devices_.size(); ++device) {
      if (devices_.devices[device].alike >= 0) continue;
      for (const Range& range : parts.ranges()) {
        if (options_.progress) options_.progress(Describe(device, range, parts, batch), done, all);
        Measure(device, parts, range, batch);
        ++done;
      }
      if (options_.keep) options_.keep(profile_);
    }
  }

  int Distinct() const {
    return static_cast<int>(std::count_if(devices_.devices.begin(), devices_.devices.end(),
                                          [](const PlanDevice& device) { return device.alike < 0; }));
  }

  // Nothing is compiled where all is known.
  bool Lacks(const Graph& graph, const std::vector<OpId>& positions, int64_t batch) const {
    for (int device = 0; device < devices_.size(); ++device) {
      if (!Known(device, KeyAt(device, graph, positions.front(), positions.back(), batch))) return true;
      for (size_t unit = 0; unit + 1 < positions.size(); ++unit) {
        if (!Known(device, KeyAt(device, graph, positions[unit], positions[unit + 1], batch))) return true;
      }
    }
    return false;
  }

  ProfileKey KeyAt(int device, const Graph& graph, OpId begin, OpId end, int64_t batch) const {
    const PlanDevice& plan_device = devices_.devices[device];
    return KeyOf(graph, begin, end, plan_device.target.ToString(), plan_device.threads, batch);
  }

  // What noise spoiled whole is measured again.
  bool Known(int device, const ProfileKey& key) const {
    const ProfileEntry* entry = profile_.Find(key, devices_.infos[device].engine);
    return entry != nullptr && (!entry->refused.empty() || entry->discarded < 1);
  }

  std::string Describe(int device, const Range& range, const Parts& parts, int64_t batch) const {
    const bool whole = range.begin == 0 && range.end == static_cast<OpId>(parts.graph().ops().size());
    const ProfileKey key = KeyAt(device, parts.graph(), range.begin, range.end, batch);
    return fmt::format("{}, batch {}: {}", devices_.devices[device].name, batch,
                       whole ? "the whole model" : fmt::format("{} … {}", key.first_op, key.last_op));
  }

  void Measure(int device, const Parts& parts, const Range& range, int64_t batch) {
    const ProfileKey key = KeyAt(device, parts.graph(), range.begin, range.end, batch);
    if (Known(device, key)) return;
    ProfileEntry entry{.engine = devices_.infos[device].engine};
    try {
      Time(device, parts, range, entry);
    } catch (const Error& error) {
      const bool refused = error.code() == ErrorCode::kUnsupported || error.code() == ErrorCode::kOutOfMemory ||
                           error.code() == ErrorCode::kInvalidModel;
      if (!refused) throw;
      entry.refused = error.what();
    }
    profile_.entries.insert_or_assign(key, std::move(entry));
  }

  void Time(int device, const Parts& parts, const Range& range, ProfileEntry& entry) const {
    const PlanDevice& plan_device = devices_.devices[device];
    SubjectOptions options{.compile = options_.compile, .open = options_.open};
    options.compile.threads = plan_device.threads;
    options.compile.prove_placement = false;
    Subject subject(registry_, plan_device.target, Artifact(range.model), options,
                    [&parts](const Signature& signature) { return parts.InputsFor(signature); });
    NoiseGate gate(devices_.infos[device].cores);
    gate.FindChildren();
    const ThreadScope scope(subject.caller_cores(), options.compile.flush_denormals);
    Warm([&subject] { subject.Query(); }, kWarmNs, kLongestWarmNs);
    Meter meter(gate, {.time_ns = options_.time_ns, .block_ns = kBlockNs, .min_blocks = kFewestBlocks});
    meter.RunSegment(OneAtATime([&subject] { subject.Query(); }));
    const MeterSummary summary = meter.Summarise();
    // Where no block was clean the noisy ones are better than nothing; `discarded` tells.
    const bool clean = summary.clean_blocks > 0;
    const Distribution& all = summary.everything;
    const Interval median_ns =
        clean ? summary.median_ns : Interval{all.PercentileNs(50), all.PercentileNs(10), all.PercentileNs(90)};
    entry.call_s = {median_ns.estimate / kNsPerS, median_ns.low / kNsPerS, median_ns.high / kNsPerS};
    if (const std::shared_ptr<Executable> native = NativeOf(subject.executable())) {
      const Signature& outer = subject.signature();
      entry.convert_in_s = ConversionSeconds(outer.inputs, native->signature().inputs);
      entry.convert_out_s = ConversionSeconds(native->signature().outputs, outer.outputs);
    }
    entry.calls = clean ? summary.queries : summary.everything.count();
    entry.discarded = summary.discarded_share();
  }

  void MeasureLinks() {
    if (options_.whole_only) return;
    std::set<std::string> seen;
    std::vector<Target> targets;
    for (const PlanDevice& device : devices_.devices) {
      if (seen.insert(device.target.ToString()).second) targets.push_back(device.target);
    }
    const int all = static_cast<int>(targets.size() * targets.size());
    int done = 0;
    for (const Target& from : targets) {
      for (const Target& to : targets) {
        if (options_.progress)
          options_.progress(fmt::format("link {} to {}", from.ToString(), to.ToString()), done++, all);
        if (profile_.FindLink(from.ToString(), to.ToString()) == nullptr) ProbeInto(from, to);
      }
    }
    if (options_.keep) options_.keep(profile_);
  }

  // Tensors are handed over in float32 whatever a target computes in, and the probe's models have no other form: one
  // that takes other files by nature is stood for by the CPU, in whose memory its tensors lie as well.
  Target InFloat(Target target) const {
    for (int device = 0; device < devices_.size(); ++device) {
      const std::vector<ArtifactKind>& accepts = devices_.infos[device].accepts;
      const bool takes_onnx = accepts.empty() || accepts.front() == ArtifactKind::kOnnx;
      if (devices_.devices[device].target == target && !takes_onnx) return Target::Parse(kReference);
    }
    target.precision.reset();
    return target;
  }

  // A target that cannot run the probe's models has no hand-overs: it runs none of ours either, or alone.
  void ProbeInto(const Target& from, const Target& to) {
    try {
      LinkEntry link = ProbeLink(registry_, InFloat(from), InFloat(to), options_.link_time_ns, options_.open);
      link.from = from.ToString();
      link.to = to.ToString();
      profile_.links.push_back(std::move(link));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnsupported && error.code() != ErrorCode::kInvalidModel) throw;
    }
  }

  const Registry& registry_;
  const LocalDevices& devices_;
  const ProfilerOptions& options_;
  Profile& profile_;
};

}  // namespace

std::vector<OpId> ProfilePositions(const Graph& graph, int units) {
  if (units <= 1) return {0, static_cast<OpId>(graph.ops().size())};
  const RangeWorks works(graph);
  UnitsOptions options{.most_units = units};
  options.divides_a_fusion = [&works](int position) { return works.DividesWork(position); };
  for (const Op& op : graph.ops()) {
    const double bytes = static_cast<double>(op.cost.activation_bytes + op.cost.parameter_bytes);
    options.op_weights.push_back(op.constant ? 0 : static_cast<double>(op.cost.macs) + kMacsPerByte * bytes);
  }
  return MergeUnits(graph, CutPositions(graph, options), options);
}

Profile EmptyProfile(const Model& model, const CompileOptions& compile, const OpenOptions& open) {
  const Environment environment = ReadEnvironment();
  return {.model = model.name(),
          .model_fingerprint = FingerprintOf(model.graph()),
          .processor = environment.processor,
          .logical_cores = environment.logical_cores,
          .settings = SettingsOf(compile, open)};
}

void MeasureProfile(const Registry& registry, const ModelAtBatch& model_at, const LocalDevices& devices,
                    const ProfilerOptions& options, Profile& profile) {
  Profiler(registry, devices, options, profile).Run(model_at);
}

}  // namespace consort
