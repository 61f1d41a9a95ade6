#include "platform/quantity.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "base/strings.h"
#include "consort/error.h"
#include "platform/quote.h"

namespace consort {
namespace {

struct Unit {
  std::string_view name;
  double factor;
  bool shown = true;  // one that FormatQuantity chooses from
};

constexpr double kKibi = 1024.0;

// In ascending order of those that are shown.
constexpr Unit kRatioUnits[] = {{"", 1, false}, {"%", 1e-2}};
constexpr Unit kCountUnits[] = {{"", 1}};
constexpr Unit kTimeUnits[] = {{"ns", 1e-9}, {"us", 1e-6}, {"µs", 1e-6, false}, {"ms", 1e-3}, {"s", 1}};
constexpr Unit kByteUnits[] = {
    {"B", 1},
    {"kB", 1e3},
    {"MB", 1e6},
    {"GB", 1e9},
    {"TB", 1e12},
    {"KiB", kKibi, false},
    {"MiB", kKibi* kKibi, false},
    {"GiB", kKibi* kKibi* kKibi, false},
    {"TiB", kKibi* kKibi* kKibi* kKibi, false},
};
constexpr Unit kBandwidthUnits[] = {
    {"B/s", 1},
    {"kB/s", 1e3},
    {"MB/s", 1e6},
    {"GB/s", 1e9},
    {"TB/s", 1e12},
    {"KiB/s", kKibi, false},
    {"MiB/s", kKibi* kKibi, false},
    {"GiB/s", kKibi* kKibi* kKibi, false},
    {"kbit/s", 1e3 / 8, false},
    {"Mbit/s", 1e6 / 8, false},
    {"Gbit/s", 1e9 / 8, false},
};
constexpr Unit kFrequencyUnits[] = {{"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {"GHz", 1e9}};
constexpr Unit kComputeRateUnits[] = {
    {"OPS", 1, false}, {"FLOPS", 1},     {"MOPS", 1e6, false},  {"MFLOPS", 1e6},       {"GOPS", 1e9, false},
    {"GFLOPS", 1e9},   {"TFLOPS", 1e12}, {"TOPS", 1e12, false}, {"POPS", 1e15, false}, {"PFLOPS", 1e15},
};
constexpr Unit kPowerUnits[] = {{"uW", 1e-6}, {"µW", 1e-6, false}, {"mW", 1e-3}, {"W", 1}, {"kW", 1e3}};
constexpr Unit kBytesPerCycleUnits[] = {{"B/cycle", 1}};

// What there is to know of a dimension, in the order of the enumeration.
struct Kind {
  std::string_view description;
  std::span<const Unit> units;
  bool may_be_zero;
  double limit;       // far above what machines reach; a larger value is a slip
  double shown_from;  // the smallest number that is shown with a unit
  std::string_view common_unit;
};

const Kind& KindOf(Dimension dimension) {
  static constexpr Kind kKinds[] = {
      {"a ratio", kRatioUnits, false, 1e3, 0, "%"},
      {"a count", kCountUnits, false, 1e15, 0, ""},
      {"a time", kTimeUnits, true, 1e6, 0.1, "ms"},
      {"an amount of bytes", kByteUnits, true, 1e16, 1, "MB"},
      {"a bandwidth", kBandwidthUnits, false, 1e16, 1, "MB/s"},
      {"a frequency", kFrequencyUnits, false, 1e13, 1, "MHz"},
      {"a compute rate", kComputeRateUnits, false, 1e21, 1, "TFLOPS"},
      {"a power", kPowerUnits, true, 1e7, 1, "W"},
      {"a rate of bytes per cycle", kBytesPerCycleUnits, false, 1e9, 0, "B/cycle"},
  };
  return kKinds[static_cast<size_t>(dimension)];
}

[[noreturn]] void Invalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

const Unit* FindUnit(std::string_view name, const Kind& kind) {
  for (const Unit& unit : kind.units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

[[noreturn]] void RefuseUnit(std::string_view text, std::string_view number, std::string_view unit,
                             Dimension dimension) {
  const std::string fitting = fmt::format("units of {} are {}", Describe(dimension), UnitsOf(dimension));
  if (!unit.empty()) Invalid(fmt::format("{}: '{}' does not fit; {}", Quote(text), Quote(unit, ""), fitting));
  Invalid(
      fmt::format("{} has no unit; {}, as in '{} {}'", Quote(text), fitting, number, KindOf(dimension).common_unit));
}

// The unit in which a value reads best: the largest that leaves a number from `shown_from` on.
const Unit& ShownUnit(double value, const Kind& kind) {
  const Unit* best = nullptr;
  for (const Unit& unit : kind.units) {
    if (value == 0 && unit.name == kind.common_unit) return unit;
    if (unit.shown && (best == nullptr || value >= kind.shown_from * unit.factor)) best = &unit;
  }
  return *best;
}

// Four digits, or up to six where they say exactly what it is.
std::string Format(double value, const Unit& unit) {
  const double number = value / unit.factor;
  int digits = 4;
  for (int more = 4; more <= 6; ++more) {
    const double rounded = std::strtod(fmt::format("{:.{}g}", number, more).c_str(), nullptr);
    if (std::abs(rounded - number) > 1e-9 * number) continue;
    digits = more;
    break;
  }
  return fmt::format("{:.{}g}{}{}", number, digits, unit.name.empty() ? "" : " ", unit.name);
}

// The decimal text, or "7.7 MiB" where that says exactly what it is and is no longer.
std::string FormatBytesOf(double value, const std::string& decimal) {
  const auto exact = [value](const std::string& text) {
    return std::abs(ParseQuantity(text, Dimension::kBytes) - value) <= 1e-9 * value;
  };
  const Unit* unit = nullptr;
  for (const Unit& one : kByteUnits) {
    if (!one.shown && value >= one.factor) unit = &one;
  }
  if (unit == nullptr) return decimal;
  const std::string binary = Format(value, *unit);
  const bool shorter = !exact(decimal) || binary.size() < decimal.size();
  return exact(binary) && shorter ? binary : decimal;
}

}  // namespace

std::string_view Describe(Dimension dimension) { return KindOf(dimension).description; }

bool IsPlainNumber(Dimension dimension) { return dimension == Dimension::kRatio || dimension == Dimension::kCount; }

std::string UnitsOf(Dimension dimension) {
  std::vector<std::string> names;
  for (const Unit& unit : KindOf(dimension).units) {
    if (!unit.name.empty()) names.emplace_back(unit.name);
  }
  return Join(names);
}

double CheckQuantity(double value, Dimension dimension) {
  const Kind& kind = KindOf(dimension);
  if (!std::isfinite(value)) Invalid(fmt::format("{} must be a finite number", kind.description));
  if (value < 0 || (value == 0 && !kind.may_be_zero))
    Invalid(fmt::format("{} must be {}; {:g} is not", kind.description,
                        kind.may_be_zero ? "zero or more" : "above zero", value));
  if (value > kind.limit)
    Invalid(fmt::format("{:g} is beyond any machine: {} is at most {}", value, kind.description,
                        FormatQuantity(kind.limit, dimension)));
  if (dimension == Dimension::kCount && value != std::floor(value))
    Invalid(fmt::format("a count is a whole number; {:g} is not", value));
  return value;
}

double ParseQuantity(std::string_view text, Dimension dimension) {
  const std::string_view trimmed = Trim(text);
  double number = 0;
  const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
  if (error == std::errc::result_out_of_range)
    Invalid(fmt::format("{} is out of range; write a smaller number", Quote(text)));
  if (error != std::errc())
    Invalid(fmt::format("{} is not {}; write a number first, as in '15 {}'", Quote(text), Describe(dimension),
                        KindOf(dimension).common_unit));
  const auto digits = static_cast<size_t>(end - trimmed.data());
  const std::string_view unit_name = Trim(trimmed.substr(digits));
  const Unit* unit = FindUnit(unit_name, KindOf(dimension));
  if (unit == nullptr && dimension == Dimension::kCount)
    Invalid(fmt::format("{}: a count has no unit; write the number alone", Quote(text)));
  if (unit == nullptr) RefuseUnit(text, trimmed.substr(0, digits), unit_name, dimension);
  return CheckQuantity(number * unit->factor, dimension);
}

std::string FormatQuantity(double value, Dimension dimension) {
  const Kind& kind = KindOf(dimension);
  if (dimension == Dimension::kCount) return fmt::format("{:.15g}", value);
  const std::string text = Format(value, ShownUnit(value, kind));
  return dimension == Dimension::kBytes ? FormatBytesOf(value, text) : text;
}

}  // namespace consort
