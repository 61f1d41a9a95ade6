#include "cli/quantize_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/table.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kWorstLayers = 8;

std::string Decibels(double value) {
  if (std::isinf(value)) return value > 0 ? "exact" : "none";
  return fmt::format("{:.1f}", value);
}

std::string Sqnr(double value) { return std::isinf(value) ? Decibels(value) : Decibels(value) + " dB"; }

// "dropped 3 identities, …"; empty when nothing was rewritten.
std::string Rewritings(const Preparation& made, int smoothed) {
  std::vector<std::string> parts;
  const auto add = [&](int count, const std::string& what) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, what));
  };
  add(made.folded_norms, "BatchNormalization folded");
  add(made.norms_as_convolution, "BatchNormalization as Conv");
  add(made.folded_biases, "Add as bias");
  add(made.folded_transposes, "Transpose of a constant folded");
  add(made.dropped, "Identity or Dropout dropped");
  add(smoothed, smoothed == 1 ? "input of products smoothed" : "inputs of products smoothed");
  if (made.opset_before < kLeastOpset)
    parts.push_back(fmt::format("opset {} raised to {}", made.opset_before, kLeastOpset));
  return Join(parts);
}

std::string FloatOps(const QuantizeReport& report) {
  std::string text;
  for (const auto& [what, count] : report.float_ops) text += fmt::format("          float: {} {}\n", count, what);
  return text;
}

std::string Header(const QuantizeReport& report) {
  std::string text = fmt::format("model     {}, fingerprint {}\n", Fit(report.source, 36), report.fingerprint);
  text += fmt::format("scheme    {}\n", report.scheme);
  if (const std::string rewritings = Rewritings(report.made, report.smoothed); !rewritings.empty())
    text += fmt::format("prepared  {}\n", rewritings);
  if (!report.method.empty()) {
    text += fmt::format("ranges    {}, {} sample{} of {}\n", report.method, report.samples,
                        report.samples == 1 ? "" : "s", report.calibrated_on);
  }
  text += fmt::format("ops       {} of {} quantized\n", report.quantized_ops, report.ops) + FloatOps(report);
  if (report.clamped > 0)
    text += fmt::format("clamped   {} weights to ±65504, in {}\n", report.clamped, Fit(Join(report.clamped_in), 50));
  return text;
}

std::string WholeModel(const QuantizeReport& report) {
  const Accuracy& accuracy = report.accuracy;
  std::string text = fmt::format("outputs   SQNR {}, cosine {:.6f}", Sqnr(accuracy.sqnr_db), accuracy.cosine);
  if (accuracy.top1) text += fmt::format(", top-1 as in float {:.1f} %", 100 * *accuracy.top1);
  text += fmt::format("\n          {} sample{} of {}, on {}\n", accuracy.inputs, accuracy.inputs == 1 ? "" : "s",
                      report.validated_on, report.target);
  if (accuracy.nonfinite_mismatches > 0)
    text += fmt::format("          {} elements are finite in one only\n", accuracy.nonfinite_mismatches);
  return text;
}

std::string Bound(const QuantizeReport& report) {
  if (!report.bound) return "";
  const BoundReport& bound = *report.bound;
  std::string text = fmt::format("bound     {}: {} after {} tr{}, {} layer{} kept in float\n", bound.bound,
                                 bound.met ? "met" : "missed", bound.tries, bound.tries == 1 ? "y" : "ies",
                                 bound.layers.size(), bound.layers.size() == 1 ? "" : "s");
  const size_t shown = report.all_layers ? bound.layers.size() : std::min(kWorstLayers, bound.layers.size());
  for (size_t i = 0; i < shown; ++i) text += fmt::format("          {}\n", Fit(bound.layers[i], 70));
  if (shown < bound.layers.size())
    text += fmt::format("          {} more: --sensitivity\n", bound.layers.size() - shown);
  return text;
}

std::string File(const QuantizeReport& report) {
  if (!report.written) return "file      none: the bound is missed\n";
  return fmt::format("file      {}, {} ({:.0f} % of {})\n", report.output.string(), FormatBytes(report.bytes_after),
                     100.0 * static_cast<double>(report.bytes_after) / static_cast<double>(report.bytes_before),
                     FormatBytes(report.bytes_before));
}

