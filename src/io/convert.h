// The same tensor in another form: element type, layout, quantization.
#ifndef CONSORT_IO_CONVERT_H_
#define CONSORT_IO_CONVERT_H_

#include <string>

#include "consort/buffer.h"

namespace consort {

// Writes tensors of one form in another: real values stay, up to rounding (to nearest, ties to even) and saturation.
// NHWC and NCHW exchange their axes, as do tensors of other than 4 axes whose channels are last (kNhwc) or second; other
// layouts keep the order of the elements. Value type; immutable; allocates only when it is made.
class Conversion {
 public:
  // `name` is for messages. Throws kUnsupported where the forms do not hold the same elements or cannot be read (int4,
  // strings, quantization per channel), kInvalidArgument for dynamic shapes.
  Conversion(const TensorSpec& from, const TensorSpec& to, const std::string& name);

  // False where both forms are the same bytes, so that there is nothing to do.
  static bool Needed(const TensorSpec& from, const TensorSpec& to);

  // Tensors of the two forms, packed, in host memory.
  void Apply(const void* from, void* to) const;

 private:
  struct Side {
    DataType dtype = DataType::kUndefined;
    double scale = 1;
    double zero_point = 0;
    bool quantized = false;
  };
  static Side SideOf(const TensorSpec& spec, const std::string& name);
  int64_t SourceOf(int64_t target) const;
  // Calls row(first source element, first target element, distance of the target's elements, how many) for runs of
  // neighbours in the source; column(…, distance of the source's elements, …) for runs of neighbours in the target.
  template <typename Row>
  void ForEachRow(const Row& row) const;
  template <typename Column>
  void ForEachColumn(const Column& column) const;
  // The common forms, fast; false: they are others.
  bool ApplyBytes(const void* from, void* to) const;

  Side from_;
  Side to_;
  int64_t count_ = 0;
  bool transposed_ = false;
  // With transposed_: rows × columns of the source become columns × rows, for each image.
  int64_t rows_ = 1;
  int64_t columns_ = 1;
};

}  // namespace consort

#endif  // CONSORT_IO_CONVERT_H_
