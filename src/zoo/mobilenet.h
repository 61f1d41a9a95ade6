// The body of MobileNet v2, that a classifier and a U-Net are built on.
#ifndef CONSORT_ZOO_MOBILENET_H_
#define CONSORT_ZOO_MOBILENET_H_

#include <vector>

#include "zoo/layers.h"

namespace consort::zoo {

struct MobileNetV2Body {
  std::vector<Value> expansions;  // what the blocks that halve the image halve, largest image first
  Value projection;               // of the last block, in front of its batch norm
};

// `width` multiplies the channels, which are rounded to multiples of 8.
MobileNetV2Body MobileNetV2(LayerWriter& net, const Value& image, double width);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_MOBILENET_H_
