// The options of `consort shard` as typed values.
#ifndef CONSORT_CLI_SHARD_OPTIONS_H_
#define CONSORT_CLI_SHARD_OPTIONS_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/model_options.h"

namespace consort {

enum class Balance : uint8_t { kMacs, kBytes, kTime };

struct ShardArguments {
  std::string model;
  ModelOptions loading;
  std::filesystem::path folder;
  std::vector<std::string> at;  // tensors, or comma lists of them
  std::optional<int> stages;
  std::optional<Balance> balance;
  std::string platform;        // of which the CPU's modelled times balance stages; empty: none
  std::filesystem::path like;  // a manifest; empty: none
  bool avoid_fusions = false;
  bool cut_fusions = false;
  bool force = false;
  bool no_check = false;
  InputArguments inputs;  // of the check
  OutputFormat format = OutputFormat::kTable;

  Balance balanced_by() const { return balance.value_or(platform.empty() ? Balance::kMacs : Balance::kTime); }
};

// "macs", "bytes", "time".
std::string_view ToString(Balance balance);

// Every option of the command; `arguments` must outlive the parsing.
void AddShardOptions(CLI::App* app, ShardArguments& arguments);
// Throws UsageError for options that do not go together.
void CheckShardArguments(const ShardArguments& arguments);

}  // namespace consort

#endif  // CONSORT_CLI_SHARD_OPTIONS_H_
