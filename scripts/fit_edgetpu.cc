// Fits the Edge TPU's cost model to published latencies and says how far it can be trusted.
//
//   build/release/bin/fit_edgetpu FIGURES [--check FILE.csv]
//
// FIGURES is a folder with coral_published.csv, coral_model_zoo.csv, edgetpu_conv_chains.csv and edgetpu_link.csv. Four
// values are fitted on rows marked scored=yes (Coral's USB 3 figures): the link's bandwidth, the rates of activations
// and of weights, and the instruction bytes of an op. Leave-one-out errors leave all rows of a model out. --check takes
// rows that the fit never sees: columns `network` (a name of `consort make` with its options, "mobilenet-v2 --size
// 224") and `ms`.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "consort/error.h"
#include "cost/cost_model.h"
#include "published_figures.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

// What a fit is checked on: a network and what was published of it.
struct Reference {
  std::string model;  // as published
  std::string network;
  double ms = 0;
  int64_t off_chip_bytes = -1;  // reported by the compiler; -1: not
};

// Published name and input → network of the zoo.
const std::map<std::string, std::string>& Networks() {
  static const std::map<std::string, std::string> networks = {
      {"Unet Mv2 128x128", "unet-mobilenet-v2 --size 128"},
      {"Inception v1 224x224", "inception-v1"},
      {"MobileNet v1 224x224", "mobilenet-v1"},
      {"ResNet-50 V1 299x299", "resnet-50 --size 299"},
      {"ResNet-50 V2 299x299", "resnet-50-v2 --size 299"},
      {"SqueezeNet 224x224", "squeezenet-1.0"},
      {"VGG16 224x224", "vgg-16"},
      {"EfficientNet-EdgeTpu-S 224x224", "efficientnet-edgetpu-s"},
      {"Inception V3 299x299", "inception-v3"},
      {"MobileNet V1 0.25 128x128", "mobilenet-v1 --width 0.25 --size 128"},
  };
  return networks;
}

// A chain of 7×7 convolutions as the benchmark built it: 2×2×3 padded to 128×128, `layers` of 32 filters, one 1×1
// filter at the end (github iwatake2222/EdgeTPU_Analysis, Ops/model_generator_conv.py).
Model ConvChain(int layers) {
  zoo::LayerWriter net("conv-chain");
  zoo::Value x = net.Input("image", {1, 3, 2, 2});
  const zoo::Value pads = net.ConstantInts("pads", {0, 0, 63, 63, 0, 0, 63, 63});
  x = net.Op("Pad", {x, pads}, {1, 3, 128, 128});
  for (int i = 0; i < layers; ++i) x = net.Relu(net.Conv(x, 32, zoo::Square(7), {.bias = true}));
  net.Output("out", net.Conv(x, 1, zoo::Square(1, 128, zoo::Padding::kValid), {.bias = true}));
  return zoo::StructureOf(std::move(net).Finish(), "conv-chain");
}

// One 1×1 filter that takes a single pixel of the input (InOut/model_generator_stride.py there).
Model OnePixel(int64_t height, int64_t width) {
  zoo::LayerWriter net("one-pixel");
  const zoo::Value x = net.Input("image", {1, 3, height, width});
  const zoo::Window window = {1, 1, std::max(height, width), zoo::Padding::kValid};
  net.Output("out", net.Conv(x, 1, window, {.bias = true}));
  return zoo::StructureOf(std::move(net).Finish(), "one-pixel");
}

Model MakeNetwork(const std::string& spec) {
  std::istringstream words(spec);
  std::string name;
  words >> name;
  zoo::MakeOptions options;
  for (std::string option; words >> option;) {
    double value = 0;
    words >> value;
    if (option == "--size") options.size = static_cast<int64_t>(value);
    if (option == "--width") options.width = value;
  }
  return zoo::Structure(name, options);
}

// Networks are made once; graphs must stay where they are.
class Library {
 public:
  const WorkList& Of(const std::string& network) {
    const auto known = works_.find(network);
    if (known != works_.end()) return known->second;
    return Add(network, MakeNetwork(network));
  }
  const WorkList& Add(const std::string& network, Model model) {
    models_.push_back(std::move(model));
    return works_[network] = WorkOf(models_.back().graph());
  }

 private:
  std::deque<Model> models_;
  std::map<std::string, WorkList> works_;
};

const std::vector<std::string> kFitted = {"link.bandwidth", "cost.activation_rate", "cost.weight_rate",
                                          "cost.instruction_bytes"};

// Where every fit starts: round numbers that no reference was looked at for.
const std::vector<double> kStart = {400e6, 32, 16, 4096};

