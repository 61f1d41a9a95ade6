// For tests of this folder.
#ifndef CONSORT_EXPERIMENT_TEST_SUPPORT_H_
#define CONSORT_EXPERIMENT_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include "base/test_error.h"

// `expression` throws an Error of this code whose message holds `text`.
#define EXPECT_ERROR(expression, expected_code, text)                                                  \
  do {                                                                                                 \
    const auto [code, message] = ::consort::test::ErrorOf([&] { static_cast<void>(expression); });     \
    EXPECT_EQ(::consort::ToString(code), ::consort::ToString(expected_code)) << message;               \
    EXPECT_NE(message.find(text), std::string::npos) << message;                                       \
  } while (false)

#endif  // CONSORT_EXPERIMENT_TEST_SUPPORT_H_
