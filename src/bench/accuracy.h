// How right a target's numbers are: its outputs against a reference's over several inputs.
#ifndef CONSORT_BENCH_ACCURACY_H_
#define CONSORT_BENCH_ACCURACY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/subject.h"
#include "consort/emulation.h"
#include "io/named_tensor.h"

namespace consort {

// Outputs over several inputs. Every output is judged by itself over all inputs; the figures are those of the worst
// output, so that one with large values does not hide another.
struct Accuracy {
  double cosine = 1;  // the least of all inputs and outputs
  double error = 0;   // largest |value - reference| over largest |reference|, over all inputs of an output
  double sqnr_db =
      0;  // 10·log10(Σ reference² / Σ (value - reference)²), over all inputs of an output; infinity when equal
  std::optional<double> top1;  // share of rows that agree on their largest element; absent where no output has rows
  int64_t nonfinite_mismatches = 0;  // elements that are finite in one only, or differ in how they are not, over all
  int inputs = 0;
  std::string worst_output;  // that of `error`
};

struct AccuracyBounds {
  std::optional<double> min_cosine;
  std::optional<double> max_error;
};

// The outputs of one call, by name.
using Outputs = std::vector<NamedTensor>;

// A model on a target, for its numbers and not for its time: any inputs, call after call. One thread at a time.
class Evaluator {
 public:
  // `target` is resolved. Throws what opening and compiling throw, and kInfeasible naming the target where `options`
  // are strict.
  Evaluator(const Registry& registry, const Target& target, const Artifact& artifact, const SubjectOptions& options);
  // The outputs for one buffer per input port, copied.
  Outputs Evaluate(std::vector<Buffer> inputs);

  const DeviceInfo& info() const { return device_->info(); }
  const Signature& signature() const { return executable_->signature(); }
  // Nothing on real hardware.
  const Emulated* emulated() const { return AsEmulated(*executable_); }
  // False for an emulated target that leaves the numbers out: its outputs are zeros.
  bool has_numbers() const { return emulated() == nullptr || emulated()->emulation().exact; }

 private:
  std::shared_ptr<Device> device_;
  std::unique_ptr<Executable> executable_;
};

// What of `accuracy` is out of bounds, one clause each; empty when it holds them. Elements that are finite in one only
// miss any bound, and a cosine that is not a number misses the bound on it.
std::vector<std::string> Misses(const Accuracy& accuracy, const AccuracyBounds& bounds);

// Sums up sets of outputs, one per input. A value.
class AccuracyTally {
 public:
  // The target's outputs for one input against the reference's, paired by name, or as they are when both have one only.
  // Throws kInvalidArgument naming the output that the reference lacks, or that differs in shape or in kind of type.
  void Add(const Outputs& outputs, const Outputs& reference);
  Accuracy Summarise() const;

 private:
  struct OutputSums {
    double cosine = 1;
    double max_difference = 0;
    double max_reference = 0;
    double square_difference = 0;
    double square_reference = 0;
  };
  void AddOutput(const Buffer& value, const Buffer& reference, OutputSums& sums);

  std::map<std::string, OutputSums> sums_;
  int64_t rows_ = 0;
  int64_t rows_agreed_ = 0;
  int64_t nonfinite_mismatches_ = 0;
  int inputs_ = 0;
};

// Rows of the last axis of floating-point and quantized tensors of rank ≥ 2 with ≥ 2 elements on that axis; other tensors have none,
// nor do rows that hold a NaN in the reference. A row agrees when the element that `value` ranks first (the first of
// equal ones; NaN ranks last) is a largest one of the reference's row.
struct RowAgreement {
  int64_t rows = 0;
  int64_t agreed = 0;
};
RowAgreement CountTop1(const Buffer& value, const Buffer& reference);

}  // namespace consort

#endif  // CONSORT_BENCH_ACCURACY_H_
