// Where a flatbuffer's table says that a field is.
#ifndef CONSORT_TFLITE_FIELDS_H_
#define CONSORT_TFLITE_FIELDS_H_

#include <cstdint>

namespace consort::tflite {

// The place of a field, by its number, in a table's list of offsets: behind the two sizes that the list begins with
// (flatbuffers' internals, "Tables").
template <typename FieldOf>
constexpr uint16_t Slot(FieldOf field) {
  return static_cast<uint16_t>(4 + 2 * static_cast<int>(field));
}

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_FIELDS_H_
