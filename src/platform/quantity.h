// Quantities in detail: which units fit, and which values make sense.
#ifndef CONSORT_PLATFORM_QUANTITY_H_
#define CONSORT_PLATFORM_QUANTITY_H_

#include <string>
#include <string_view>

#include "platform/platform.h"

namespace consort {

// "a bandwidth", "a time", for messages.
std::string_view Describe(Dimension dimension);

// "B/s, kB/s, MB/s, …", for messages.
std::string UnitsOf(Dimension dimension);

// True where a plain number says it all: ratios and counts.
bool IsPlainNumber(Dimension dimension);

// The value, if it can be of that dimension: finite, within what machines reach, and above zero where a zero would be
// divided by (everything but times, bytes and powers, which may be zero). Counts are whole. Else throws
// kInvalidArgument.
double CheckQuantity(double value, Dimension dimension);

}  // namespace consort

#endif  // CONSORT_PLATFORM_QUANTITY_H_
