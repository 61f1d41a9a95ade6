// `consort make`: writes the zoo's networks, and gives any model seeded weights.
#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
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

std::string OptionName(zoo::Choice choice) {
  switch (choice) {
    case zoo::Choice::kSize:
      return "--size";
    case zoo::Choice::kWidth:
      return "--width";
    case zoo::Choice::kSide:
      return "--side";
    case zoo::Choice::kScale:
      return "--scale";
    case zoo::Choice::kSequence:
      return "--sequence";
  }
  return "";
}

std::vector<std::string> OptionNames(const zoo::Architecture& architecture) {
  std::vector<std::string> names;
  for (const zoo::Choice choice : architecture.choices) names.push_back(OptionName(choice));
  return names;
}

std::string Millions(int64_t count) { return fmt::format("{:.3f} M", static_cast<double>(count) / 1e6); }

void PrintList(OutputFormat format) {
  Table table({{"name"}, {"MACs", Align::kRight}, {"parameters", Align::kRight}, {"options"}, {"what it is"}});
  Json list = Json::array();
  for (const zoo::Architecture& architecture : zoo::Architectures()) {
    const zoo::Costs costs = zoo::CostsOf(architecture.name, {});
    const std::vector<std::string> options = OptionNames(architecture);
    table.AddRow({architecture.name, Millions(costs.macs), Millions(costs.parameters), Join(options, " "),
                  architecture.summary});
    list.push_back({{"name", architecture.name},
                    {"macs", costs.macs},
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

// Checks what was made as any model is checked, writes it and says what it is.
void WriteAndReport(const std::string& bytes, const std::string& name, const MakeCommandOptions& options) {
  const Model model = Model::Parse(std::as_bytes(std::span(bytes)), fs::path(options.output).filename().string());
  WriteFile(options.output, bytes);
  const GraphTotals& totals = model.graph().totals();
  const auto size = static_cast<int64_t>(bytes.size());
  if (options.format == OutputFormat::kJson) {
    const Json report = {{"name", name},
                         {"seed", options.network.seed},
                         {"macs", totals.macs},
                         {"macs_known", totals.macs_known},
                         {"parameters", totals.parameters},
                         {"bytes", size},
                         {"fingerprint", model.fingerprint()},
                         {"file", options.output}};
    fmt::print("{}\n", report.dump(2));
    return;
  }
  fmt::print(
      "name         {}\nseed         {}\nMACs         {}{}\nparameters   {}\nsize         {}\nfingerprint  {}\nfile    "
      "     {}\n",
      name, options.network.seed, totals.macs_known ? "" : "at least ", totals.macs, totals.parameters,
      FormatBytes(size), model.fingerprint(), options.output);
}

void MakeNetwork(const MakeCommandOptions& options) {
  std::string bytes;
  try {
    bytes = zoo::Make(options.name, options.network).SerializeAsString();
  } catch (const Error& error) {
    // Names and sizes stand on the command line.
    if (error.code() == ErrorCode::kInvalidArgument) throw UsageError(error.what());
    throw;
  }
  WriteAndReport(bytes, options.name, options);
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
  onnx::ModelProto proto;
  if (proto.ParseFromString(model.Serialize({.inline_external_data = true}))) return proto;
  throw Error(ErrorCode::kInternal, fmt::format("'{}' cannot be read back with its external data", options.reseed));
}

void Reseed(const MakeCommandOptions& options) {
  onnx::ModelProto proto = ReadModel(options);
  const zoo::SeedReport report = zoo::SeedWeights(proto, options.network.seed);
  if (report.tensors == 0) {
    throw Error(ErrorCode::kUnsupported, fmt::format("'{}' has no weights that could be seeded", options.reseed));
  }
  WriteAndReport(proto.SerializeAsString(), fs::path(options.reseed).filename().string(), options);
}

ExitCode RunMake(const MakeCommandOptions& options) {
  const int asked = (options.list ? 1 : 0) + (options.reseed.empty() ? 0 : 1) + (options.name.empty() ? 0 : 1);
  if (asked != 1) throw UsageError("one of NAME, --list and --reseed FILE is needed\nSee 'consort make --help'.");
  if (options.list) {
    PrintList(options.format);
    return ExitCode::kDone;
  }
  if (options.output.empty()) throw UsageError("-o FILE is needed: the file to write");
  const zoo::MakeOptions& network = options.network;
  const bool shaped =
      network.size || network.width || network.side || network.scale || network.sequence || network.batch != 1;
  if (!options.reseed.empty() && shaped) throw UsageError("--reseed keeps the network as it is: it takes --seed only");
  options.reseed.empty() ? MakeNetwork(options) : Reseed(options);
  return ExitCode::kDone;
}

int64_t ParseCount(const std::string& text) { return ParseInt(text, 1, std::numeric_limits<int32_t>::max()); }
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
  return {app, [options] { return RunMake(*options); }};
}

}  // namespace consort
