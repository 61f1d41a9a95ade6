// For the tests of this folder: tensors from values, and expected errors.
#ifndef CONSORT_IO_TEST_SUPPORT_H_
#define CONSORT_IO_TEST_SUPPORT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "consort/error.h"
#include "io/element.h"

namespace consort {

inline Buffer MakeTensor(DataType dtype, Shape shape, const std::vector<double>& values) {
  Buffer tensor = Buffer::Allocate({.dtype = dtype, .shape = std::move(shape)});
  SetFromDoubles(values, tensor);
  return tensor;
}

// Calls `action` and expects an Error with that code whose message contains `part`.
template <typename Action>
void ExpectError(Action action, ErrorCode code, const std::string& part) {
  try {
    action();
    FAIL() << "no error; expected one with '" << part << "'";
  } catch (const Error& error) {
    EXPECT_EQ(ToString(error.code()), ToString(code)) << error.what();
    EXPECT_THAT(error.what(), testing::HasSubstr(part));
  }
}

}  // namespace consort

#endif  // CONSORT_IO_TEST_SUPPORT_H_
