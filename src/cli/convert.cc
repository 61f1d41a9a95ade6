// `consort convert`: a quantized ONNX model becomes a TensorFlow Lite one.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"
#include "base/strings.h"
#include "cli/audit_report.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/table.h"
#include "consort/model.h"
#include "tflite/parse.h"
#include "tflite/port_json.h"
#include "tflite/write_tflite.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kDescription[] =
    "Writes a quantized ONNX model (QuantizeLinear, DequantizeLinear) as a full-integer int8 TensorFlow Lite model "
    "that keeps its scales";
constexpr char kFooter[] =
    "Images go in and out as NHWC, as TensorFlow Lite has them. An operator without a\n"
    "counterpart ends the command; all of them are listed.\n"
    "\n"
    "Examples:\n"
    "  consort convert mobilenet-int8.onnx -o mobilenet.tflite\n"
    "  consort convert net-int8.onnx -o net.tflite --ports float32";

struct ConvertOptions {
  std::string model;
  std::string output;
  ModelOptions loading;
  TfLiteOptions writing;
  OutputFormat format = OutputFormat::kTable;
};

std::string PortLine(const char* direction, const TfLitePort& port) {
  std::string text = fmt::format("{:<8} {} {} {}", direction, Fit(port.name, 24), ToString(port.spec.dtype),
                                 FormatShape(port.spec.shape));
  if (port.spec.layout != Layout::kPlain) {
    text += fmt::format(" {}", ToString(port.spec.layout));
    if (port.spec.shape != port.onnx_shape) text += fmt::format(", in ONNX {}", FormatShape(port.onnx_shape));
  }
  return text + "\n";
}

void Print(const TfLiteFile& file, const ConvertOptions& options) {
  const tflite::AuditReport report = tflite::Audit(tflite::ParseContents(file.bytes, options.output));
  if (options.format == OutputFormat::kJson) {
    const Json json = {{"file", options.output},
                       {"bytes", file.bytes.size()},
                       {"operators", report.operators},
                       {"full_integer", report.full_integer()},
                       {"inputs", PortsJson(file.inputs)},
                       {"outputs", PortsJson(file.outputs)}};
    fmt::print("{}\n", json.dump(2));
    return;
  }
  fmt::print("file     {}, {}\n", options.output, FormatBytes(static_cast<int64_t>(file.bytes.size())));
  for (const TfLitePort& port : file.inputs) fmt::print("{}", PortLine("input", port));
  for (const TfLitePort& port : file.outputs) fmt::print("{}", PortLine("output", port));
  fmt::print("audit    {}\n", AuditVerdict(report));
}

ExitCode RunConvert(const ConvertOptions& options) {
  const TfLiteFile file = WriteTfLite(Model::Load(options.model, options.loading), options.writing);
  WriteFile(options.output, file.bytes);
  Print(file, options);
  return ExitCode::kDone;
}

}  // namespace

Command AddConvertCommand(CLI::App& program) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* app = program.add_subcommand("convert", kDescription);
  app->footer(kFooter);
  app->add_option("MODEL", options->model, "quantized ONNX file")->required()->type_name("");
  app->add_option("-o,--output", options->output, ".tflite file to write")->required()->type_name("FILE");
  AddChoice(app, "--ports", options->writing.ports,
            {{"int8", TfLitePorts::kInt8}, {"uint8", TfLitePorts::kUInt8}, {"float32", TfLitePorts::kFloat32}},
            "type of inputs and outputs (default: int8)");
  app->add_flag("--keep-port-layout", options->writing.keep_port_layout,
                "images go in and out as NCHW, through TRANSPOSE operators");
  AddShapeOptions(app, options->loading.shapes, options->loading.dims);
  AddFormatOption(app, options->format);
  return {app, [options] { return RunConvert(*options); }};
}

}  // namespace consort
