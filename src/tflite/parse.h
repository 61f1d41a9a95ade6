// From the bytes of a .tflite file to plain values.
#ifndef CONSORT_TFLITE_PARSE_H_
#define CONSORT_TFLITE_PARSE_H_

#include <string>
#include <string_view>

#include "tflite/contents.h"

namespace consort::tflite {

// Reads nothing outside `bytes`, whatever they are; names are copied, buffers and custom options are borrowed. Every
// index of the result lies in its list (-1 stands for an input that is left out) and no size is negative. Throws
// kInvalidModel, begun by `place`, naming what is malformed.
Contents ParseContents(std::string_view bytes, const std::string& place);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_PARSE_H_
