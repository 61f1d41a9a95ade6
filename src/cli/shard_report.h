// What `consort shard` says about the shards that it wrote.
#ifndef CONSORT_CLI_SHARD_REPORT_H_
#define CONSORT_CLI_SHARD_REPORT_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/chain.h"
#include "shard/manifest.h"

namespace consort {

// What stages were balanced by, and what each weighs in that unit.
struct BalanceReport {
  std::string by;                      // "macs", "bytes", "time"
  std::string of;                      // of time: the device that the times are modelled for; else ""
  std::map<std::string, Shape> sizes;  // of inputs that the model leaves open: what the weights are for
  std::vector<int64_t> weights;        // multiply-accumulates, bytes, picoseconds
};

struct CheckReport {
  std::string target;  // "cpu@onnxruntime"
  uint64_t seed = 0;
  double tolerance = 0;
  ChainCheck check;

  bool passed() const { return check.Within(tolerance); }
};

struct ShardReport {
  std::filesystem::path folder;
  Manifest manifest;
  std::optional<BalanceReport> balance;
  std::optional<CheckReport> check;  // absent: --no-check
};

// Text for a terminal of 80 columns, as far as names allow.
std::string ShardTables(const ShardReport& report);
// One JSON object; its keys are in docs/cli.md and stay.
std::string ShardJson(const ShardReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_SHARD_REPORT_H_
