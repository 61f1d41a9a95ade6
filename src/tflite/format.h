// From plain values to the bytes of a .tflite file.
#ifndef CONSORT_TFLITE_FORMAT_H_
#define CONSORT_TFLITE_FORMAT_H_

#include <string>

#include "tflite/contents.h"

namespace consort::tflite {

// A flatbuffer of the schema's version 3 with the data of buffers at multiples of 16 bytes. Every index in `contents`
// is taken as it is. Throws kUnsupported when the file would pass the 2 GiB that a flatbuffer can hold.
std::string FormatContents(const Contents& contents);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_FORMAT_H_