class Bench {
 public:
  Bench(const std::string& platform, Library& library)
      : platform_(LoadPlatform(platform, BuiltinCostSchemas())), library_(library) {}

  std::vector<double> Values() const {
    const PlatformDevice& device = platform_.devices.front();
    const auto& parameters = device.cost.parameters;
    return {platform_.links.front().bandwidth.value, parameters.at("activation_rate").value,
            parameters.at("weight_rate").value, parameters.at("instruction_bytes").value};
  }
  void SetValues(const std::vector<double>& values) {
    SetLink(values[0], platform_.devices.front().cost.parameters.at("round_trip").value);
    auto& parameters = platform_.devices.front().cost.parameters;
    parameters["activation_rate"].value = values[1];
    parameters["weight_rate"].value = values[2];
    parameters["instruction_bytes"].value = values[3];
  }
  void SetLink(double bytes_per_s, double round_trip_s) {
    platform_.links.front().bandwidth.value = bytes_per_s;
    platform_.links.front().bandwidth_back.value = bytes_per_s;
    platform_.devices.front().cost.parameters["round_trip"].value = round_trip_s;
  }

  double Ms(const Reference& reference) const {
    CostQuery query;
    if (reference.off_chip_bytes >= 0) query.off_chip_bytes = reference.off_chip_bytes;
    const auto model = MakeCostModel(platform_, platform_.devices.front());
    return model->Cost(library_.Of(reference.network), query).latency_s * 1e3;
  }
  double ErrorOf(const Reference& reference) const { return Ms(reference) / reference.ms - 1; }
  std::vector<double> Errors(const std::vector<Reference>& references) const {
    std::vector<double> errors;
    for (const Reference& reference : references) errors.push_back(ErrorOf(reference));
    return errors;
  }

  void Fit(const std::vector<Reference>& references) {
    const auto loss = [&](const std::vector<double>& values) {
      SetValues(values);
      return SquaredLogarithms(references);
    };
    SetValues(Minimise(kStart, loss));
  }

  // Bandwidth and round trip alone: another host, another bus.
  void FitLink(const std::vector<Reference>& references) {
    const auto loss = [&](const std::vector<double>& values) {
      SetLink(values[0], values[1]);
      return SquaredLogarithms(references);
    };
    const std::vector<double> best = Minimise(
        {platform_.links.front().bandwidth.value, platform_.devices.front().cost.parameters.at("round_trip").value},
        loss);
    SetLink(best[0], best[1]);
  }
  double round_trip_s() const { return platform_.devices.front().cost.parameters.at("round_trip").value; }

 private:
  // Of modelled over published: what both fits make smallest.
  double SquaredLogarithms(const std::vector<Reference>& references) const {
    double squares = 0;
    for (const Reference& reference : references) squares += std::pow(std::log(Ms(reference) / reference.ms), 2);
    return squares;
  }

  Platform platform_;
  Library& library_;
};

std::vector<Reference> ScoredRows(const std::filesystem::path& figures, const std::string& column_of_published,
                                  const std::string& column_of_zoo) {
  std::vector<Reference> references;
  const auto read = [&](const std::string& file, const std::string& column) {
    if (column.empty()) return;
    for (const CsvRow& row : ReadCsv(figures / file)) {
      if (row.at("scored") != "yes") continue;
      std::string input = row.at("input").substr(0, row.at("input").find(' '));
      if (input.ends_with("x3")) input.resize(input.size() - 2);
      const std::string model = row.at("model") + " " + input;
      const auto network = Networks().find(model);
      if (network == Networks().end())
        throw Error(ErrorCode::kInvalidModel, fmt::format("{}: no network of the zoo is known for '{}'", file, model));
      references.push_back({row.at("model"), network->second, NumberOf(row, column)});
    }
  };
  read("coral_published.csv", column_of_published);
  read("coral_model_zoo.csv", column_of_zoo);
  return references;
}

void PrintErrors(const std::string& title, const std::vector<double>& errors) {
  fmt::print("{}: mean {:.1f} %, largest {:.1f} %\n", title, 100 * MeanOfMagnitudes(errors),
             100 * LargestMagnitude(errors));
}

