// What the rows of `data-parallel` say.
#ifndef CONSORT_EXPERIMENT_DATA_PARALLEL_REPORT_H_
#define CONSORT_EXPERIMENT_DATA_PARALLEL_REPORT_H_

#include "experiment/experiment.h"

namespace consort::experiment {

Outcome DataParallelReport(const Findings& findings);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_DATA_PARALLEL_REPORT_H_
