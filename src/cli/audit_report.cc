#include "cli/audit_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "base/strings.h"
#include "cli/help.h"
#include "cli/table.h"
#include "consort/types.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;
using tflite::AuditedTensor;
using tflite::AuditReport;
using tflite::OperatorCount;

constexpr int kWidth = 80;
constexpr int kKeyWidth = 13;

std::string Count(int count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string Macs(int64_t macs, bool known) {
  if (!known && macs == 0) return "unknown";
  return fmt::format("{}{:.2f} M", known ? "" : "≥ ", static_cast<double>(macs) / 1e6);
}

// What computes in integers, and what does not.
std::string Arithmetic(const AuditReport& report) {
  if (!report.full_integer()) {
    const auto count = static_cast<int>(report.float_operators.size());
    return fmt::format("not full-integer: {} {} floating point", Count(count, "operator"),
                       count == 1 ? "touches" : "touch");
  }
  std::vector<std::string> types;
  for (const auto& [type, count] : report.activation_types) types.push_back(type);
  return "full-integer" + (types.empty() ? "" : " " + Join(types));
}

std::string Line(const std::string& key, const std::string& value) {
  return fmt::format("{:<{}}{}\n", key, kKeyWidth, WrapText(value, kWidth - kKeyWidth, kKeyWidth));
}

std::string ShapeText(const AuditedTensor& tensor) {
  return FormatShape({tensor.shape.begin(), tensor.shape.end()});
}

std::string ScaleText(const AuditedTensor& tensor) {
  if (tensor.scale.empty()) return "-";
  return tensor.scale.size() == 1 ? fmt::format("{:g}", tensor.scale.front())
                                  : fmt::format("{} scales", tensor.scale.size());
}

std::string ZeroPointText(const AuditedTensor& tensor) {
  if (tensor.scale.empty()) return "-";
  for (const int64_t point : tensor.zero_point) {
    if (point != tensor.zero_point.front()) return "several";
  }
  return tensor.zero_point.empty() ? "0" : std::to_string(tensor.zero_point.front());
}

std::string Header(const AuditView& view) {
  const AuditReport& report = view.report;
  std::string text = WrapText(AuditVerdict(report), kWidth, 0) + "\n\n";
  text += Line("file", fmt::format("{}, {}", Fit(view.file, 48), FormatBytes(view.bytes)));
  text += Line("description", report.description.empty() ? "none" : Fit(report.description, 60));
  text += Line("runtime", report.runtime_version.empty() ? "the file asks for no version"
                                                         : Fit(report.runtime_version, 30) + " or newer");
  text += Line("shapes", report.open_shapes.empty()
                             ? "static"
                             : fmt::format("open in {}, '{}' first",
                                           Count(static_cast<int>(report.open_shapes.size()), "tensor"),
                                           Fit(report.open_shapes.front(), 30)));
  std::vector<std::string> types;
  for (const auto& [type, count] : report.activation_types) types.push_back(fmt::format("{} {}", count, type));
  text += Line("activations", types.empty() ? "none" : Join(types));
  if (report.subgraphs > 1) text += Line("subgraphs", std::to_string(report.subgraphs));
  if (report.compiled()) text += Line("MACs", "of the Edge TPU: unknown, the compiled operator does not tell them");
  return text;
}

std::string Ports(const AuditReport& report) {
  Table table({{"port"}, {"name"}, {"type"}, {"shape"}, {"scale", Align::kRight}, {"zero point", Align::kRight}});
  const auto add = [&](const char* direction, const std::vector<AuditedTensor>& tensors) {
    for (const AuditedTensor& tensor : tensors) {
      table.AddRow({direction, Fit(tensor.name, 20), tensor.type, Fit(ShapeText(tensor), 18), ScaleText(tensor),
                    ZeroPointText(tensor)});
    }
  };
  add("in", report.inputs);
  add("out", report.outputs);
  return "\n" + table.ToString();
}

std::string Operators(const AuditReport& report) {
  Table table({{"operator"}, {"count", Align::kRight}, {"MACs", Align::kRight}, {"runs on"}});
  for (const OperatorCount& kind : report.kinds) {
    table.AddRow({Fit(kind.name, 36), std::to_string(kind.count), Macs(kind.macs, kind.macs_known),
                  kind.on_edgetpu ? "Edge TPU" : "CPU"});
  }
  return "\n" + table.ToString();
}

std::string Notes(const AuditReport& report) {
  std::string text;
  for (const std::string& place : report.decoys) {
    const std::string note = fmt::format("the text 'edgetpu-custom-op' stands in {}: that compiles nothing", place);
    text += WrapText(note, kWidth, 0) + "\n";
  }
  constexpr size_t kListed = 5;
  for (size_t i = 0; i < report.float_operators.size() && i < kListed; ++i) {
    text += fmt::format("floating point: {}\n", Fit(report.float_operators[i], 60));
  }
  if (report.float_operators.size() > kListed) {
    text += fmt::format("floating point: {} more\n", report.float_operators.size() - kListed);
  }
  return text.empty() ? "" : "\n" + text;
}

std::string Tensors(const AuditReport& report) {
  Table table({{"tensor"}, {"kind"}, {"type"}, {"shape"}, {"scale", Align::kRight}, {"zero", Align::kRight}});
  for (const AuditedTensor& tensor : report.tensors) {
    table.AddRow({Fit(tensor.name, 26), tensor.constant ? "const" : "", tensor.type, Fit(ShapeText(tensor), 17),
                  ScaleText(tensor), ZeroPointText(tensor)});
  }
  return "\n" + table.ToString();
}

// --- JSON -----------------------------------------------------------------------------------------------------------

Json TensorJson(const AuditedTensor& tensor) {
  return {{"name", tensor.name},   {"type", tensor.type},           {"shape", tensor.shape},
          {"scale", tensor.scale}, {"zero_point", tensor.zero_point}, {"constant", tensor.constant}};
}

Json TensorsJson(const std::vector<AuditedTensor>& tensors) {
  Json list = Json::array();
  for (const AuditedTensor& tensor : tensors) list.push_back(TensorJson(tensor));
  return list;
}

Json OperatorsJson(const AuditReport& report) {
  Json list = Json::array();
  for (const OperatorCount& kind : report.kinds) {
    list.push_back({{"operator", kind.name},
                    {"count", kind.count},
                    {"macs", kind.macs},
                    {"macs_known", kind.macs_known},
                    {"on_edgetpu", kind.on_edgetpu}});
  }
  return list;
}

}  // namespace

