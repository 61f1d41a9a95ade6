// From a float model to the part of it that the Edge TPU can run, in integers, and the rest.
#ifndef CONSORT_EDGETPU_CONVERT_H_
#define CONSORT_EDGETPU_CONVERT_H_

#include <functional>
#include <optional>
#include <string>

#include "consort/model.h"
#include "edgetpu/preflight.h"
#include "quantize/observe.h"
#include "quantize/qdq_writer.h"
#include "quantize/range_methods.h"
#include "tflite/write_tflite.h"

namespace consort {

struct EdgeTpuConversionOptions {
  RangeOptions ranges;
  WeightScales weights = WeightScales::kPerChannel;
  TfLitePorts ports = TfLitePorts::kInt8;  // of the file; between them everything is int8
  bool cut = true;                         // false: a model that does not fit as a whole is an error
  Refusals refused;                        // what else goes to the rest, and why
  std::optional<Ranges> known;             // of all tensors of the head: then nothing is calibrated
  std::function<void(const std::string&)> say;  // what is done at the moment; may be empty
};

struct EdgeTpuConversion {
  Preflight preflight;
  Model head;                 // float, what `file` is made from
  std::optional<Model> rest;  // float; its inputs are inputs of the model and outputs of the head, by name
  TfLiteFile file;            // the head

  // Outputs of the head that the rest reads, and those that are only the model's.
  std::vector<TfLitePort> Crossing() const { return Outputs(true); }
  std::vector<TfLitePort> NotCrossing() const { return Outputs(false); }

 private:
  std::vector<TfLitePort> Outputs(bool crossing) const;
};

// Cuts the model where the Edge TPU's documented rules, an operator without an integer form, or one that becomes nothing
// in TensorFlow Lite or an operator that the compiler does not list end what it can run; calibrates the head on `samples` of the whole model's inputs and
// writes it. `compile` runs float models. Throws kInfeasible naming the first blocker and what to do where nothing is
// left for the Edge TPU, and without `cut` where anything is left to others; kUnsupported for a model that is quantized
// already; what Calibrate throws.
EdgeTpuConversion ConvertForEdgeTpu(const Model& model, const Samples& samples, const CompileModel& compile,
                                    const EdgeTpuConversionOptions& options);

}  // namespace consort

#endif  // CONSORT_EDGETPU_CONVERT_H_
