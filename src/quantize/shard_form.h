// The integer form of parts of a model, with ranges that were measured on the whole.
#ifndef CONSORT_QUANTIZE_SHARD_FORM_H_
#define CONSORT_QUANTIZE_SHARD_FORM_H_

#include "quantize/calibrate.h"
#include "quantize/qdq_writer.h"
#include "quantize/scope.h"

namespace consort {

// Ranges of every float32 tensor that the model computes or takes: what any shard of it needs. Throws as Calibrate.
Ranges CalibrateAll(const Model& model, const Samples& samples, const CompileModel& compile,
                    const RangeOptions& options);

// The model, or a shard of one whose ranges these are, prepared and in QDQ form: the same inputs and outputs, in float32.
// Throws kUnsupported where nothing of it has an integer form, and as PrepareForQuantization and WriteQdq.
Model QuantizedForm(const Model& model, const Ranges& ranges, const QdqOptions& options,
                    QuantizeScope scope = QuantizeScope::kAuto);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_SHARD_FORM_H_
