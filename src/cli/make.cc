// `consort make`: writes the zoo's networks, and gives any model seeded weights.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/strings.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/table.h"
#include "consort/model.h"
#include "model/model_rep.h"
#include "zoo/seed_weights.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr char kFooter[] =
    "Networks have their published structure and weights made from the seed: the\n"
    "same file on every machine. Activations stay of unit order at any depth and\n"
    "logits have a deviation near 2, so that numbers can be compared; nothing is\n"
    "trained.\n"
    "\n"
    "Examples:\n"
    "  consort make --list\n"
    "  consort make resnet-50 -o resnet50.onnx\n"
    "  consort make mobilenet-v1 --size 128 --width 0.25 --batch '?' -o small.onnx\n"
    "  consort make --reseed model.onnx --seed 7 -o reseeded.onnx";

struct MakeCommandOptions {
  std::string name;
  std::string reseed;
  std::string output;
  bool list = false;
  zoo::MakeOptions network;
  OutputFormat format = OutputFormat::kTable;
};

std::vector<std::string> OptionNames(const zoo::Architecture& architecture) {
  std::vector<std::string> names;
  for (const zoo::Choice choice : architecture.choices) names.push_back(zoo::OptionName(choice));
  return names;
}

std::string Millions(int64_t count) { return fmt::format("{:.3f} M", static_cast<double>(count) / 1e6); }

void PrintList(OutputFormat format) {
  Table table({{"name"},
               {"MACs", Align::kRight},
               {"trainable", Align::kRight},
               {"parameters", Align::kRight},
               {"options"},
               {"what it is"}});
  Json list = Json::array();
  for (const zoo::Architecture& architecture : zoo::Architectures()) {
    const zoo::Costs costs = zoo::CostsOf(architecture.name, {});
    const std::vector<std::string> options = OptionNames(architecture);
    table.AddRow({architecture.name, Millions(costs.macs), Millions(costs.trainable), Millions(costs.parameters),
                  Join(options, " "), architecture.summary});
    list.push_back({{"name", architecture.name},
                    {"macs", costs.macs},
                    {"trainable_parameters", costs.trainable},
                    {"parameters", costs.parameters},
                    {"options", options},
                    {"default_size", architecture.default_size},
                    {"summary", architecture.summary}});
  }
  if (format == OutputFormat::kTable)
    fmt::print("{}", table.ToString());
  else
    fmt::print("{}\n", Json{{"architectures", list}}.dump(2));
}

// What was made of which name. `seeded` is there for --reseed.
struct Made {
  std::string name;
  std::string bytes;
  int64_t trainable = 0;
  std::optional<zoo::SeedReport> seeded;
};

Json SeededJson(const zoo::SeedReport& report) {
  Json kept = Json::array();
  for (const zoo::KeptTensors& group : report.kept) {
    kept.push_back({{"reason", group.reason}, {"tensors", group.tensors}, {"elements", group.elements}});
  }
  return {{"seeded", {{"tensors", report.tensors}, {"elements", report.elements}}}, {"kept", kept}};
}

void PrintJson(const Made& made, const Model& model, const MakeCommandOptions& options) {
  const GraphTotals& totals = model.graph().totals();
  Json report = {{"name", made.name},
                 {"seed", options.network.seed},
                 {"macs", totals.macs},
                 {"macs_known", totals.macs_known},
                 {"trainable_parameters", made.trainable},
                 {"parameters", totals.parameters},
                 {"bytes", made.bytes.size()},
                 {"fingerprint", model.fingerprint()},
                 {"file", options.output}};
  if (made.seeded) report.update(SeededJson(*made.seeded));
  fmt::print("{}\n", report.dump(2));
}

std::string Amount(int64_t tensors, int64_t elements) {
  return fmt::format("{} tensor{}, {} element{}", tensors, tensors == 1 ? "" : "s", elements, elements == 1 ? "" : "s");
}

void PrintLines(const Made& made, const Model& model, const MakeCommandOptions& options) {
  const GraphTotals& totals = model.graph().totals();
  const auto line = [](std::string_view key, const std::string& value) { fmt::print("{:<12} {}\n", key, value); };
  line("name", made.name);
  line("seed", std::to_string(options.network.seed));
  line("MACs", fmt::format("{}{}", totals.macs_known ? "" : "at least ", totals.macs));
  line("trainable", std::to_string(made.trainable));
  line("parameters", std::to_string(totals.parameters));
  if (made.seeded) {
    line("seeded", Amount(made.seeded->tensors, made.seeded->elements));
    for (const zoo::KeptTensors& group : made.seeded->kept) {
      line("kept", fmt::format("{} ({})", Amount(group.tensors, group.elements), group.reason));
    }
  }
  line("size", FormatBytes(static_cast<int64_t>(made.bytes.size())));
  line("fingerprint", model.fingerprint());
  line("file", options.output);
}

// Checks what was made as any model is checked, writes it and says what it is.
void WriteAndReport(const Made& made, const MakeCommandOptions& options) {
  const std::string file = fs::path(options.output).filename().string();
  const Model model = Model::Parse(std::as_bytes(std::span(made.bytes)), file);
  WriteFile(options.output, made.bytes);
  options.format == OutputFormat::kJson ? PrintJson(made, model, options) : PrintLines(made, model, options);
}

void MakeNetwork(const MakeCommandOptions& options) {
  Made made = {.name = options.name};
  try {
    made.bytes = zoo::Make(options.name, options.network).SerializeAsString();
    made.trainable = zoo::CostsOf(options.name, options.network).trainable;
  } catch (const Error& error) {
    // Names and sizes stand on the command line.
    if (error.code() == ErrorCode::kInvalidArgument) throw UsageError(error.what());
    throw;
  }
  WriteAndReport(made, options);
}

