// The list of experiments: a file and a line each.
#include <fmt/format.h>

#include <array>

#include "base/nearest.h"
#include "base/strings.h"
#include "experiment/alignment.h"
#include "experiment/data_parallel.h"
#include "experiment/dense_scaling.h"
#include "experiment/experiment.h"
#include "experiment/matvec.h"
#include "experiment/modern.h"
#include "experiment/precision.h"
#include "experiment/scaling.h"
#include "experiment/sharding.h"
#include "experiment/takeaways_experiment.h"

namespace consort::experiment {

std::span<const Experiment* const> Experiments() {
  static const MatVec matvec;
  static const DenseScaling dense_scaling;
  static const Alignment alignment;
  static const PrecisionExperiment precision;
  static const Scaling scaling;
  static const Sharding sharding;
  static const DataParallel data_parallel;
  static const Modern modern;
  static const TakeawaysExperiment takeaways;
  static const std::array<const Experiment*, 9> all = {&matvec,    &dense_scaling, &sharding, &data_parallel, &alignment,
                                                       &precision, &scaling,       &modern,   &takeaways};
  return all;
}

const Experiment& FindExperiment(const std::string& name) {
  std::vector<std::string> names;
  for (const Experiment* experiment : Experiments()) {
    if (experiment->name() == name) return *experiment;
    names.push_back(experiment->name());
  }
  const std::string nearest = Nearest(name, names);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("there is no experiment '{}'{}; there are: {}", name,
                          nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest), Join(names)));
}

}  // namespace consort::experiment
