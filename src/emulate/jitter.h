// Times that differ from call to call as those of real devices do, the same way every time.
#ifndef CONSORT_EMULATE_JITTER_H_
#define CONSORT_EMULATE_JITTER_H_

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <string_view>

namespace consort {

// Devices of one platform must not jitter in step: their names go into the seed (FNV-1a, Fowler, Noll and Vo).
inline uint64_t JitterSeedOf(uint64_t seed, std::string_view device) {
  uint64_t hash = 14695981039346656037U;
  for (const char c : device) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return seed ^ hash;
}

// Factors of mean 1, lognormally distributed. The same seed gives the same factors on every machine.
class Jitter {
 public:
  // `spread`: standard deviation over mean; 0: every factor is 1.
  Jitter(double spread, uint64_t seed) : sigma_(std::sqrt(std::log1p(spread * spread))), random_(seed) {}

  double Next() {
    if (sigma_ == 0) return 1;
    // Box and Muller 1958; the standard library's normal distribution is not laid down.
    const double radius = std::sqrt(-2 * std::log(Uniform()));
    const double z = radius * std::cos(2 * std::numbers::pi * Uniform());
    return std::exp(sigma_ * z - sigma_ * sigma_ / 2);
  }

 private:
  // In (0, 1].
  double Uniform() { return (static_cast<double>(random_() >> 11) + 1) / 9007199254740992.0; }

  double sigma_;
  std::mt19937_64 random_;
};

}  // namespace consort

#endif  // CONSORT_EMULATE_JITTER_H_
