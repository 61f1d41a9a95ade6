// Scales of the groups of a plan.
#ifndef CONSORT_QUANTIZE_GROUP_SCALES_H_
#define CONSORT_QUANTIZE_GROUP_SCALES_H_

#include <map>
#include <vector>

#include "quantize/parameters.h"
#include "quantize/plan_quantization.h"

namespace consort {

// Tensors, each in a group of its own and read by sums alone, whose range is wider than can matter, with what does: with
// a sum in [low, high] and the other operand in [a, b], values below low - b and above high - a saturate the sum
// whatever the other is. (A mask of -10000 that is added to attention scores needs no more than their range.) Throws
// kInvalidArgument naming a tensor whose range is missing.
std::map<TensorId, Range> LimitedBySums(const Model& model, const QuantizationPlan& plan, const Ranges& ranges);

// What the integers of each group stand for: all ranges of its sources, those of constants being their values, and what
// LimitedBySums says. Throws as it does.
std::vector<Range> GroupRanges(const Model& model, const QuantizationPlan& plan, const Ranges& ranges);

// Scale and zero point of each group: fixed ones, or those of its range. Throws as GroupRanges.
std::vector<QuantizationParameters> GroupParameters(const Model& model, const QuantizationPlan& plan,
                                                    const Ranges& ranges, const ActivationFormat& format);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_GROUP_SCALES_H_
