#include "edgetpu/compiler_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/strings.h"

namespace consort {
namespace {

// A name in the table is followed by this much space at least; statuses are sentences with single spaces.
constexpr std::string_view kColumnGap = "  ";
constexpr size_t kMostOther = 50;
constexpr size_t kQuotedBytes = 400;

// Lines that say nothing further, by their beginnings.
constexpr std::array<std::string_view, 15> kKnown = {
    "Input model:",
    "Input size:",
    "Output model:",
    "Output size:",
    "Input:",
    "Output:",
    "Operation log:",
    "Operator ",
    "Started a compilation timeout timer",
    "See the operation log file",
    "Compilation child process completed",
    "Compilation succeeded",
    "Model compiled successfully in",
    "Model successfully compiled",
    "... All other operators were mapped",
};

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// What stands behind `key` at the line's beginning.
std::optional<std::string_view> After(std::string_view line, std::string_view key) {
  if (!line.starts_with(key)) return std::nullopt;
  return Trim(line.substr(key.size()));
}

std::optional<int> ParseCount(std::string_view text) {
  const std::optional<int64_t> value = ParseInteger(text);
  if (!value || *value < 0 || *value > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(*value);
}

std::optional<double> ParseDecimal(std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = code == std::errc() && end == text.data() + text.size();
  if (!whole || !std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

bool IsOperatorName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// "CONV_2D    35         More than one subgraph is not supported".
std::optional<CompiledOperators> ParseRow(std::string_view line) {
  const size_t name_end = line.find(' ');
  if (name_end == std::string_view::npos || !IsOperatorName(line.substr(0, name_end))) return std::nullopt;
  const std::string_view rest = Trim(line.substr(name_end));
  const size_t count_end = rest.find(kColumnGap);
  if (count_end == std::string_view::npos) return std::nullopt;
  const std::optional<int> count = ParseCount(rest.substr(0, count_end));
  if (!count) return std::nullopt;
  return CompiledOperators{std::string(line.substr(0, name_end)), *count, std::string(Trim(rest.substr(count_end)))};
}

class Reader {
 public:
  CompilerLog Read(std::string_view text) {
    for (const std::string& line : Split(text, '\n')) ReadLine(Trim(line));
    return std::move(log_);
  }

 private:
  void ReadLine(std::string_view line) {
    if (line.empty()) return;
    if (const auto version = After(line, "Edge TPU Compiler version ")) {
      log_.version = *version;
    } else if (std::optional<CompiledOperators> row = ParseRow(line)) {
      log_.table.push_back(std::move(*row));
    } else if (!ReadCount(line) && !ReadBytes(line) && !ReadPhrase(line) && log_.other.size() < kMostOther) {
      log_.other.emplace_back(line.substr(0, kQuotedBytes));
    }
  }

  bool ReadCount(std::string_view line) {
    return Take(line, "Total number of operations:", log_.operators, ParseCount) ||
           Take(line, "Number of operations:", log_.operators, ParseCount) ||
           Take(line, "Number of operations that will run on Edge TPU:", log_.edgetpu_operators, ParseCount) ||
           Take(line, "Number of operations that will run on CPU:", log_.cpu_operators, ParseCount) ||
           Take(line, "Number of Edge TPU subgraphs:", log_.subgraphs, ParseCount);
  }

  // Older versions write "On-chip memory available for caching model parameters" for what is left.
  bool ReadBytes(std::string_view line) {
    return Take(line, "On-chip memory used for caching model parameters:", log_.on_chip_bytes, ParseCompilerBytes) ||
           Take(line, "On-chip memory remaining for caching model parameters:", log_.on_chip_free_bytes,
                ParseCompilerBytes) ||
           Take(line, "On-chip memory available for caching model parameters:", log_.on_chip_free_bytes,
                ParseCompilerBytes) ||
           Take(line, "Off-chip memory used for streaming uncached model parameters:", log_.off_chip_bytes,
                ParseCompilerBytes);
  }

  bool ReadPhrase(std::string_view line) {
    if (const auto time = After(line, "Model compiled successfully in ")) {
      log_.compile_ms = ParseDecimal(Trim(time->substr(0, time->find(" ms"))));
    }
    if (line.starts_with("Model successfully compiled but not all")) log_.partly = true;
    return std::any_of(kKnown.begin(), kKnown.end(),
                       [line](std::string_view known) { return line.starts_with(known); });
  }

  // False also for a figure that cannot be read: the line is then one of the others.
  template <typename T, typename Parse>
  static bool Take(std::string_view line, std::string_view key, std::optional<T>& figure, Parse parse) {
    const auto text = After(line, key);
    if (!text) return false;
    const std::optional<T> value = parse(*text);
    if (value) figure = value;
    return value.has_value();
  }

  CompilerLog log_;
};

}  // namespace

std::optional<int64_t> ParseCompilerBytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 4> kUnits = {
      {{"KiB", 1024.0}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024}, {"B", 1.0}}};
  for (const auto& [unit, bytes] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const std::optional<double> value = ParseDecimal(Trim(text.substr(0, text.size() - unit.size())));
    if (!value || *value * bytes > 9e18) return std::nullopt;
    return std::llround(*value * bytes);
  }
  return std::nullopt;
}

CompilerLog ParseCompilerLog(std::string_view text) { return Reader().Read(text); }

}  // namespace consort
