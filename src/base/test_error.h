// For tests: what a call throws.
#ifndef CONSORT_BASE_TEST_ERROR_H_
#define CONSORT_BASE_TEST_ERROR_H_

#include <string>
#include <utility>

#include "consort/error.h"

namespace consort::test {

// The code and the message of what `call` throws; fails the comparison when it throws nothing.
template <typename Call>
std::pair<ErrorCode, std::string> ErrorOf(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::kInternal, "nothing was thrown"};
}

}  // namespace consort::test

#endif  // CONSORT_BASE_TEST_ERROR_H_
