#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "plan/describe_stage.h"
#include "plan/fingerprint.h"
#include "plan/plan_json.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kSPerMs = 1e-3;
constexpr double kShareTolerance = 1e-3;
constexpr double kRounding = 1e-6;  // of shares as they are written
constexpr int64_t kMostStages = 4096;
constexpr int64_t kMostBatch = int64_t{1} << 30;
constexpr int kMostNesting = 16;

// A value of the file and where it stands: "stages[1].replicas[0].share".
class Node {
 public:
  Node(const Json& json, std::string file, std::string path)
      : json_(json), file_(std::move(file)), path_(std::move(path)) {}

  [[noreturn]] void Refuse(const std::string& what) const {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}{}", file_, path_.empty() ? "" : path_ + ": ", what));
  }

  // The value of a key, or nothing.
  std::optional<Node> Find(const std::string& key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return std::nullopt;
    return Node(*found, file_, path_.empty() ? key : path_ + "." + key);
  }
  Node Require(const std::string& key) const {
    const std::optional<Node> found = Find(key);
    if (!found) Refuse(fmt::format("there is no \"{}\"", key));
    return *found;
  }

  void RequireKeys(const std::vector<std::string>& known) const {
    if (!json_.is_object()) Refuse("must be an object { … }");
    for (const auto& [key, unused] : json_.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string nearest = Nearest(key, known);
      Refuse(nearest.empty() ? fmt::format("unknown key \"{}\"; there are {}", key, Join(known))
                             : fmt::format("unknown key \"{}\": did you mean \"{}\"?", key, nearest));
    }
  }

  std::vector<Node> Items() const {
    if (!json_.is_array()) Refuse("must be a list [ … ]");
    std::vector<Node> items;
    for (size_t i = 0; i < json_.size(); ++i) items.emplace_back(json_[i], file_, fmt::format("{}[{}]", path_, i));
    return items;
  }

  std::string Text() const {
    if (!json_.is_string()) Refuse("must be a text");
    return json_.get<std::string>();
  }
  bool Truth() const {
    if (!json_.is_boolean()) Refuse("must be true or false");
    return json_.get<bool>();
  }
  // null counts as 0: not known.
  double Number(double lowest, double highest) const {
    if (json_.is_null() && lowest <= 0) return 0;
    if (!json_.is_number()) Refuse("must be a number");
    const double value = json_.get<double>();
    if (!(value >= lowest && value <= highest))
      Refuse(fmt::format("{:g} is not between {:g} and {:g}", value, lowest, highest));
    return value;
  }
  int64_t Integer(int64_t lowest, int64_t highest) const {
    if (!json_.is_number_integer()) Refuse("must be a whole number");
    const bool too_big = json_.is_number_unsigned() && json_.get<uint64_t>() > static_cast<uint64_t>(highest);
    if (too_big || json_.get<int64_t>() < lowest) Refuse(fmt::format("must lie between {} and {}", lowest, highest));
    return json_.get<int64_t>();
  }
  // A value of a closed set of words, or a target: what `parse` throws is said with the place.
  template <typename Parse>
  auto Word(Parse parse) const {
    try {
      return parse(Text());
    } catch (const Error& error) {
      Refuse(error.what());
    }
  }

 private:
  const Json& json_;
  std::string file_;
  std::string path_;
};

// --- Parts
// --------------------------------------------------------------------------------------------------------------

Replica ParseReplica(const Node& node) {
  node.RequireKeys({"target", "share", "samples", "threads", "call_ms", "joules", "provenance"});
  Replica replica;
  replica.target = node.Require("target").Word([](const std::string& text) { return Target::Parse(text); });
  replica.share = 0;
  if (const auto share = node.Find("share")) replica.share = share->Number(1e-9, 1);
  if (const auto samples = node.Find("samples")) replica.samples = samples->Integer(0, kMostBatch);
  if (const auto threads = node.Find("threads")) replica.threads = static_cast<int>(threads->Integer(0, 1 << 16));
  if (const auto call = node.Find("call_ms")) replica.call_s = kSPerMs * call->Number(0, 1e12);
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
                       "gain_over_best_single", "bottleneck", "reason", "stages"});
    if (const auto format = root_.Find("format"); format && format->Text() != "consort-plan")
      format->Refuse("must be \"consort-plan\"");
    if (const auto version = root_.Find("version")) version->Integer(1, 1);
    ParseOrigin();
    if (const auto batch = root_.Find("batch")) plan_.batch = batch->Integer(1, kMostBatch);
    if (const auto objective = root_.Find("objective")) plan_.objective = objective->Word(ParseObjective);
    ParsePrediction();
    ParseStages();
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

// Refuses what the parser of JSON lets pass: repeated keys, and nesting that no plan needs.
Json ParseJson(std::string_view text, const std::string& file) {
  std::vector<std::set<std::string>> keys;
  const auto refuse = [&file](const std::string& what) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}", file, what));
  };
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMostNesting) refuse("nested deeper than any plan is");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty() && !keys.back().insert(parsed.get<std::string>()).second)
      refuse(fmt::format("the key \"{}\" stands twice in one object", parsed.get<std::string>()));
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: not JSON: {}", file, error.what()));
  }
}

}  // namespace

Plan ParsePlan(std::string_view text, const std::string& file, const Graph& graph) {
  if (static_cast<int64_t>(text.size()) > kLargestPlanFile)
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: larger than {}", file, FormatBytes(kLargestPlanFile)));
  const Json json = ParseJson(text, file);
  const Node root(json, file, "");
  return Parser(root, file, graph).Parse();
}

void CheckPlatform(const Plan& plan, const std::string& file, const Platform& platform) {
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) {
      if (replica.target.device != "emulated") continue;
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
