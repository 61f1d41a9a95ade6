#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "plan/drawing.h"
#include "plan/reasons.h"

namespace consort {
namespace {

constexpr int kStageWidth = 250;
constexpr int kGap = 130;
constexpr int kMargin = 28;
constexpr int kTop = 104;
constexpr int kHead = 52;  // of a stage's box: number and ops
constexpr int kDeviceHeight = 56;
constexpr int kUseHeight = 24;
constexpr int kLabel = 200;  // of a resource's name
constexpr int kBarWidth = 330;
constexpr int kCharacterWidth = 7;  // of figures, about

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char byte : text) {
    switch (byte) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += byte;
    }
  }
  return escaped;
}

std::string TextAt(int x, int y, const std::string& style, const std::string& text) {
  return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", x, y, style, Escaped(text));
}

std::string Box(int x, int y, int width, int height, const std::string& attributes) {
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}/>\n", x, y, width, height, attributes);
}

std::string UseBar(int x, int y, int width, double share, bool sets_pace) {
  return Box(x, y, width, 8, "class=\"track\" rx=\"2\"") +
         Box(x, y, std::max(1, static_cast<int>(share * width)), 8,
             fmt::format("class=\"{}\" rx=\"2\"", sets_pace ? "pace" : "busy"));
}

std::string DeviceSvg(const StageSketch::Device& device, int x, int y) {
  std::string svg = TextAt(x, y, "device", Shorten(device.name, 22));
  svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"figure\" text-anchor=\"end\">{}</text>\n", x + kStageWidth - 24,
                     y, Escaped(device.share));
  svg += UseBar(x, y + 8, kStageWidth - 24, device.busy, device.sets_pace);
  svg += TextAt(x, y + 30, "figure",
                device.sets_pace ? fmt::format("{} a call, sets the pace", device.time)
                                 : fmt::format("{} a call, busy {:.0f} %", device.time, 100 * device.busy));
  if (!device.converts.empty()) svg += TextAt(x, y + 44, "ops", Shorten("converts " + device.converts, 46));
  return svg;
}

// What crosses, above and below an arrow.
std::string Arrow(int x, int y, int width, const std::vector<std::string>& tensors, int64_t bytes) {
  const int middle = x + width / 2;
  const std::string what =
      tensors.size() == 1 ? Shorten(tensors.front(), 16) : fmt::format("{} tensors", tensors.size());
  std::string svg =
      fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"arrow\" marker-end=\"url(#head)\"/>\n", x + 4,
                  y, x + width - 8, y);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"figure\" text-anchor=\"middle\">{}</text>\n", middle, y - 9,
                     FormatBytes(bytes));
  svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"ops\" text-anchor=\"middle\">{}</text>\n", middle, y + 18,
                     Escaped(what));
  return svg;
}

std::string StageSvg(const StageSketch& sketch, const std::string& title, int x, int height) {
  std::string svg = Box(x, kTop, kStageWidth, height, "class=\"stage\" rx=\"6\"");
  svg += TextAt(x + 12, kTop + 22, "title", title);
  svg += TextAt(x + 12, kTop + 41, "ops", Shorten(sketch.ops, 38));
  for (size_t i = 0; i < sketch.devices.size(); ++i) {
    svg += DeviceSvg(sketch.devices[i], x + 12, kTop + kHead + 16 + static_cast<int>(i) * kDeviceHeight);
  }
  return svg;
}

std::string UsesSvg(const std::vector<ResourceUse>& uses, int y) {
  if (uses.empty()) return "";
  std::string svg = TextAt(kMargin, y, "title", "Busy per sample");
  for (size_t i = 0; i < uses.size(); ++i) {
    const int line = y + 22 + static_cast<int>(i) * kUseHeight;
    svg += TextAt(kMargin, line, "device", Shorten(uses[i].name, 26));
    svg += UseBar(kMargin + kLabel, line - 9, kBarWidth,
                  uses.front().busy_s > 0 ? uses[i].busy_s / uses.front().busy_s : 0, i == 0);
    svg += TextAt(kMargin + kLabel + kBarWidth + 12, line, "figure", FormatSeconds(uses[i].busy_s));
  }
  return svg;
}

