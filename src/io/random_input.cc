#include "io/random_input.h"

#include <cmath>
#include <vector>

#include "io/element.h"

namespace consort {
namespace {

// splitmix64: a small generator whose every output is laid down, unlike the standard library's distributions.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t mixed = state_;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
  }

 private:
  uint64_t state_;
};

// FNV-1a of the name, started from the seed.
uint64_t PortSeed(uint64_t seed, const std::string& port) {
  uint64_t hash = SplitMix(seed).Next() ^ 0xCBF29CE484222325u;
  for (const unsigned char c : port) hash = (hash ^ c) * 0x100000001B3u;
  return hash;
}

// Random bits of a value below 1 that the type holds exactly; 0 for types whose values are 0 or 1.
int FractionBits(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat16:
      return 11;
    case DataType::kBFloat16:
      return 8;
    case DataType::kFloat32:
      return 24;
    case DataType::kFloat64:
      return 53;
    default:
      return 0;
  }
}

}  // namespace

Buffer RandomInput(const TensorSpec& spec, uint64_t seed, const std::string& port) {
  Buffer tensor = Buffer::Allocate(spec);
  SplitMix random(PortSeed(seed, port));
  const bool quantized = spec.quantization.scale.size() == 1;
  const int bits = FractionBits(quantized ? DataType::kFloat32 : spec.dtype);
  std::vector<double> values(ElementCount(spec.shape));
  for (double& value : values) {
    value = bits > 0 ? std::ldexp(static_cast<double>(random.Next() >> (64 - bits)), -bits)
                     : static_cast<double>(random.Next() >> 63);
  }
  quantized ? SetFromRealValues(std::move(values), tensor) : SetFromDoubles(values, tensor);
  return tensor;
}

}  // namespace consort
