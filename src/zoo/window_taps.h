// How much of a convolution's window falls into zero padding.
#ifndef CONSORT_ZOO_WINDOW_TAPS_H_
#define CONSORT_ZOO_WINDOW_TAPS_H_

#include "consort/types.h"
#include "onnx/onnx_pb.h"

namespace consort::zoo {

// The mean over output positions of the share of taps that lie inside the image, exact; axes whose sizes are not known
// count as 1.
double LiveTaps(const onnx::NodeProto& conv, const Shape& input, const Shape& filters, const Shape& output);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_WINDOW_TAPS_H_