std::string AuditVerdict(const AuditReport& report) {
  const std::string arithmetic = Arithmetic(report);
  if (!report.compiled()) {
    return fmt::format("not compiled for the Edge TPU: {}, all for the CPU; {}", Count(report.operators, "operator"),
                       arithmetic);
  }
  if (report.cpu_operators() == 0) {
    return fmt::format("compiled for the Edge TPU: {} there, none left to the CPU; {}",
                       Count(report.edgetpu_operators, "operator"), arithmetic);
  }
  return fmt::format("compiled for the Edge TPU in part: {} of {} left to the CPU, with {} MACs; {}",
                     report.cpu_operators(), Count(report.operators, "operator"),
                     Macs(report.cpu_macs, report.cpu_macs_known), arithmetic);
}

std::string AuditTables(const AuditView& view) {
  return Header(view) + Ports(view.report) + Operators(view.report) + Notes(view.report) +
         (view.tensors ? Tensors(view.report) : "");
}

std::string AuditJson(const AuditView& view) {
  const AuditReport& report = view.report;
  Json json = {{"file", view.file},
               {"bytes", view.bytes},
               {"verdict", AuditVerdict(report)},
               {"compiled", report.compiled()},
               {"full_integer", report.full_integer()},
               {"description", report.description},
               {"runtime_version", report.runtime_version},
               {"subgraphs", report.subgraphs},
               {"operators", report.operators},
               {"edgetpu_operators", report.edgetpu_operators},
               {"cpu_operators", report.cpu_operators()},
               {"cpu_macs", report.cpu_macs},
               {"cpu_macs_known", report.cpu_macs_known},
               {"by_operator", OperatorsJson(report)},
               {"activation_types", report.activation_types},
               {"float_operators", report.float_operators},
               {"open_shapes", report.open_shapes},
               {"decoys", report.decoys},
               {"inputs", TensorsJson(report.inputs)},
               {"outputs", TensorsJson(report.outputs)}};
  if (view.tensors) json["tensors"] = TensorsJson(report.tensors);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
