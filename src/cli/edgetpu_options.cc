#include "cli/edgetpu_options.h"

#include "cli/command.h"

namespace consort {
namespace {

void AddCompilerOptions(CLI::App* app, EdgeTpuArguments& arguments) {
  const std::string group = "Compiler";
  app->add_option("--compiler", arguments.compiler, "edgetpu_compiler to run (default: the one on $PATH, if any)")
      ->type_name("FILE")
      ->group(group);
  AddParsed(
      app, "--compiler-timeout", "SECONDS", arguments.compiler_timeout_s,
      [](const std::string& text) { return ParseBetween(text, 0.1, 86400); },
      "stop the compiler after this long (default: 300)")
      ->group(group);
  app->add_flag("--no-compile", arguments.no_compile, "do not run a compiler that is there")->group(group);
}

}  // namespace

void AddEdgeTpuOptions(CLI::App* app, EdgeTpuArguments& arguments) {
  app->add_option("MODEL", arguments.quantize.model, "float ONNX model, or a shard of one")->required()->type_name("");
  app->add_option("-o,--output", arguments.folder, "folder to write; made where it is absent")
      ->required()
      ->type_name("DIR");
  AddChoice(app, "--precision", arguments.ports, {{"int8", TfLitePorts::kInt8}, {"uint8", TfLitePorts::kUInt8}},
            "of the Edge TPU's inputs and outputs; between them everything is int8 (default: int8)");
  app->add_flag("--per-tensor", arguments.quantize.per_tensor,
                "one scale per weight tensor (default: one per output channel)");
  app->add_flag("--no-cut", arguments.no_cut, "exit code 4 where not all of the model fits, instead of a cut");
  AddAccuracyBounds(app, arguments.quantize, "leave layers to the rest, in float,");
  app->add_flag("--force", arguments.force, "write over the files of an earlier bundle");
  app->add_flag("--no-check", arguments.no_check, "do not run the parts against the whole model");
  app->add_option("--platform", arguments.platform, "whose Edge TPU times are modelled for (default: coral-usb3)")
      ->type_name("NAME|FILE");
  AddCompilerOptions(app, arguments);
  AddCalibrationOptions(app, arguments.quantize);
  AddShapeOptions(app, arguments.quantize.loading.shapes, arguments.quantize.loading.dims);
  AddImageOptions(app, arguments.quantize.image);
  AddFormatOption(app, arguments.quantize.format);
}

void CheckEdgeTpuArguments(const EdgeTpuArguments& arguments) {
  if (arguments.no_compile && !arguments.compiler.empty())
    throw UsageError("--no-compile and --compiler exclude each other");
  if (arguments.no_check && !arguments.quantize.validation.empty())
    throw UsageError("--validation is for the figures that --no-check leaves out");
  if (arguments.no_check && arguments.quantize.bounded())
    throw UsageError("--min-sqnr and --max-accuracy-drop bound the figures that --no-check leaves out");
  CheckQuantizeArguments(arguments.quantize);
}

}  // namespace consort
