#include "measure/energy.h"

#include <fmt/format.h>

#include <utility>

#include "consort/error.h"

namespace consort {
namespace {

class SumMeter : public EnergyMeter {
 public:
  explicit SumMeter(std::vector<std::unique_ptr<EnergyMeter>> meters) : meters_(std::move(meters)) {
    for (const auto& meter : meters_) name_ += (name_.empty() ? "" : " + ") + meter->name();
  }

  const std::string& name() const override { return name_; }
  double ReadJoules() override {
    double joules = 0;
    for (const auto& meter : meters_) joules += meter->ReadJoules();
    return joules;
  }

 private:
  std::vector<std::unique_ptr<EnergyMeter>> meters_;
  std::string name_;
};

}  // namespace

FoundMeter SumOfMeters(std::vector<FoundMeter> meters) {
  std::vector<std::unique_ptr<EnergyMeter>> found;
  for (FoundMeter& meter : meters) {
    if (meter.meter == nullptr) return std::move(meter);
    found.push_back(std::move(meter.meter));
  }
  if (found.size() == 1) return {std::move(found.front()), ""};
  return {std::make_unique<SumMeter>(std::move(found)), ""};
}

void EnergyTally::Begin() { begin_joules_ = Read(); }

void EnergyTally::End(int64_t inferences) {
  joules_ += Read() - begin_joules_;
  inferences_ += inferences;
}

BlockRunner EnergyTally::Around(BlockRunner runner) {
  return [this, runner = std::move(runner)](TimeNs budget_ns, int64_t most, BlockSamples& samples) {
    Begin();
    runner(budget_ns, most, samples);
    End(samples.inferences);
  };
}

// A meter that fails ends the tally, not the measurement.
double EnergyTally::Read() {
  if (found_.meter == nullptr) return 0;
  try {
    return found_.meter->ReadJoules();
  } catch (const Error& error) {
    found_ = {nullptr, error.what()};
    return 0;
  }
}

EnergyFigure EnergyTally::Summarise() const {
  if (found_.meter == nullptr) return {std::nullopt, "not known: " + found_.why_not};
  if (inferences_ == 0) return {std::nullopt, "not known: nothing was computed"};
  if (joules_ <= 0)
    return {std::nullopt, fmt::format("not known: {} did not move while {} inferences were computed",
                                      found_.meter->name(), inferences_)};
  return {joules_ / static_cast<double>(inferences_), found_.meter->name(), Provenance::kMeasured};
}

}  // namespace consort
