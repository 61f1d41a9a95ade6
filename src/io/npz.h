// NumPy's .npz format: a zip archive of .npy files.
#ifndef CONSORT_IO_NPZ_H_
#define CONSORT_IO_NPZ_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/named_tensor.h"

namespace consort {

// What an archive may unpack to. The sizes that it declares are checked first, then what really comes out.
struct NpzLimits {
  int64_t max_members = 4096;
  int64_t max_total_bytes = int64_t{4} << 30;
  // Largest ratio of unpacked to packed size of a member, beyond an unpacked size at which it matters.
  int64_t max_ratio = 200;
  int64_t ratio_free_bytes = int64_t{64} << 20;
};

// All members in the archive's order; "x.npy" gives the name "x". Members are stored or deflated, as NumPy writes them.
// Throws kInvalidModel naming `name` and the member for anything broken, encrypted, given twice or beyond the limits.
std::vector<NamedTensor> ParseNpz(std::string_view bytes, const std::string& name, const NpzLimits& limits = {});

}  // namespace consort

#endif  // CONSORT_IO_NPZ_H_
