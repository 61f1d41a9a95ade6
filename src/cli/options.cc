#include "cli/options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/strings.h"

namespace consort {
namespace {

[[noreturn]] void ThrowInvalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

const char* WordFor(OutputFormat format) {
  switch (format) {
    case OutputFormat::kTable:
      return "table";
    case OutputFormat::kMarkdown:
      return "md";
    case OutputFormat::kCsv:
      return "csv";
    case OutputFormat::kJson:
      return "json";
    case OutputFormat::kJsonl:
      break;
  }
  return "jsonl";
}

}  // namespace

CLI::Option* AddFormatOption(CLI::App* app, OutputFormat& format, const std::vector<OutputFormat>& offered) {
  std::vector<std::pair<std::string, OutputFormat>> choices;
  for (const OutputFormat one : offered) choices.emplace_back(WordFor(one), one);
  return AddChoice<OutputFormat>(app, "--format", format, choices,
                                 fmt::format("form of the output (default: {})", choices.front().first));
}

void AddShapeOptions(CLI::App* app, std::map<std::string, Shape>& shapes, std::map<std::string, int64_t>& dims) {
  const auto add_shape = [&shapes](const std::string& text) {
    const auto [name, shape] = SplitName(text, ':');
    if (!shapes.emplace(name, ParseShape(shape)).second)
      ThrowInvalid("a shape is given twice for input '" + name + "'");
  };
  const auto add_dim = [&dims](const std::string& text) {
    const auto [name, value] = SplitName(text, '=');
    if (name.empty()) ThrowInvalid("'" + text + "' is not NAME=SIZE");
    const int64_t size = ParseInt(value, 1, std::numeric_limits<int32_t>::max());
    if (!dims.emplace(name, size).second) ThrowInvalid("dimension '" + name + "' is given twice");
  };
  AddEach(app, "--shape", "[INPUT:]SHAPE", add_shape,
          "shape of an input, such as x:1x3x640x640; '?' keeps an axis as it is; repeatable");
  AddEach(app, "--dim", "NAME=SIZE", add_dim, "size of a symbolic dimension, such as batch=4; repeatable");
}

std::pair<std::string, std::string> SplitName(const std::string& text, char separator) {
  const size_t at = text.rfind(separator);
  if (at == std::string::npos) return {"", text};
  return {text.substr(0, at), text.substr(at + 1)};
}

int64_t ParseInt(const std::string& text, int64_t lowest, int64_t highest) {
  const std::optional<int64_t> value = ParseInteger(text);
  if (!value || *value < lowest || *value > highest) {
    ThrowInvalid(fmt::format("'{}' is not a whole number from {} to {}", text, lowest, highest));
  }
  return *value;
}

int ParsePositive(const std::string& text) {
  return static_cast<int>(ParseInt(text, 1, std::numeric_limits<int32_t>::max()));
}

uint64_t ParseSeed(const std::string& text) {
  return static_cast<uint64_t>(ParseInt(text, 0, std::numeric_limits<int64_t>::max()));
}

double ParseNumber(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    ThrowInvalid("'" + text + "' is not a number");
  }
  return value;
}

}  // namespace consort