std::string Notes(const QuantizeReport& report) {
  std::string text;
  for (const std::string& note : report.notes) text += fmt::format("note      {}\n", note);
  return text;
}

std::string Layers(const QuantizeReport& report) {
  if (report.layers.empty()) return "";
  Table table({{"layer"},
               {"op"},
               {"alone dB", Align::kRight},
               {"cosine", Align::kRight},
               {"whole dB", Align::kRight},
               {"cosine", Align::kRight}});
  const size_t shown = report.all_layers ? report.layers.size() : std::min(kWorstLayers, report.layers.size());
  for (size_t i = 0; i < shown; ++i) {
    const LayerError& layer = report.layers[i];
    table.AddRow({Fit(layer.name, 22), Fit(layer.type, 17), Decibels(layer.alone.sqnr_db),
                  fmt::format("{:.5f}", layer.alone.cosine), Decibels(layer.accumulated.sqnr_db),
                  fmt::format("{:.5f}", layer.accumulated.cosine)});
  }
  std::string text = "\n" + table.ToString();
  if (shown < report.layers.size())
    text += fmt::format("{} more, none of them worse alone: --sensitivity\n", report.layers.size() - shown);
  return text;
}

// --- JSON -----------------------------------------------------------------------------------------------------------

// null where there is no finite number.
Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json ErrorJson(const TensorError& error) {
  return {{"sqnr_db", Number(error.sqnr_db)}, {"cosine", Number(error.cosine)}};
}

Json LayersJson(const QuantizeReport& report) {
  Json layers = Json::array();
  for (const LayerError& layer : report.layers) {
    layers.push_back({{"name", layer.name},
                      {"op", layer.type},
                      {"tensor", layer.tensor},
                      {"alone", ErrorJson(layer.alone)},
                      {"accumulated", ErrorJson(layer.accumulated)}});
  }
  return layers;
}

Json OutputsJson(const QuantizeReport& report) {
  const Accuracy& accuracy = report.accuracy;
  return {{"sqnr_db", Number(accuracy.sqnr_db)},
          {"exact", std::isinf(accuracy.sqnr_db) && accuracy.sqnr_db > 0},
          {"cosine", Number(accuracy.cosine)},
          {"error", Number(accuracy.error)},
          {"top1_agreement", accuracy.top1 ? Json(*accuracy.top1) : Json()},
          {"nonfinite_mismatches", accuracy.nonfinite_mismatches},
          {"samples", accuracy.inputs},
          {"of", report.validated_on},
          {"target", report.target}};
}

Json RangesJson(const QuantizeReport& report) {
  if (report.method.empty()) return nullptr;
  return {{"method", report.method}, {"samples", report.samples}, {"of", report.calibrated_on}};
}

Json BoundJson(const QuantizeReport& report) {
  if (!report.bound) return nullptr;
  return {{"bound", report.bound->bound},
          {"met", report.bound->met},
          {"tries", report.bound->tries},
          {"kept_in_float", report.bound->layers}};
}

}  // namespace

std::string QuantizeTables(const QuantizeReport& report) {
  return Header(report) + Bound(report) + WholeModel(report) + File(report) + Notes(report) + Layers(report);
}

std::string QuantizeJson(const QuantizeReport& report) {
  Json json = {{"source", report.source},
               {"fingerprint", report.fingerprint},
               {"file", report.written ? Json(report.output.string()) : Json()},
               {"bytes_before", report.bytes_before},
               {"bytes_after", report.bytes_after},
               {"scheme", report.scheme},
               {"ranges", RangesJson(report)},
               {"prepared",
                {{"opset_before", report.made.opset_before},
                 {"dropped", report.made.dropped},
                 {"folded_norms", report.made.folded_norms},
                 {"norms_as_convolution", report.made.norms_as_convolution},
                 {"folded_biases", report.made.folded_biases},
                 {"folded_transposes", report.made.folded_transposes},
                 {"smoothed", report.smoothed}}},
               {"ops", report.ops},
               {"quantized_ops", report.quantized_ops},
               {"float_ops", report.float_ops},
               {"clamped", {{"weights", report.clamped}, {"tensors", report.clamped_in}}},
               {"outputs", OutputsJson(report)},
               {"bound", BoundJson(report)},
               {"notes", report.notes},
               {"layers", LayersJson(report)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
