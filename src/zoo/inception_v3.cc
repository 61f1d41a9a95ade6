// Inception v3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016, without the
// auxiliary classifier; the channels of the modules as in TensorFlow's research/slim/nets/inception_v3.py and
// torchvision.
#include "zoo/image_networks.h"
#include "zoo/inception.h"

namespace consort::zoo {
namespace {

constexpr int64_t kLeast = 75;  // one pixel is left

Step Whole(int64_t channels) { return {channels, Square(3, 1, Padding::kValid)}; }

// 35×35; `pool`: channels behind the pooling.
Module A(int64_t pool) {
  return {{.steps = {Pointwise(64)}},
          {.steps = {Pointwise(48), Same(64, 5)}},
          {.steps = {Pointwise(64), Same(96, 3), Same(96, 3)}},
          {.pooling = Pooling::kAverage, .steps = {Pointwise(pool)}}};
}

Module ReductionA() {
  return {
      {.steps = {Halving(384)}}, {.steps = {Pointwise(64), Same(96, 3), Halving(96)}}, {.pooling = Pooling::kHalving}};
}

// 17×17; `inner`: channels of the factorized 7×7 convolutions.
Module B(int64_t inner) {
  return {{.steps = {Pointwise(192)}},
          {.steps = {Pointwise(inner), Same(inner, 1, 7), Same(192, 7, 1)}},
          {.steps = {Pointwise(inner), Same(inner, 7, 1), Same(inner, 1, 7), Same(inner, 7, 1), Same(192, 1, 7)}},
          {.pooling = Pooling::kAverage, .steps = {Pointwise(192)}}};
}

Module ReductionB() {
  return {{.steps = {Pointwise(192), Halving(320)}},
          {.steps = {Pointwise(192), Same(192, 1, 7), Same(192, 7, 1), Halving(192)}},
          {.pooling = Pooling::kHalving}};
}

// 8×8.
Module C() {
  return {{.steps = {Pointwise(320)}},
          {.steps = {Pointwise(384)}, .ends = {Same(384, 1, 3), Same(384, 3, 1)}},
          {.steps = {Pointwise(448), Same(384, 3)}, .ends = {Same(384, 1, 3), Same(384, 3, 1)}},
          {.pooling = Pooling::kAverage, .steps = {Pointwise(192)}}};
}

Value Stem(LayerWriter& net, const Value& image) {
  const LayerWriter::Scope scope(net, "stem");
  const Window pool = Square(3, 2, Padding::kValid);
  const Value x = net.MaxPool(Apply(net, image, {Halving(32), Whole(32), Same(64, 3)}), pool);
  return net.MaxPool(Apply(net, x, {Pointwise(80), Whole(192)}), pool);
}

void Build(LayerWriter& net, const MakeOptions& options) {
  Value x = Stem(net, ImageInput(net, options, {.network = "inception-v3", .usual = 299, .least = kLeast}));
  x = Apply(net, "5b", x, A(32));
  x = Apply(net, "5c", x, A(64));
  x = Apply(net, "5d", x, A(64));
  x = Apply(net, "6a", x, ReductionA());
  x = Apply(net, "6b", x, B(128));
  x = Apply(net, "6c", x, B(160));
  x = Apply(net, "6d", x, B(160));
  x = Apply(net, "6e", x, B(192));
  x = Apply(net, "7a", x, ReductionB());
  x = Apply(net, "7b", x, C());
  Classify(net, Apply(net, "7c", x, C()));
}

}  // namespace

Architecture InceptionV3() {
  return {.name = "inception-v3",
          .summary = "Inception v3, no auxiliary head, 299 x 299 (Szegedy et al. 2016)",
          .choices = {Choice::kSize},
          .default_size = 299,
          .build = Build};
}

}  // namespace consort::zoo
