// Inception v4: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
// 2017, figures 3 to 9; the order of the factorized convolutions as in TensorFlow's research/slim/nets/inception_v4.py.
#include <fmt/format.h>

#include "zoo/image_networks.h"
#include "zoo/inception.h"

namespace consort::zoo {
namespace {

constexpr int64_t kLeast = 75;  // one pixel is left

Step Whole(int64_t channels) { return {channels, Square(3, 1, Padding::kValid)}; }

// Figure 3.
Value Stem(LayerWriter& net, const Value& image) {
  const LayerWriter::Scope scope(net, "stem");
  Value x = Apply(net, image, {Halving(32), Whole(32), Same(64, 3)});
  x = Apply(net, "3a", x, {{.pooling = Pooling::kHalving}, {.steps = {Halving(96)}}});
  x = Apply(
      net, "4a", x,
      {{.steps = {Pointwise(64), Whole(96)}}, {.steps = {Pointwise(64), Same(64, 1, 7), Same(64, 7, 1), Whole(96)}}});
  return Apply(net, "5a", x, {{.steps = {Halving(192)}}, {.pooling = Pooling::kHalving}});
}

// Figure 4.
Module A() {
  return {{.steps = {Pointwise(96)}},
          {.steps = {Pointwise(64), Same(96, 3)}},
          {.steps = {Pointwise(64), Same(96, 3), Same(96, 3)}},
          {.pooling = Pooling::kAverage, .steps = {Pointwise(96)}}};
}

// Figure 7 with k = 192, l = 224, m = 256, n = 384 of table 1.
Module ReductionA() {
  return {{.steps = {Halving(384)}},
          {.steps = {Pointwise(192), Same(224, 3), Halving(256)}},
          {.pooling = Pooling::kHalving}};
}

// Figure 5.
Module B() {
  return {{.steps = {Pointwise(384)}},
          {.steps = {Pointwise(192), Same(224, 1, 7), Same(256, 7, 1)}},
          {.steps = {Pointwise(192), Same(192, 7, 1), Same(224, 1, 7), Same(224, 7, 1), Same(256, 1, 7)}},
          {.pooling = Pooling::kAverage, .steps = {Pointwise(128)}}};
}

// Figure 8.
Module ReductionB() {
  return {{.steps = {Pointwise(192), Halving(192)}},
          {.steps = {Pointwise(256), Same(256, 1, 7), Same(320, 7, 1), Halving(320)}},
          {.pooling = Pooling::kHalving}};
}

// Figure 6.
Module C() {
  return {{.steps = {Pointwise(256)}},
          {.steps = {Pointwise(384)}, .ends = {Same(256, 1, 3), Same(256, 3, 1)}},
          {.steps = {Pointwise(384), Same(448, 3, 1), Same(512, 1, 3)}, .ends = {Same(256, 1, 3), Same(256, 3, 1)}},
          {.pooling = Pooling::kAverage, .steps = {Pointwise(256)}}};
}

Value Repeat(LayerWriter& net, Value x, const std::string& name, const Module& module, int count) {
  for (int i = 1; i <= count; ++i) x = Apply(net, fmt::format("{}{}", name, i), x, module);
  return x;
}

void Build(LayerWriter& net, const MakeOptions& options) {
  Value x = Stem(net, ImageInput(net, options, {.network = "inception-v4", .usual = 299, .least = kLeast}));
  x = Apply(net, "reduction_a", Repeat(net, x, "a", A(), 4), ReductionA());
  x = Apply(net, "reduction_b", Repeat(net, x, "b", B(), 7), ReductionB());
  Classify(net, Repeat(net, x, "c", C(), 3));
}

}  // namespace

Architecture InceptionV4() {
  return {.name = "inception-v4",
          .summary = "Inception v4, 299 x 299 (Szegedy et al. 2017)",
          .choices = {Choice::kSize},
          .default_size = 299,
          .build = Build};
}

}  // namespace consort::zoo
