#include "profile/measured_costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "consort/error.h"

namespace consort {

MeasuredCosts::MeasuredCosts(const Profile& profile, const LocalDevices& devices, std::vector<OpId> positions,
                             GraphAtBatch graph)
    : profile_(profile), devices_(devices), positions_(std::move(positions)), graph_(std::move(graph)) {}

std::optional<MeasuredCosts::Found> MeasuredCosts::Exactly(int device, OpId begin, OpId end, int64_t batch) const {
  const PlanDevice& plan_device = devices_.devices[device];
  const Graph& graph = graph_(batch);
  const ProfileEntry* entry =
      profile_.Find(KeyOf(graph, begin, end, plan_device.target.ToString(), plan_device.threads, batch),
                    devices_.infos[device].engine);
  if (entry == nullptr) return std::nullopt;
  return Found{.seconds = entry->call_s.estimate,
               .refused = entry->refused,
               .convert_in_s = entry->convert_in_s,
               .convert_out_s = entry->convert_out_s};
}

std::optional<MeasuredCosts::Found> MeasuredCosts::SumOfUnits(int device, OpId begin, OpId end, int64_t batch) const {
  const auto first = std::lower_bound(positions_.begin(), positions_.end(), begin);
  const auto last = std::lower_bound(positions_.begin(), positions_.end(), end);
  if (first == positions_.end() || last == positions_.end() || *first != begin || *last != end || first >= last)
    return std::nullopt;
  double all_s = 0, range_s = 0, in_s = 0, out_s = 0;
  for (auto unit = positions_.begin(); unit + 1 != positions_.end(); ++unit) {
    const std::optional<Found> found = Exactly(device, unit[0], unit[1], batch);
    const bool inside = unit >= first && unit < last;
    if (!found) return std::nullopt;
    if (!found->refused.empty() && inside) return found;
    all_s += found->seconds;
    range_s += inside ? found->seconds : 0;
    // At its ends a range converts as the units there do.
    if (unit == first) in_s = found->convert_in_s;
    if (unit + 1 == last) out_s = found->convert_out_s;
  }
  const auto borders = static_cast<double>(positions_.size()) - 2;
  const std::optional<Found> whole = Exactly(device, positions_.front(), positions_.back(), batch);
  const bool know_whole = whole && whole->refused.empty() && borders > 0;
  const double per_border_s = know_whole ? (all_s - whole->seconds) / borders : 0;
  // Never less than a tenth of the sum: units that are fast by chance must not make a range free.
  const double seconds = range_s - per_border_s * static_cast<double>(last - first - 1);
  return Found{.seconds = std::max({seconds, 0.1 * range_s, in_s + out_s}),
               .measured = false,
               .convert_in_s = in_s,
               .convert_out_s = out_s};
}

std::optional<MeasuredCosts::Found> MeasuredCosts::Seconds(int device, OpId begin, OpId end, int64_t batch) const {
  std::optional<Found> found = Exactly(device, begin, end, batch);
  return found ? found : SumOfUnits(device, begin, end, batch);
}

std::vector<int64_t> MeasuredCosts::BatchesOf(int device) const {
  const PlanDevice& plan_device = devices_.devices[device];
  std::set<int64_t> batches;
  for (const auto& [key, entry] : profile_.entries) {
    const bool counts = entry.engine == devices_.infos[device].engine && !entry.in_plan;
    if (counts && key.target == plan_device.target.ToString() && key.threads == plan_device.threads)
      batches.insert(key.batch);
  }
  return {batches.begin(), batches.end()};
}

// On the line through the nearest two batches that were measured; beyond them, on the line of the last two, but never
// less than a tenth of what was measured.
MeasuredCosts::Found MeasuredCosts::BetweenBatches(int device, OpId begin, OpId end, int64_t batch) const {
  const Found nothing{.refused = "not measured; 'consort profile' measures it"};
  const std::vector<int64_t> batches = BatchesOf(device);
  if (batches.size() < 2) return nothing;
  auto above = std::upper_bound(batches.begin(), batches.end(), batch);
  above = std::clamp(above, batches.begin() + 1, batches.end() - 1);
  const std::optional<Found> low = Seconds(device, begin, end, above[-1]);
  const std::optional<Found> high = Seconds(device, begin, end, above[0]);
  if (!low || !high) return nothing;
  if (!low->refused.empty()) return *low;
  if (!high->refused.empty()) return *high;
  const auto x0 = static_cast<double>(above[-1]), x1 = static_cast<double>(above[0]), x = static_cast<double>(batch);
  const double line = low->seconds + (high->seconds - low->seconds) * (x - x0) / (x1 - x0);
  const auto at = [&](double a, double b) { return std::max(0.0, a + (b - a) * (x - x0) / (x1 - x0)); };
  return {.seconds = std::max(line, std::min(low->seconds, high->seconds) * 0.1),
          .measured = false,
          .convert_in_s = at(low->convert_in_s, high->convert_in_s),
          .convert_out_s = at(low->convert_out_s, high->convert_out_s)};
}

// Time between a stage's end and the next one's start.
double MeasuredCosts::HandOver(int device, OpId begin, int64_t batch) {
  double latency_s = 0, bytes_per_s = 0;
  const std::string to = devices_.devices[device].target.ToString();
  for (const LinkEntry& link : profile_.links) {
    if (link.to != to) continue;
    latency_s = std::max(latency_s, link.latency_s);
    if (link.bytes_per_s > 0 && (bytes_per_s == 0 || link.bytes_per_s < bytes_per_s)) bytes_per_s = link.bytes_per_s;
  }
  if (begin == 0 || bytes_per_s == 0) return latency_s;
  const int64_t bytes = graph_(batch).CutAt(begin).bytes;
  return latency_s + static_cast<double>(std::max<int64_t>(0, bytes)) / bytes_per_s;
}

RangeCost MeasuredCosts::Cost(int device, OpId begin, OpId end, int64_t batch) {
  const std::optional<Found> known = Seconds(device, begin, end, batch);
  const Found found = known ? *known : BetweenBatches(device, begin, end, batch);
  RangeCost cost{.provenance = found.measured ? Provenance::kMeasured : Provenance::kModelled};
  cost.refused = found.refused;
  if (!cost.refused.empty()) return cost;
  const bool whole = begin == positions_.front() && end == positions_.back();
  cost.link_s = whole ? 0 : HandOver(device, begin, batch);
  cost.call_s = found.seconds + cost.link_s;
  cost.convert_in_s = found.convert_in_s;
  cost.convert_out_s = found.convert_out_s;
  for (const int resource : devices_.devices[device].resources) cost.busy.push_back({resource, found.seconds});
  return cost;
}

bool MeasuredCosts::HasBatch(int64_t batch) {
  for (int device = 0; device < devices_.size(); ++device) {
    const std::vector<int64_t> batches = BatchesOf(device);
    if (batches.size() > 1 || (batches.size() == 1 && batches.front() == batch)) return true;
  }
  return false;
}

std::function<bool(int)> MeasuredCosts::NoBorders() const {
  return [borders = std::set<OpId>(positions_.begin(), positions_.end())](int position) {
    return borders.count(position) == 0;
  };
}

}  // namespace consort
