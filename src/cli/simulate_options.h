// The options of `consort simulate` as typed values.
#ifndef CONSORT_CLI_SIMULATE_OPTIONS_H_
#define CONSORT_CLI_SIMULATE_OPTIONS_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/model_options.h"
#include "cost/simulation.h"
#include "zoo/zoo.h"

namespace consort {

// A model by name: an ONNX file, or a network of the zoo, whose options then say which.
struct NetworkArguments : ModelArguments {
  std::string model;         // "net.onnx", "zoo:resnet-50"
  zoo::MakeOptions network;  // of a network of the zoo

  bool is_zoo() const { return model.starts_with("zoo:"); }
  std::string zoo_name() const { return model.substr(4); }
};

// A device of the platform: "gtx1650/fp16".
struct PlatformTarget {
  std::string device;
  std::optional<Precision> precision;  // absent: the device's default
};
// Throws kInvalidArgument.
PlatformTarget ParsePlatformTarget(const std::string& text);

struct SimulateArguments : NetworkArguments {
  std::string platform;
  std::vector<PlatformTarget> devices;  // empty: all of the platform
  std::vector<int> batches;             // empty: as the model is
  std::vector<PlatformSweep> sweeps;
  CostQuery cost;
  bool per_layer = false;
  std::optional<int> stages;
  std::optional<int> iterations;
  std::filesystem::path trace;  // empty: none
  OutputFormat format = OutputFormat::kTable;
};

// MODEL, --shape, --dim and the options of the zoo's networks.
void AddNetworkOptions(CLI::App* app, NetworkArguments& arguments);
// Throws UsageError for options of a file with a network of the zoo, and the other way round.
void CheckNetworkArguments(const NetworkArguments& arguments);
// Every option of the command; `arguments` must outlive the parsing.
void AddSimulateOptions(CLI::App* app, SimulateArguments& arguments);
// Throws UsageError for options that do not go together.
void CheckSimulateArguments(const SimulateArguments& arguments);

// What a network of the zoo comes with: nothing is computed with a structure alone.
enum class NetworkWeights : uint8_t { kNone, kSeeded };

// Models at the batches that are asked for, each read once.
class NetworkSource {
 public:
  // The arguments must outlive it.
  explicit NetworkSource(const NetworkArguments& arguments, NetworkWeights weights = NetworkWeights::kNone)
      : arguments_(arguments), weights_(weights) {}

  // A batch of 0: the model's own, 1 where it is open. Throws UsageError for a name or option that the zoo refuses.
  const Model& At(int64_t batch);
  // The batch that a model has: the size of axis 0 that its inputs have in common, else 1.
  static int64_t BatchOf(const Graph& graph);

 private:
  Model Read(int64_t batch) const;

  const NetworkArguments& arguments_;
  NetworkWeights weights_;
  std::map<int64_t, Model> models_;
};

}  // namespace consort

#endif  // CONSORT_CLI_SIMULATE_OPTIONS_H_
