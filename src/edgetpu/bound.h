// A cut that keeps a bound on the numbers of the whole.
#ifndef CONSORT_EDGETPU_BOUND_H_
#define CONSORT_EDGETPU_BOUND_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "edgetpu/convert.h"

namespace consort {

// Whether both parts together are right enough.
using HoldsBound = std::function<bool(const EdgeTpuConversion&)>;

struct BoundedConversion {
  std::optional<EdgeTpuConversion> conversion;  // absent: no cut holds the bound
  std::vector<std::string> moved;  // layers that the bound sends to the rest; what reads their results goes with them
  int tries = 0;                   // cuts that were judged
};

// ConvertForEdgeTpu, with layers sent to the rest until `holds`. Two searches, of which the one that leaves more
// multiply-accumulates to the Edge TPU counts: the layers that lose most alone (MeasureLayers, on `validation`), as few
// as are enough; and all layers from one on, as late as is possible. Without EdgeTpuConversionOptions::cut nothing is
// sent. Throws what ConvertForEdgeTpu throws.
BoundedConversion ConvertWithin(const Model& model, const Samples& samples, const Samples& validation,
                                const CompileModel& compile, const EdgeTpuConversionOptions& options,
                                const HoldsBound& holds);

}  // namespace consort

#endif  // CONSORT_EDGETPU_BOUND_H_
