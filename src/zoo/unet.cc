// U-Net (Ronneberger et al. 2015) with MobileNet v2 as its encoder, in the form of TensorFlow's tutorial "Image
// segmentation": the decoder's blocks are pix2pix's (tensorflow_examples/models/pix2pix), without the dropout that
// inference leaves out.
#include <fmt/format.h>

#include <vector>

#include "zoo/image_networks.h"
#include "zoo/mobilenet.h"

namespace consort::zoo {
namespace {

constexpr int64_t kClasses = 3;
constexpr int64_t kDecoder[] = {512, 256, 128, 64};

void Build(LayerWriter& net, const MakeOptions& options) {
  const Value image = ImageInput(net, options, {.network = "unet-mobilenet-v2", .usual = 128, .multiple = 32});
  MobileNetV2Body encoder = MobileNetV2(net, image, 1);
  Value x = encoder.projection;
  for (const int64_t channels : kDecoder) {
    const LayerWriter::Scope scope(net, fmt::format("decoder{}", channels));
    x = net.Relu(net.BatchNorm(net.ConvTranspose(x, channels, Square(3, 2))));
    x = net.Concat({x, encoder.expansions.back()});
    encoder.expansions.pop_back();
  }
  net.Output("logits", net.ConvTranspose(x, kClasses, Square(3, 2), true));
}

}  // namespace

Family UNetFamily() {
  return {{.name = "unet-mobilenet-v2",
           .summary =
               "U-Net with a MobileNet v2 encoder, 3 classes per pixel, 128 x 128 (TensorFlow's segmentation tutorial)",
           .choices = {Choice::kSize},
           .default_size = 128,
           .build = Build}};
}

}  // namespace consort::zoo
