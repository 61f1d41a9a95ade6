#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/checked_json.h"
#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "plan/describe_stage.h"
#include "plan/fingerprint.h"
#include "plan/plan_json.h"

namespace consort {
namespace {

constexpr double kSPerMs = 1e-3;
constexpr double kShareTolerance = 1e-3;
constexpr double kRounding = 1e-6;  // of shares as they are written
constexpr double kMostValue = 3e38;   // of a float32 tensor
constexpr int64_t kMostStages = 4096;
constexpr int64_t kMostBatch = int64_t{1} << 30;

using Node = CheckedJson;

// --- Parts
// --------------------------------------------------------------------------------------------------------------

Replica ParseReplica(const Node& node) {
  node.RequireKeys({"target", "share", "samples", "threads", "call_ms", "convert", "joules", "provenance"});
  Replica replica;
  replica.target = node.Require("target").Word([](const std::string& text) { return Target::Parse(text); });
  replica.share = 0;
  if (const auto share = node.Find("share")) replica.share = share->Number(1e-9, 1);
  if (const auto samples = node.Find("samples")) replica.samples = samples->Integer(0, kMostBatch);
  if (const auto threads = node.Find("threads")) replica.threads = static_cast<int>(threads->Integer(0, 1 << 16));
  if (const auto call = node.Find("call_ms")) replica.call_s = kSPerMs * call->Number(0, 1e12);
  if (const auto convert = node.Find("convert")) {
    convert->RequireKeys({"in_ms", "out_ms"});
    replica.convert_in_s = kSPerMs * convert->Require("in_ms").Number(0, 1e12);
    replica.convert_out_s = kSPerMs * convert->Require("out_ms").Number(0, 1e12);
    if (replica.convert_s() > replica.call_s * (1 + kRounding))
      convert->Refuse("conversions are a part of the call: in_ms and out_ms must not be more than call_ms");
  }
  if (const auto joules = node.Find("joules")) replica.joules = joules->Number(0, 1e12);
  if (const auto provenance = node.Find("provenance")) replica.provenance = provenance->Word(ParseProvenance);
  return replica;
}

// Shares that are left out are equal ones, or those of the samples.
void SetShares(const Node& node, int64_t batch, std::vector<Replica>& replicas) {
  const auto given = [&](auto has) { return std::count_if(replicas.begin(), replicas.end(), has); };
  const auto all = static_cast<std::ptrdiff_t>(replicas.size());
  const auto with_samples = given([](const Replica& replica) { return replica.samples > 0; });
  if (with_samples != 0 && with_samples != all) node.Refuse("either all replicas have \"samples\", or none");
  if (with_samples == all) {
    int64_t samples = 0;
    for (Replica& replica : replicas) {
      samples += replica.samples;
      replica.share = static_cast<double>(replica.samples) / static_cast<double>(batch);
    }
    if (samples != batch) node.Refuse(fmt::format("the samples add up to {}, the batch is {}", samples, batch));
    return;
  }
  const auto with_share = given([](const Replica& replica) { return replica.share > 0; });
  if (with_share != 0 && with_share != all) node.Refuse("either all replicas have a \"share\", or none");
  double sum = 0;
  for (Replica& replica : replicas) {
    if (with_share == 0) replica.share = 1.0 / static_cast<double>(all);
    sum += replica.share;
  }
  if (std::abs(sum - 1) > kShareTolerance) node.Refuse(fmt::format("the shares add up to {:.6g}, not to 1", sum));
  if (std::abs(sum - 1) < kRounding) return;
  for (Replica& replica : replicas) replica.share /= sum;
}

OpId OpNamed(const Node& node, const Graph& graph) {
  const std::string name = node.Text();
  const OpId id = graph.FindOp(name);
  if (id != kNone && !graph.op(id).constant) return id;
  if (id != kNone) node.Refuse(fmt::format("'{}' folds to a constant: it belongs to no stage", name));
  std::vector<std::string> names;
  for (const Op& op : graph.ops()) {
    if (!op.constant) names.push_back(op.name);
  }
  const std::string nearest = Nearest(name, names);
  node.Refuse(fmt::format("the model has no op '{}'{}; 'consort inspect MODEL --layers' lists them", name,
                          nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest)));
}

// Lists of tensors may be left out; where they stand they must be right.
void CheckTensors(const Node& stage, const std::string& key, const Graph& graph,
                  const std::vector<std::string>& found) {
  const std::optional<Node> list = stage.Find(key);
  if (!list) return;
  std::set<std::string> given;
  for (const Node& item : list->Items()) {
    const std::string name = item.Text();
    if (graph.FindTensor(name) == kNone) item.Refuse(fmt::format("the model has no tensor '{}'", name));
    given.insert(name);
  }
  if (given == std::set<std::string>(found.begin(), found.end())) return;
  list->Refuse(
      fmt::format("for these ops they are {}; correct or leave out the list", found.empty() ? "none" : Join(found)));
}

// --- The whole
// ----------------------------------------------------------------------------------------------------------

class Parser {
 public:
  Parser(const Node& root, const std::string& file, const Graph& graph) : root_(root), file_(file), graph_(graph) {}