void FitUsb3(Bench& bench, const std::vector<Reference>& references) {
  bench.Fit(references);
  const std::vector<double> all = bench.Values();
  fmt::print("fitted on {} rows (modelled; round trip fixed at {:.2f} ms):\n", references.size(),
             bench.round_trip_s() * 1e3);
  fmt::print("  link.bandwidth          {:.1f} MB/s\n  cost.activation_rate    {:.1f} B/cycle\n", all[0] / 1e6, all[1]);
  fmt::print("  cost.weight_rate        {:.1f} B/cycle\n  cost.instruction_bytes  {:.0f} B\n\n", all[2], all[3]);
  fmt::print("{:24}{:>10}{:>10}{:>9}{:>15}\n", "model", "published", "modelled", "error", "leave-one-out");
  std::vector<double> errors;
  std::vector<double> left_out;
  for (const Reference& reference : references) {
    errors.push_back(bench.ErrorOf(reference));
    const double ms = bench.Ms(reference);
    std::vector<Reference> others;
    for (const Reference& other : references) {
      if (other.network != reference.network) others.push_back(other);
    }
    bench.Fit(others);
    left_out.push_back(bench.ErrorOf(reference));
    bench.SetValues(all);
    fmt::print("{:24}{:>10.1f}{:>10.2f}{:>+8.1f}%{:>+14.1f}%\n", reference.model, reference.ms, ms, 100 * errors.back(),
               100 * left_out.back());
  }
  PrintErrors("\nin sample", errors);
  PrintErrors("leave one model out", left_out);
}

// Another host: its link is solved from its own round trips, nothing else changes.
void CheckOtherHost(const std::filesystem::path& figures, Bench bench, Library& library, const std::string& column) {
  std::vector<Reference> links;
  for (const CsvRow& row : ReadCsv(figures / "edgetpu_link.csv")) {
    int64_t height = 0;
    int64_t width = 0;
    std::sscanf(row.at("input").c_str(), "%ldx%ld", &height, &width);
    const std::string name = "one-pixel " + row.at("input");
    library.Add(name, OnePixel(height, width));
    links.push_back({row.at("input"), name, NumberOf(row, column)});
  }
  bench.FitLink(links);
  fmt::print("\nanother host, {}: link {:.1f} MB/s, round trip {:.3f} ms (from edgetpu_link.csv)\n", column,
             bench.Values()[0] / 1e6, bench.round_trip_s() * 1e3);
  PrintErrors("  edgetpu_link.csv", bench.Errors(links));
  std::vector<Reference> chains;
  std::vector<Reference> without_bytes;
  for (const CsvRow& row : ReadCsv(figures / "edgetpu_conv_chains.csv")) {
    const int layers = static_cast<int>(NumberOf(row, "layers"));
    const std::string name = fmt::format("conv-chain {}", layers);
    library.Add(name, ConvChain(layers));
    const auto bytes = static_cast<int64_t>(NumberOf(row, "off_chip_mib") * 1024 * 1024);
    chains.push_back({name, name, NumberOf(row, column), bytes});
    without_bytes.push_back({name, name, NumberOf(row, column)});
  }
  PrintErrors("  edgetpu_conv_chains.csv, with the compiler's off-chip bytes", bench.Errors(chains));
  PrintErrors("  without them (cache budget unknown)", bench.Errors(without_bytes));
}

void PrintRows(const Bench& bench, const std::vector<Reference>& references) {
  for (const Reference& reference : references) {
    fmt::print("  {:34}{:>8.1f}{:>10.2f}{:>+8.1f}%\n", reference.model, reference.ms, bench.Ms(reference),
               100 * bench.ErrorOf(reference));
  }
  PrintErrors("  all of these", bench.Errors(references));
}

void CheckUnseen(const std::string& file, const Bench& bench) {
  std::vector<Reference> references;
  for (const CsvRow& row : ReadCsv(file))
    references.push_back({row.at("network"), row.at("network"), NumberOf(row, "ms")});
  fmt::print("\nrows of {} that the fit never saw:\n", file);
  PrintRows(bench, references);
}

int Main(std::span<char*> arguments) {
  if (arguments.size() != 2 && (arguments.size() != 4 || std::string(arguments[2]) != "--check")) {
    fmt::print(stderr, "usage: fit_edgetpu FIGURES [--check FILE.csv]\n");
    return 2;
  }
  const std::filesystem::path figures = arguments[1];
  Library library;
  Bench usb3("coral-usb3", library);
  FitUsb3(usb3, ScoredRows(figures, "desktop_cpu_plus_usb_edgetpu_ms", "usb_edgetpu_latency_ms"));
  CheckOtherHost(figures, usb3, library, "usb3_ms");
  CheckOtherHost(figures, usb3, library, "usb2_ms");

  const Bench pcie("coral-pcie", library);
  fmt::print("\nplatform coral-pcie as it is, against Coral's Dev Board:\n");
  PrintRows(pcie, ScoredRows(figures, "dev_board_edgetpu_ms", ""));
  if (arguments.size() == 4) CheckUnseen(arguments[3], usb3);
  return 0;
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  try {
    return consort::Main({argv, static_cast<size_t>(argc)});
  } catch (const std::exception& error) {
    fmt::print(stderr, "fit_edgetpu: {}\n", error.what());
    return 1;
  }
}
