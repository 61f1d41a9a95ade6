#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "consort/error.h"
#include "cost/models.h"
#include "cost/parameters.h"

namespace consort {
namespace {

struct Point {
  double macs = 0;
  double seconds = 0;
};

// Between two points the time is a power of the multiply-accumulates; outside, the nearest two go on.
double Interpolate(const std::vector<Point>& points, double macs) {
  if (points.size() == 1) return points.front().seconds;
  size_t upper = 1;
  while (upper + 1 < points.size() && points[upper].macs < macs) ++upper;
  const Point& a = points[upper - 1];
  const Point& b = points[upper];
  const double slope = std::log(b.seconds / a.seconds) / std::log(b.macs / a.macs);
  return a.seconds * std::pow(std::max(macs, 1.0) / a.macs, slope);
}

class ReplayModel : public CostModel {
 public:
  explicit ReplayModel(const PlatformDevice& device) : device_(device), parameters_(device, ReplaySchema().parameters) {
    resident_ = Points("time");
    loading_ = Points("time_with_load");
    if (resident_.empty())
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("device '{}' replays published times and has none: add [[device.cost.row]]", device.name));
  }

  // One share per op by its multiply-accumulates: the published figure is of the whole model.
  Estimate Cost(const WorkList& works, const CostQuery& query) const override {
    ChoosePrecision(device_, query);
    if (!query.weights_resident && loading_.empty())
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("device '{}' has no published times with loading (time_with_load)", device_.name));
    const double macs = static_cast<double>(works.macs);
    Estimate estimate;
    SetBand(parameters_, estimate);
    estimate.latency_s = Interpolate(query.weights_resident ? resident_ : loading_, macs);
    if (!loading_.empty()) estimate.load_s = std::max(0.0, Interpolate(loading_, macs) - Interpolate(resident_, macs));
    for (const Work& work : works.works) estimate.works.push_back(ShareOf(work, works, estimate.latency_s));
    estimate.joules = device_.active_power.value * estimate.latency_s;
    if (macs < resident_.front().macs || macs > resident_.back().macs)
      estimate.notes.emplace_back("outside the sizes that were published: extrapolated");
    return estimate;
  }

 private:
  std::vector<Point> Points(const std::string& column) const {
    std::vector<Point> points;
    for (const auto& row : device_.cost.rows) {
      const auto time = row.find(column);
      if (time != row.end()) points.push_back({row.at("macs").value, time->second.value});
    }
    std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.macs < b.macs; });
    const auto same = [](const Point& a, const Point& b) { return a.macs == b.macs; };
    if (std::adjacent_find(points.begin(), points.end(), same) != points.end())
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("device '{}' has two rows with the same macs", device_.name));
    return points;
  }

  static WorkCost ShareOf(const Work& work, const WorkList& works, double seconds) {
    WorkCost cost;
    if (works.macs > 0) cost.seconds = seconds * static_cast<double>(work.macs) / static_cast<double>(works.macs);
    cost.compute_seconds = cost.seconds;
    cost.bound = cost.seconds > 0 ? Bound::kCompute : Bound::kNothing;
    return cost;
  }

  const PlatformDevice& device_;
  Parameters parameters_;
  std::vector<Point> resident_;
  std::vector<Point> loading_;
};

}  // namespace

const CostSchema& ReplaySchema() {
  static const CostSchema schema = {
      {{"error_low", Dimension::kRatio, false, 1, "the truth may be this share below the published time"},
       {"error_high", Dimension::kRatio, false, 1, "or this share above"}},
      {{"macs", Dimension::kCount, true, 0, "multiply-accumulates of the published model"},
       {"time", Dimension::kTime, true, 0, "of one inference, parameters on the device"},
       {"time_with_load", Dimension::kTime, false, 0, "of one inference that brings them there"}}};
  return schema;
}

std::unique_ptr<CostModel> MakeReplayModel(const Platform& /*platform*/, const PlatformDevice& device) {
  return std::make_unique<ReplayModel>(device);
}

}  // namespace consort
