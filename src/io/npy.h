// NumPy's .npy format.
#ifndef CONSORT_IO_NPY_H_
#define CONSORT_IO_NPY_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "consort/buffer.h"

namespace consort {

// Reads a .npy file held in memory: format versions 1 to 3, little-endian numbers and bool of any shape. Fortran order
// is transposed to C order. `<V2` is read as bfloat16 (NumPy has no name for it; ml_dtypes writes it so). Throws
// kInvalidModel naming `name` for a broken file, kInvalidArgument for an element type that buffers do not carry.
Buffer ParseNpy(std::string_view bytes, const std::string& name);

// The tensor as a version 1 .npy file, in C order; bfloat16 as `<V2`. Throws kUnsupported for int4 and uint4 and for
// memory that the host cannot read.
std::string FormatNpy(const Buffer& tensor);

// FormatNpy into a file. Throws kInvalidArgument when it cannot be written.
void WriteNpy(const std::filesystem::path& path, const Buffer& tensor);

}  // namespace consort

#endif  // CONSORT_IO_NPY_H_