bool IsSameFile(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error);
}

// Throws when writing the output would destroy what is read.
void RequireOtherFile(const Model& model, const MakeCommandOptions& options) {
  bool same = IsSameFile(options.reseed, options.output);
  for (const ExternalFile& file : model.rep().external_files) {
    same = same || IsSameFile(model.data_folder() / file.location, options.output);
  }
  if (same) throw UsageError(fmt::format("--output '{}' is a file that --reseed reads: name another", options.output));
}

onnx::ModelProto ReadModel(const MakeCommandOptions& options) {
  const Model model = Model::Load(options.reseed);
  RequireOtherFile(model, options);
  if (!model.has_external_data()) return model.rep().proto;
  const int64_t weights = model.graph().totals().parameter_bytes;
  if (weights >= zoo::kLargestFile) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("'{}' has {} of weights in files of their own; --reseed writes one file that holds them, and "
                    "such a file ends at 2 GiB",
                    options.reseed, FormatBytes(weights)));
  }
  onnx::ModelProto proto;
  if (proto.ParseFromString(model.Serialize({.inline_external_data = true}))) return proto;
  throw Error(ErrorCode::kInternal, fmt::format("'{}' cannot be read back with its external data", options.reseed));
}

[[noreturn]] void RefuseUnseeded(const std::string& file, const zoo::SeedReport& report) {
  std::string kept;
  for (const zoo::KeptTensors& group : report.kept) {
    kept += fmt::format("\n  kept: {} ({})", Amount(group.tensors, group.elements), group.reason);
  }
  throw Error(ErrorCode::kUnsupported, fmt::format("'{}' has no weights that could be seeded{}", file, kept));
}

void Reseed(const MakeCommandOptions& options) {
  onnx::ModelProto proto = ReadModel(options);
  const zoo::SeedReport report = zoo::SeedWeights(proto, options.network.seed);
  if (report.tensors == 0) RefuseUnseeded(options.reseed, report);
  WriteAndReport({fs::path(options.reseed).filename().string(), proto.SerializeAsString(), report.trainable, report},
                 options);
}

// Options on the command line, by their first long names.
std::vector<std::string> GivenOptions(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0 && !option->get_lnames().empty()) names.push_back("--" + option->get_lnames().front());
  }
  return names;
}

// Throws UsageError when an option is given that `mode`, itself one, does not take.
void RequireOnly(const std::string& mode, const std::vector<std::string>& taken, const CLI::App& app) {
  for (const std::string& given : GivenOptions(app)) {
    if (given == mode || std::find(taken.begin(), taken.end(), given) != taken.end()) continue;
    throw UsageError(fmt::format("{} takes no {}; it takes {}", mode, given, Join(taken)));
  }
}

ExitCode RunMake(const MakeCommandOptions& options, const CLI::App& app) {
  const int asked = (options.list ? 1 : 0) + (options.reseed.empty() ? 0 : 1) + (options.name.empty() ? 0 : 1);
  if (asked != 1) throw UsageError("one of NAME, --list and --reseed FILE is needed\nSee 'consort make --help'.");
  if (options.list) {
    RequireOnly("--list", {"--format"}, app);
    PrintList(options.format);
    return ExitCode::kDone;
  }
  if (!options.reseed.empty()) RequireOnly("--reseed", {"--seed", "--output", "--format"}, app);
  if (options.output.empty()) throw UsageError("-o FILE is needed: the file to write");
  options.reseed.empty() ? MakeNetwork(options) : Reseed(options);
  return ExitCode::kDone;
}

int64_t ParseCount(const std::string& text) { return ParseInt(text, 1, zoo::kLargestNumber); }
int64_t ParseBatch(const std::string& text) { return text == "?" ? kDynamic : ParseCount(text); }

}  // namespace

Command AddMakeCommand(CLI::App& program) {
  auto options = std::make_shared<MakeCommandOptions>();
  zoo::MakeOptions& network = options->network;
  CLI::App* app = program.add_subcommand("make", "Makes networks of published structure with seeded weights");
  app->footer(kFooter);
  app->add_option("NAME", options->name, "architecture, as --list has it")->type_name("");
  app->add_flag("--list", options->list, "list the architectures");
  app->add_option("--reseed", options->reseed, "give the weights of any ONNX model seeded values instead")
      ->type_name("FILE");
  AddParsed(app, "--size", "N", network.size, ParseCount, "side of the square input image");
  AddParsed(app, "--width", "W", network.width, ParseNumber, "multiplier of the channels");
  AddParsed(app, "--side", "N", network.side, ParseCount, "side of the matrix (matvec)");
  AddParsed(app, "--scale", "S", network.scale, ParseNumber, "1.0 to 7.0 in steps of 0.5 (seed-dense)");
  AddParsed(app, "--sequence", "N", network.sequence, ParseCount, "tokens of the sequence");
  AddParsed(app, "--batch", "N", network.batch, ParseBatch, "inputs per call (default: 1); '?' leaves it open");
  AddParsed(app, "--seed", "N", network.seed, ParseSeed, "what the weights are made from (default: 0)");
  app->add_option("-o,--output", options->output, "ONNX file to write")->type_name("FILE");
  AddFormatOption(app, options->format);
  return {app, [options, app] { return RunMake(*options, *app); }};
}

}  // namespace consort