  Plan Parse() {
    root_.RequireKeys({"format", "version", "model", "model_fingerprint", "platform", "platform_fingerprint",
                       "objective", "strategy", "batch", "latency_ms", "throughput_per_s", "joules_per_sample",
                       "gain_over_best_single", "bottleneck", "measured", "reason", "stages", "ranges"});
    if (const auto format = root_.Find("format"); format && format->Text() != "consort-plan")
      format->Refuse("must be \"consort-plan\"");
    if (const auto version = root_.Find("version")) version->Integer(1, 1);
    ParseOrigin();
    if (const auto batch = root_.Find("batch")) plan_.batch = batch->Integer(1, kMostBatch);
    if (const auto objective = root_.Find("objective")) plan_.objective = objective->Word(ParseObjective);
    ParsePrediction();
    ParseStages();
    ParseRanges();
    CheckStrategy();
    return std::move(plan_);
  }

 private:
  std::string TextOf(const std::string& key) const {
    const std::optional<Node> node = root_.Find(key);
    return node ? node->Text() : "";
  }

  void ParseOrigin() {
    plan_.model = TextOf("model");
    plan_.platform = TextOf("platform");
    plan_.platform_fingerprint = TextOf("platform_fingerprint");
    plan_.reason = TextOf("reason");
    plan_.model_fingerprint = TextOf("model_fingerprint");
    if (plan_.model_fingerprint.empty() || plan_.model_fingerprint == FingerprintOf(graph_)) return;
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "{}: the plan is stale: it was made for another model, or another version or input size of '{}'. Make it "
            "anew with 'consort plan', or take out model_fingerprint to divide this model in the same way",
            file_, plan_.model));
  }

  void ParsePrediction() {
    Prediction& predicted = plan_.predicted;
    if (const auto latency = root_.Find("latency_ms")) predicted.latency_s = kSPerMs * latency->Number(0, 1e12);
    if (const auto rate = root_.Find("throughput_per_s")) predicted.samples_per_s = rate->Number(0, 1e15);
    if (const auto joules = root_.Find("joules_per_sample")) predicted.joules_per_sample = joules->Number(0, 1e12);
    if (const auto gain = root_.Find("gain_over_best_single")) predicted.gain_over_best_single = gain->Number(0, 1e12);
    predicted.bottleneck = TextOf("bottleneck");
    if (const auto measured = root_.Find("measured"); measured && !measured->IsNull()) ParseMeasured(*measured);
  }

  void ParseMeasured(const Node& node) {
    node.RequireKeys({"call_ms", "gain", "gain_low", "gain_high"});
    PlanMeasurement& measured = plan_.measured.emplace();
    if (const auto call = node.Find("call_ms")) measured.call_s = kSPerMs * call->Number(0, 1e12);
    if (const auto gain = node.Find("gain")) measured.gain = gain->Number(0, 1e12);
    if (const auto low = node.Find("gain_low")) measured.gain_low = low->Number(0, 1e12);
    if (const auto high = node.Find("gain_high")) measured.gain_high = high->Number(0, 1e12);
  }

  void ParseStages() {
    const Node list = root_.Require("stages");
    const std::vector<Node> items = list.Items();
    if (items.empty()) list.Refuse("there must be at least one stage");
    if (static_cast<int64_t>(items.size()) > kMostStages) list.Refuse(fmt::format("more than {} stages", kMostStages));
    for (size_t i = 0; i < items.size(); ++i) AddStage(items[i], static_cast<int>(i), i + 1 == items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      DescribeStage(graph_, plan_.stages[i]);
      CheckTensors(items[i], "inputs", graph_, plan_.stages[i].inputs);
      CheckTensors(items[i], "outputs", graph_, plan_.stages[i].outputs);
    }
  }

  void ParseRanges() {
    const std::optional<Node> list = root_.Find("ranges");
    if (!list) return;
    for (const Node& item : list->Items()) {
      const std::vector<Node> parts = item.Items();
      if (parts.size() != 3) item.Refuse("must be a tensor's name, its lowest and its highest value");
      const std::string tensor = parts[0].Text();
      if (graph_.FindTensor(tensor) == kNone) parts[0].Refuse(fmt::format("the model has no tensor '{}'", tensor));
      const double low = parts[1].Number(-kMostValue, kMostValue), high = parts[2].Number(-kMostValue, kMostValue);
      if (low > high) item.Refuse("the lowest value is above the highest");
      plan_.ranges[tensor] = {static_cast<float>(low), static_cast<float>(high)};
    }
  }

  // A stage begins right behind the last op of the one before: what folds to a constant in between may belong to
  // either.
  void AddStage(const Node& node, int index, bool is_last) {
    node.RequireKeys({"first_op", "last_op", "inputs", "outputs", "input_bytes", "output_bytes", "divides_a_fusion",
                      "queue_depth", "replicas"});
    const OpId first = OpNamed(node.Require("first_op"), graph_);
    const OpId last = OpNamed(node.Require("last_op"), graph_);
    if (last < first) node.Refuse(fmt::format("'{}' comes behind '{}'", graph_.op(first).name, graph_.op(last).name));
    Stage stage;
    stage.begin = index == 0 ? 0 : plan_.stages.back().end;
    stage.end = last + 1;
    CheckMeets(node, stage.begin, first, index);
    if (is_last) {
      CheckNothingLeft(node, stage.end);
      stage.end = static_cast<OpId>(graph_.ops().size());
    }
    if (const auto divides = node.Find("divides_a_fusion")) stage.divides_a_fusion = divides->Truth();
    if (const auto depth = node.Find("queue_depth")) stage.queue_depth = static_cast<int>(depth->Integer(1, 1 << 16));
    const Node replicas = node.Require("replicas");
    for (const Node& replica : replicas.Items()) stage.replicas.push_back(ParseReplica(replica));
    if (stage.replicas.empty()) replicas.Refuse("there must be at least one replica");
    SetShares(replicas, plan_.batch, stage.replicas);
    plan_.stages.push_back(std::move(stage));
  }

  void CheckMeets(const Node& node, OpId begin, OpId first, int index) const {
    if (first < begin)
      node.Refuse(fmt::format(
          "'{}' belongs to the stage before as well: stages overlap; let each begin where the one before ends",
          graph_.op(first).name));
    for (OpId op = begin; op < first; ++op) {
      if (graph_.op(op).constant) continue;
      node.Refuse(fmt::format("'{}' belongs to no stage: there is a gap in front of '{}'; begin with it{}",
                              graph_.op(op).name, graph_.op(first).name,
                              index == 0 ? "" : ", or let the stage before end later"));
    }
  }

  void CheckNothingLeft(const Node& node, OpId end) const {
    for (OpId op = end; op < static_cast<OpId>(graph_.ops().size()); ++op) {
      if (graph_.op(op).constant) continue;
      node.Refuse(fmt::format("'{}' belongs to no stage: the last one must end with the last op of the model",
                              graph_.op(op).name));
    }
  }

  // Follows from the stages; a file that says another is refused.
  void CheckStrategy() {
    const bool replicated = std::any_of(plan_.stages.begin(), plan_.stages.end(),
                                        [](const Stage& stage) { return stage.replicas.size() > 1; });
    const bool one = plan_.stages.size() == 1;
    plan_.strategy = one          ? (replicated ? Strategy::kSplit : Strategy::kSingle)
                     : replicated ? Strategy::kHybrid
                                  : Strategy::kPipeline;
    const std::optional<Node> given = root_.Find("strategy");
    if (!given || given->Word(ParseStrategy) == plan_.strategy) return;
    given->Refuse(fmt::format("these stages are a {}; correct or leave out the key", ToString(plan_.strategy)));
  }

  const Node& root_;
  const std::string& file_;
  const Graph& graph_;
  Plan plan_;
};

}  // namespace

Plan ParsePlan(std::string_view text, const std::string& file, const Graph& graph) {
  const nlohmann::ordered_json json = ParseCheckedJson(text, file, kLargestPlanFile);
  const Node root(json, file, "");
  return Parser(root, file, graph).Parse();
}

void CheckPlatform(const Plan& plan, const std::string& file, const Platform& platform) {
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) {
      if (!IsEmulated(replica.target)) continue;
      try {
        platform.device(replica.target.unit);
      } catch (const Error& error) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{}: target '{}': {}", file, replica.target.ToString(), error.what()));
      }
    }
  }
  if (plan.platform_fingerprint.empty() || plan.platform_fingerprint == FingerprintOf(platform)) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format(
          "{}: the plan is stale: it was made for other figures of the platform '{}' than those of '{}'. Make it anew "
          "with 'consort plan', or take out platform_fingerprint to use it as it is",
          file, plan.platform, platform.name));
}

}  // namespace consort
