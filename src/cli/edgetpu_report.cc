#include "cli/edgetpu_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "cli/audit_report.h"
#include "cli/help.h"
#include "cli/table.h"

namespace consort {
namespace {

constexpr int kWidth = 80;
constexpr int kKeyWidth = 10;
constexpr size_t kListed = 4;

std::string Line(const std::string& key, const std::string& value) {
  return fmt::format("{:<{}}{}\n", key, kKeyWidth, WrapText(value, kWidth - kKeyWidth, kKeyWidth));
}

std::string Title(const Blocker& blocker) { return fmt::format("'{}' ({})", Fit(blocker.name, 40), blocker.type); }

// Not rounded up to all of them.
std::string Share(double share) {
  const double percent = 100 * share;
  return fmt::format("{:.1f} %", percent < 100 ? std::min(percent, 99.9) : percent);
}

// What else would keep ops off the Edge TPU once the first is gone.
std::string OtherBlockers(const Preflight& preflight) {
  if (preflight.blockers.size() < 2) return "";
  std::vector<std::string> ops;
  for (size_t i = 1; i < preflight.blockers.size() && i <= kListed; ++i) ops.push_back(Title(preflight.blockers[i]));
  const size_t more = preflight.blockers.size() - 1 - ops.size();
  return Line("also", fmt::format("{}{} would not run there either", Join(ops),
                                  more == 0 ? "" : fmt::format(" and {} more", more)));
}

std::string PortText(const TfLitePort& port) {
  std::string text = fmt::format("'{}' {} {}", Fit(port.name, 30), ToString(port.spec.dtype),
                                 FormatShape(port.spec.shape));
  if (port.spec.layout != Layout::kPlain) text += fmt::format(" {}", ToString(port.spec.layout));
  return text + fmt::format(", scale {:.4g}, zero point {}", port.spec.quantization.scale.front(),
                            port.spec.quantization.zero_point.front());
}

std::string Ports(const std::string& key, const std::vector<TfLitePort>& ports) {
  std::string text;
  for (size_t i = 0; i < ports.size() && i < kListed; ++i) text += Line(i == 0 ? key : "", PortText(ports[i]));
  if (ports.size() > kListed) text += Line("", fmt::format("and {} more", ports.size() - kListed));
  return text;
}

std::string Weights(const EdgeTpuEstimate& estimate) {
  const std::string bytes = FormatBytes(estimate.weight_bytes), room = FormatBytes(estimate.cache_bytes);
  if (estimate.fits()) return Line("weights", fmt::format("{} in int8: fit the {} of the chip's memory", bytes, room));
  return Line("weights",
              fmt::format("{} in int8, which laid out for the chip are more than the {} of its memory: {} cross the "
                          "link at every inference, {:.2f} ms of it (modelled, {})",
                          bytes, room, FormatBytes(estimate.streamed_bytes), 1e3 * estimate.streaming_s,
                          estimate.device));
}

std::string Modelled(const EdgeTpuEstimate& estimate) {
  const double ms = 1e3 * estimate.latency_s;
  return Line("time", fmt::format("{:.2f} ms an inference on {}, within {:.2f} to {:.2f} ms (modelled; of the Edge TPU's "
                                  "part)",
                                  ms, estimate.device, ms * estimate.low, ms * estimate.high));
}

std::string Compiled(const EdgeTpuReport& report) {
  if (!report.not_compiled.empty()) return Line("compiler", "not compiled: " + report.not_compiled);
  const CompilerLog& log = report.compilation->log;
  std::string text = "compiled" + (log.version.empty() ? "" : " by edgetpu_compiler " + log.version);
  if (log.edgetpu_operators && log.cpu_operators)
    text += fmt::format("; {} operators on the Edge TPU, {} left to the CPU", *log.edgetpu_operators,
                        *log.cpu_operators);
  if (log.on_chip_bytes) text += fmt::format("; {} of parameters on the chip", FormatBytes(*log.on_chip_bytes));
  if (log.off_chip_bytes) text += fmt::format(", {} streamed", FormatBytes(*log.off_chip_bytes));
  return Line("compiler", text);
}

// Rows of the compiler's table that stay on the CPU, and lines that nobody knows.
std::string CompilerNotes(const std::optional<Compilation>& compilation) {
  if (!compilation) return "";
  std::string text;
  for (const CompiledOperators& row : compilation->log.table) {
    if (row.mapped()) continue;
    text += Line("", fmt::format("{} × {} on the CPU: {}", row.count, Fit(row.name, 60), Fit(row.status, 200)));
  }
  const auto& other = compilation->log.other;
  for (size_t i = 0; i < other.size() && i < kListed; ++i) text += Line("", "it says: " + Fit(other[i], 200));
  return text;
}

std::string Numbers(const EdgeTpuReport& report) {
  if (!report.check) return Line("numbers", "left out (--no-check)");
  const Accuracy& accuracy = report.check->accuracy;
  std::string text = std::isinf(accuracy.sqnr_db) && accuracy.sqnr_db > 0
                         ? "no difference"
                         : fmt::format("SQNR {:.1f} dB, cosine {:.5f}", accuracy.sqnr_db, accuracy.cosine);
  if (accuracy.top1) text += fmt::format(", top-1 agrees in {:.1f} %", 100 * *accuracy.top1);
  if (accuracy.nonfinite_mismatches > 0)
    text += fmt::format(", {} elements are finite in one only", accuracy.nonfinite_mismatches);
  return Line("numbers",
              fmt::format("{}: edgetpu.tflite on cpu@litert{} against the float model, {} samples ({})", text,
                          report.preflight.whole() ? "" : ", then rest.onnx on cpu@onnxruntime,", accuracy.inputs,
                          report.check->samples));
}

std::string Bound(const std::optional<EdgeTpuBoundReport>& bound) {
  if (!bound) return "";
  std::string text = fmt::format("{}: held after {} cut{}", bound->bound, bound->tries, bound->tries == 1 ? "" : "s");
  if (bound->moved.empty()) return Line("bound", text);
  std::vector<std::string> names;
  for (size_t i = 0; i < bound->moved.size() && i < kListed; ++i)
    names.push_back(fmt::format("'{}'", Fit(bound->moved[i], 40)));
  text += fmt::format("; for it {}", Join(names));
  if (bound->moved.size() > kListed) text += fmt::format(" and {} more", bound->moved.size() - kListed);
  return Line("bound", text + " and what reads their results went to the rest");
}

std::string Files(const EdgeTpuReport& report) {
  Table table({{"file"}, {"bytes", Align::kRight}, {"what"}});
  for (const FileEntry& file : report.files) {
    const char* what = file.name == kHeadName       ? "full-integer TensorFlow Lite, for the compiler or a CPU"
                       : file.name == kCompiledName ? "compiled for the Edge TPU"
                       : file.name == kRestName     ? "float ONNX, for another device"
                                                    : "how they fit together";
    table.AddRow({file.name, FormatBytes(file.bytes), what});
  }
  return "\n" + table.ToString();
}

}  // namespace

std::string DescribeFit(const Preflight& preflight) {
  if (preflight.whole() && preflight.ops() == 1) return "its only op fits the Edge TPU";
  if (preflight.whole()) return fmt::format("all {} ops fit the Edge TPU", preflight.ops());
  std::string text = fmt::format("{} of {} ops", preflight.head.size(), preflight.ops());
  if (preflight.macs > 0)
    text += fmt::format(" and {}{} of the MACs", preflight.macs_known ? "" : "at most ", Share(preflight.macs_share()));
  text += " fit the Edge TPU";
  if (preflight.blockers.empty()) return text;
  const Blocker& first = preflight.blockers.front();
  return text + fmt::format("; cut before {}: {}", Title(first), Fit(first.why, 400));
}

std::string EdgeTpuTables(const EdgeTpuReport& report) {
  const Preflight& preflight = report.preflight;
  std::string text = WrapText(DescribeFit(preflight), kWidth, 0) + "\n\n";
  text += Line("model", fmt::format("{}, fingerprint {}", Fit(report.source, 24), report.fingerprint));
  if (!preflight.blockers.empty()) text += Line("way out", Fit(WayOut(preflight.blockers.front()), 300));
  text += OtherBlockers(preflight);
  text += Ports("inputs", report.inputs) + Ports("crossing", report.crossing) + Ports("outputs", report.outputs);
  text += Line("ranges", fmt::format("from {} samples ({})", report.samples, report.calibrated_on));
  if (!report.unlisted.empty())
    text += Line("unlisted", fmt::format("{}: the compiler's list has no such operator; it will leave them, and what "
                                         "stands behind them, to the CPU", Join(report.unlisted)));
  text += Weights(report.estimate) + Modelled(report.estimate);
  text += Compiled(report) + CompilerNotes(report.compilation);
  text += Line("audit", AuditVerdict(report.not_compiled.empty() ? report.compilation->audit : report.audit));
  text += Numbers(report) + Bound(report.bound);
  text += Line("bundle", report.folder.string());
  return text + Files(report);
}

}  // namespace consort
