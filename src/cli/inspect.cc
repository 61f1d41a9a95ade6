// `consort inspect`: what a model is made of, what it costs and where it can be cut.
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/inspect_report.h"
#include "cli/options.h"
#include "consort/model.h"

namespace consort {
namespace {

constexpr char kFooter[] =
    "MACs are multiply-accumulates of convolutions, matrix products, recurrent layers\n"
    "and attention, for the shapes given. Operators that depend on constants only are\n"
    "folded by every engine and cost nothing. A cut is a place where the graph can be\n"
    "divided between devices: after operator N, so many tensors cross.\n"
    "\n"
    "Examples:\n"
    "  consort inspect resnet50.onnx\n"
    "  consort inspect det.onnx --shape x:1x3x640x640 --layers\n"
    "  consort inspect model.onnx --dim batch=4 --max-crossing 2 --format json";

struct InspectOptions {
  std::string model;
  ModelOptions loading;
  InspectReportOptions report;
  OutputFormat format = OutputFormat::kTable;
};

ExitCode RunInspect(const InspectOptions& options) {
  const Model model = Model::Load(options.model, options.loading);
  const bool json = options.format == OutputFormat::kJson;
  fmt::print("{}", json ? InspectJson(model, options.report) : InspectTables(model, options.report));
  return ExitCode::kDone;
}

}  // namespace

Command AddInspectCommand(CLI::App& program) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* app = program.add_subcommand("inspect", "Shows layers, costs and cut points of an ONNX model");
  app->footer(kFooter);
  app->add_option("MODEL", options->model, "ONNX file")->required()->type_name("");
  app->add_flag("--layers", options->report.layers, "list every operator with its shape and cost");
  AddParsed(app, "--max-crossing", "N", options->report.max_crossing, ParsePositive,
            "list cuts crossed by at most N tensors (default: 1)");
  const auto parse_count = [](const std::string& text) {
    return static_cast<int>(ParseInt(text, 0, std::numeric_limits<int32_t>::max()));
  };
  AddParsed(app, "--cuts", "N", options->report.listed_cuts, parse_count,
            "list the N cuts with the fewest bytes (default: 20); JSON lists all");
  AddShapeOptions(app, options->loading.shapes, options->loading.dims);
  AddFormatOption(app, options->format);
  return {app, [options] { return RunInspect(*options); }};
}

}  // namespace consort