// Every colour stands twice: for readers without custom properties, and as the page around it wants it (light or dark).
constexpr char kStyle[] =
    "<style>text{font-family:system-ui,'DejaVu Sans',sans-serif;fill:#1d2733;fill:var(--drawing-ink,#1d2733)}"
    ".head{font-size:18px;font-weight:600}.title{font-size:14px;font-weight:600}.device{font-size:13px;font-weight:600}"
    ".figure{font-size:12px}.ops{font-size:11px;fill:#5b6774;fill:var(--drawing-muted,#5b6774)}"
    ".page{fill:#fff;fill:var(--drawing-page,#fff)}"
    ".stage{fill:#f6f8fa;fill:var(--drawing-box,#f6f8fa);stroke:#9aa7b4;stroke:var(--drawing-line,#9aa7b4)}"
    ".arrow{stroke:#5b6774;stroke:var(--drawing-muted,#5b6774);stroke-width:1.5}"
    ".tip{fill:#5b6774;fill:var(--drawing-muted,#5b6774)}.track{fill:#dde3ea;fill:var(--drawing-track,#dde3ea)}"
    ".busy{fill:#2f6fb7;fill:var(--drawing-busy,#2f6fb7)}.pace{fill:#b8442c;fill:var(--drawing-pace,#b8442c)}</style>\n"
    "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
    "orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" class=\"tip\"/></marker></defs>\n";

}  // namespace

std::string DrawSvg(const Plan& plan, const Graph& graph, const std::vector<ResourceUse>& uses) {
  const std::vector<StageSketch> sketches = SketchOf(plan, graph);
  size_t most_devices = 1;
  for (const StageSketch& sketch : sketches) most_devices = std::max(most_devices, sketch.devices.size());
  const int stage_height = kHead + static_cast<int>(most_devices) * kDeviceHeight + 4;
  const int count = static_cast<int>(sketches.size());
  const int width =
      std::max(2 * kMargin + count * kStageWidth + (count + 1) * kGap, 2 * kMargin + kLabel + kBarWidth + 90);
  const int uses_y = kTop + stage_height + 44;
  const int height = uses_y + 22 + static_cast<int>(uses.size()) * kUseHeight + 8;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n{2}", width,
      height, kStyle);
  svg += Box(0, 0, width, height, "class=\"page\"");
  svg += TextAt(kMargin, 36, "head", fmt::format("{}: {} on {}", plan.model, ToString(plan.strategy), plan.platform));
  svg += TextAt(kMargin, 60, "figure",
                fmt::format("{}: {:.4g} samples/s, latency {}, batch {}",
                            ToString(plan.stages.front().replicas.front().provenance), plan.predicted.samples_per_s,
                            FormatSeconds(plan.predicted.latency_s), plan.batch));
  svg +=
      TextAt(kMargin, 80, "figure", Shorten(plan.reason, static_cast<size_t>(width - 2 * kMargin) / kCharacterWidth));
  const int middle = kTop + stage_height / 2;
  for (int i = 0; i < count; ++i) {
    const int x = kMargin + kGap + i * (kStageWidth + kGap);
    svg += Arrow(x - kGap, middle, kGap, plan.stages[i].inputs, plan.stages[i].input_bytes);
    svg += StageSvg(sketches[i],
                    count == 1 ? "the whole model" : fmt::format("stage {}: {} ops", i, sketches[i].op_count), x,
                    stage_height);
  }
  const Stage& last = plan.stages.back();
  svg += Arrow(kMargin + count * (kStageWidth + kGap), middle, kGap, last.outputs, last.output_bytes);
  return svg + UsesSvg(uses, uses_y) + "</svg>\n";
}

}  // namespace consort
