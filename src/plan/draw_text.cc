#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "plan/drawing.h"
#include "plan/reasons.h"

namespace consort {
namespace {

constexpr size_t kWidth = 80;
constexpr int kBar = 20;

std::string Pad(std::string text, size_t width, bool right = false) {
  const size_t columns = Columns(text);
  const std::string space(columns < width ? width - columns : 0, ' ');
  return right ? space + text : text + space;
}

// "tensor (784.0 KiB)", or "3 tensors (1.2 MiB)".
std::string Tensors(const std::vector<std::string>& names, int64_t bytes) {
  const std::string what = names.size() == 1 ? Shorten(names.front(), 40) : fmt::format("{} tensors", names.size());
  return fmt::format("{} ({})", what, FormatBytes(bytes));
}

std::string Bar(double share) {
  const int full = static_cast<int>(std::lround(share * kBar));
  std::string bar;
  for (int i = 0; i < kBar; ++i) bar += i < full ? "█" : "·";
  return bar;
}

std::string DeviceLine(const StageSketch::Device& device, size_t name_width) {
  return fmt::format("│  {}  {}  {}  {} {:>3.0f} %{}\n", Pad(Shorten(device.name, name_width), name_width),
                     Pad(device.share, 8, true), Pad(device.time, 9, true), Bar(device.busy), 100 * device.busy,
                     device.sets_pace ? " ◄" : "");
}

}  // namespace

std::string DrawText(const Plan& plan, const Graph& graph, const std::vector<ResourceUse>& uses) {
  const std::vector<StageSketch> sketches = SketchOf(plan, graph);
  size_t name_width = 8;
  for (const StageSketch& sketch : sketches) {
    for (const auto& device : sketch.devices)
      name_width = std::max(name_width, std::min<size_t>(20, Columns(device.name)));
  }
  std::string text;
  for (size_t i = 0; i < sketches.size(); ++i) {
    const Stage& stage = plan.stages[i];
    text += fmt::format("   ▼ {}\n", Tensors(stage.inputs, stage.input_bytes));
    const std::string title = sketches.size() == 1 ? "the whole model" : fmt::format("stage {}", i);
    text += fmt::format("┌─ {}: {}\n", title,
                        Shorten(fmt::format("{} ({} op{})", sketches[i].ops, sketches[i].op_count,
                                            sketches[i].op_count == 1 ? "" : "s"),
                                kWidth - 6 - Columns(title)));
    if (stage.divides_a_fusion) text += "│  begins inside a fusion that engines make\n";
    for (const auto& device : sketches[i].devices) {
      text += DeviceLine(device, name_width);
      if (!device.converts.empty()) text += fmt::format("│    of a call, converts: {}\n", device.converts);
    }
    text += "└─\n";
  }
  text += fmt::format("   ▼ {}\n", Tensors(plan.stages.back().outputs, plan.stages.back().output_bytes));
  if (uses.empty()) return text;
  text += "\nBusy per sample:";
  size_t column = 16;
  for (const ResourceUse& use : uses) {
    const std::string part = fmt::format(" {} {}{}{}", Shorten(use.name, 30), FormatSeconds(use.busy_s),
                                         &use == &uses.front() ? " ◄" : "", &use == &uses.back() ? "" : ",");
    if (column + Columns(part) > kWidth) {
      text += "\n ";
      column = 1;
    }
    text += part;
    column += Columns(part);
  }
  return text + "\n";
}

}  // namespace consort
