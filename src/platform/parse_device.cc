#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "platform/parse_platform.h"
#include "platform/quote.h"

namespace consort {
namespace {

constexpr size_t kMostRows = 1000;

DeviceKind ReadKind(const Section& section) {
  std::vector<std::string> words;
  const std::string word = section.RequiredText("kind", "gpu");
  for (const DeviceKind kind : {DeviceKind::kCpu, DeviceKind::kGpu, DeviceKind::kEdgeTpu, DeviceKind::kNpu}) {
    if (word == ToString(kind)) return kind;
    words.emplace_back(ToString(kind));
  }
  section.Fail("kind", fmt::format("unknown kind {} of {}; it is one of {}", Quote(word), section.what(), Join(words)));
}

std::vector<Precision> ReadPrecisions(const Section& section) {
  std::vector<Precision> precisions;
  for (const std::string& word : section.Texts("precisions").value_or(std::vector<std::string>{})) {
    try {
      precisions.push_back(ParsePrecision(word));
    } catch (const Error& error) {
      section.Fail("precisions", fmt::format("{} of {}: {}", Quote(word), section.what(), Quote(error.what(), "")));
    }
    if (std::count(precisions.begin(), precisions.end(), precisions.back()) > 1)
      section.Fail("precisions", fmt::format("{} is listed twice for {}; remove one", Quote(word), section.what()));
  }
  return precisions;
}

// The figure, unless the base has one already.
void ReadRequired(const Section& section, std::string_view key, Dimension dimension, Quantity& quantity) {
  if (const std::optional<Quantity> figure = section.Figure(key, dimension)) quantity = *figure;
  if (quantity.source.empty())
    section.Fail(key, fmt::format("{} has no '{}'; add {} = {}", section.what(), key, key, ExampleFigure(dimension)));
}

void ReadPower(const Section& device_section, PlatformDevice& device) {
  const std::optional<Section> power = device_section.Table("power", "the power of " + device_section.what());
  if (power) {
    power->AllowOnly({"idle", "active"});
    ReadRequired(*power, "idle", Dimension::kPower, device.idle_power);
    ReadRequired(*power, "active", Dimension::kPower, device.active_power);
  } else if (device.active_power.source.empty()) {
    device_section.Fail("power", fmt::format("{} has no power; add [device.power] with idle and active, each {}",
                                             device_section.what(), ExampleFigure(Dimension::kPower)));
  }
  if (device.idle_power.value > device.active_power.value)
    (power ? *power : device_section)
        .Fail("idle", fmt::format("{} takes more power idle than active; swap the two", device_section.what()));
}

void ReadMemory(const Section& section, PlatformDevice& device) {
  if (const std::optional<Quantity> memory = section.Figure("memory", Dimension::kBytes)) {
    if (memory->value == 0)
      section.Fail("memory",
                   fmt::format("'memory' of {} is zero; leave the key out where it is not limited", section.what()));
    device.memory = *memory;
  }
  if (device.memory.source.empty()) device.memory.source = "not given: no limit";
}

std::vector<std::string> NamesOf(const std::vector<ParameterSpec>& specs) {
  std::vector<std::string> names;
  for (const ParameterSpec& spec : specs) names.push_back(spec.name);
  return names;
}

// The figures of `specs` that the table has, into `figures`; what is required must then be there.
void ReadFigures(const Section& section, const std::vector<ParameterSpec>& specs, const std::string& model,
                 std::map<std::string, Quantity>& figures) {
  for (const ParameterSpec& spec : specs) {
    if (const std::optional<Quantity> figure = section.Figure(spec.name, spec.dimension)) figures[spec.name] = *figure;
    if (!spec.required || figures.count(spec.name) != 0) continue;
    section.Fail(spec.name,
                 fmt::format("{} has no '{}' ({}), which the cost model '{}' needs; add {} = {}", section.what(),
                             spec.name, spec.meaning, model, spec.name, ExampleFigure(spec.dimension)));
  }
}

void ReadRows(const Section& cost_section, CostDescription& cost, const std::string& of) {
  if (cost_section.has("row")) {
    cost.rows.clear();
    if (cost.schema.row.empty())
      cost_section.Fail("row",
                        fmt::format("the cost model '{}' takes no rows; remove [[device.cost.row]]", cost.model));
  }
  for (const Section& row : cost_section.Tables("device.cost.row", "a row of " + of, kMostRows)) {
    row.AllowOnly(NamesOf(cost.schema.row));
    ReadFigures(row, cost.schema.row, cost.model, cost.rows.emplace_back());
  }
  if (!cost.schema.row.empty() && cost.rows.empty())
    cost_section.Fail("row",
                      fmt::format("{} has no rows, which the cost model '{}' needs; add [[device.cost.row]] with {}",
                                  cost_section.what(), cost.model, Join(NamesOf(cost.schema.row))));
}

// The model that the table names, or that of the base. Another model than the base's starts without its figures.
void ChooseModel(const Section& section, const CostSchemas& schemas, CostDescription& cost) {
  const std::string model =
      cost.model.empty() ? section.RequiredText("model", "roofline") : section.Text("model").value_or(cost.model);
  if (model == cost.model) return;
  const auto schema = schemas.find(model);
  if (schema == schemas.end()) {
    std::vector<std::string> models;
    for (const auto& [name, unused] : schemas) models.push_back(name);
    section.Fail("model",
                 fmt::format("unknown cost model {} in {}; there are {}", Quote(model), section.what(), Join(models)));
  }
  cost = CostDescription{model, {}, {}, schema->second};
}

void ReadCost(const Section& device_section, const CostSchemas& schemas, CostDescription& cost) {
  const std::optional<Section> section = device_section.Table("cost", "the cost of " + device_section.what());
  if (!section) {
    if (!cost.model.empty()) return;
    device_section.Fail("cost",
                        fmt::format("{} has no cost model; add [device.cost] with model = \"roofline\" and its figures",
                                    device_section.what()));
  }
  ChooseModel(*section, schemas, cost);
  std::vector<std::string> keys = NamesOf(cost.schema.parameters);
  keys.insert(keys.end(), {"model", "row"});
  section->AllowOnly(keys);
  ReadFigures(*section, cost.schema.parameters, cost.model, cost.parameters);
  ReadRows(*section, cost, device_section.what());
}

}  // namespace

PlatformDevice ReadDevice(const Section& section, const PlatformDevice* base, const CostSchemas& schemas) {
  section.AllowOnly({"name", "base", "kind", "summary", "resource", "link", "precisions", "missing_ops", "warning",
                     "memory", "power", "cost"});
  PlatformDevice device = base == nullptr ? PlatformDevice{} : *base;
  device.name = section.RequiredName("name");
  if (base == nullptr || section.has("kind")) device.kind = ReadKind(section);
  if (base == nullptr || section.has("summary"))
    device.summary = section.RequiredText("summary", "what it is, in one line");
  // Two devices with one base are two pieces of hardware.
  device.resource = section.Name("resource").value_or(device.name);
  if (section.has("link")) device.link = *section.Name("link");
  if (section.has("precisions")) device.precisions = ReadPrecisions(section);
  if (device.precisions.empty())
    section.Fail("precisions", fmt::format("{} has no precisions; add precisions = [\"fp32\"], the default one first",
                                           section.what()));
  if (const auto missing = section.Texts("missing_ops")) device.missing_ops = *missing;
  if (const auto warning = section.Text("warning")) device.warning = *warning;
  ReadMemory(section, device);
  ReadPower(section, device);
  ReadCost(section, schemas, device.cost);
  return device;
}

}  // namespace consort
