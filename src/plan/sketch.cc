#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "plan/drawing.h"
#include "plan/reasons.h"

namespace consort {
namespace {

std::string ShareOf(const Replica& replica, const Plan& plan, size_t replicas) {
  if (replica.samples > 0) return fmt::format("{} of {}", replica.samples, plan.batch);
  if (replicas == 1) return "";
  const double percent = 100 * replica.share;
  return percent < 10 ? fmt::format("{:.1f} %", percent) : fmt::format("{:.0f} %", percent);
}

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::string NameOf(const Target& target) {
  if (!IsEmulated(target)) return target.ToString();
  return target.precision ? fmt::format("{}/{}", target.unit, ToString(*target.precision)) : target.unit;
}

std::string NameOf(const Replica& replica) {
  return NameOf(replica.target) + (replica.threads > 0 ? fmt::format(":{}t", replica.threads) : "");
}

std::string DevicesOf(const Plan& plan) {
  std::vector<std::string> stages;
  for (const Stage& stage : plan.stages) {
    std::vector<std::string> replicas;
    for (const Replica& replica : stage.replicas) replicas.push_back(NameOf(replica));
    stages.push_back(Join(replicas, " + "));
  }
  return Join(stages, " > ");
}

size_t Columns(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) { return !IsContinuation(byte); }));
}

std::string Shorten(const std::string& text, size_t width) {
  std::vector<std::string> characters;
  for (const char byte : text) {
    if (!IsContinuation(byte) || characters.empty()) {
      const auto code = static_cast<unsigned char>(byte);
      characters.emplace_back(1, code < 0x20 || code == 0x7F ? '?' : byte);
    } else {
      characters.back() += byte;
    }
  }
  const size_t count = characters.size();
  std::string kept;
  const size_t left = width / 2;
  for (size_t i = 0; i < count; ++i) {
    if (count > width && i == left) kept += "…";
    if (count > width && i >= left && i < count - (width - left - 1)) continue;
    kept += characters[i];
  }
  return kept;
}

std::vector<StageSketch> SketchOf(const Plan& plan, const Graph& graph) {
  std::vector<StageSketch> sketches;
  for (const Stage& stage : plan.stages) {
    StageSketch& sketch = sketches.emplace_back();
    std::vector<std::string> names;
    for (OpId op = stage.begin; op < stage.end; ++op) {
      if (!graph.op(op).constant) names.push_back(graph.op(op).name);
    }
    sketch.op_count = static_cast<int>(names.size());
    if (!names.empty())
      sketch.ops = Shorten(names.front(), 26) + (names.size() > 1 ? " … " + Shorten(names.back(), 26) : "");
    for (const Replica& replica : stage.replicas) {
      const double calls = (replica.samples > 0 ? 1 : replica.share) / static_cast<double>(plan.batch);
      StageSketch::Device& device = sketch.devices.emplace_back();
      device.name = NameOf(replica);
      device.share = ShareOf(replica, plan, stage.replicas.size());
      device.time = FormatSeconds(replica.call_s);
      if (replica.convert_s() > 0) {
        device.converts = fmt::format("{} into its form, {} out of it", FormatSeconds(replica.convert_in_s),
                                      FormatSeconds(replica.convert_out_s));
      }
      device.busy = std::min(1.0, calls * replica.call_s * plan.predicted.samples_per_s);
      device.sets_pace = device.busy > 0.9995;
    }
  }
  return sketches;
}

}  // namespace consort
