// What published figures must be to be laid beside rows.
#ifndef CONSORT_EXPERIMENT_PUBLISHED_H_
#define CONSORT_EXPERIMENT_PUBLISHED_H_

#include "experiment/reference.h"

namespace consort::experiment {

// Whether a row's times are in milliseconds: a column "unit" says so, or there is none.
inline bool IsInMs(const Reference& reference, size_t row) {
  return !reference.Has({"unit"}) || reference.Text(row, "unit") == "ms";
}

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_PUBLISHED_H_
