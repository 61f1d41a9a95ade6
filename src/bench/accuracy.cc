#include "bench/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "consort/error.h"
#include "io/compare.h"
#include "io/element.h"

namespace consort {
namespace {

bool HasRows(const TensorSpec& spec) { return IsReal(spec) && spec.shape.size() >= 2 && spec.shape.back() >= 2; }

bool HoldsNan(std::span<const double> row) {
  return std::any_of(row.begin(), row.end(), [](double value) { return std::isnan(value); });
}

// The index of the first largest element; NaN is smaller than any number.
size_t ArgMax(std::span<const double> row) {
  const auto below = [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; };
  return static_cast<size_t>(std::max_element(row.begin(), row.end(), below) - row.begin());
}

const NamedTensor& Counterpart(const NamedTensor& output, size_t outputs, const Outputs& reference) {
  if (outputs == 1 && reference.size() == 1) return reference.front();
  const auto found = std::find_if(reference.begin(), reference.end(),
                                  [&output](const NamedTensor& other) { return other.name == output.name; });
  if (found != reference.end()) return *found;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("the reference has no output '{}'", output.name));
}

double Relative(double difference, double reference) {
  if (difference == 0) return 0;
  return reference == 0 ? std::numeric_limits<double>::infinity() : difference / reference;
}

}  // namespace

Evaluator::Evaluator(const Registry& registry, const Target& target, const Artifact& artifact,
                     const SubjectOptions& options)
    : device_(registry.Open(target, options.open)) {
  CompileOptions compile = options.compile;
  compile.execution = Execution::kCaller;
  executable_ = device_->Compile(artifact, compile);
  if (!options.strict) return;
  try {
    RequireStrict(executable_->placement());
  } catch (const Error& error) {
    throw Error(error.code(), target.ToString() + ": " + error.what());
  }
}

Outputs Evaluator::Evaluate(std::vector<Buffer> inputs) {
  const auto binding = std::make_shared<Binding>(signature());
  for (size_t port = 0; port < inputs.size(); ++port)
    binding->SetInput(static_cast<int>(port), std::move(inputs[port]));
  Run(*executable_, binding);
  Outputs outputs;
  for (int port = 0; port < binding->output_count(); ++port)
    outputs.push_back({signature().outputs[port].name, binding->output(port).Clone()});
  return outputs;
}

std::vector<std::string> Misses(const Accuracy& accuracy, const AccuracyBounds& bounds) {
  std::vector<std::string> misses;
  if (bounds.min_cosine && !(accuracy.cosine >= *bounds.min_cosine))
    misses.push_back(fmt::format("cosine {:.9g} is less than {:g}", accuracy.cosine, *bounds.min_cosine));
  if (bounds.max_error && !(accuracy.error <= *bounds.max_error))
    misses.push_back(fmt::format("error {:.3g} is more than {:g}", accuracy.error, *bounds.max_error));
  const bool bounded = bounds.min_cosine || bounds.max_error;
  if (bounded && accuracy.nonfinite_mismatches > 0)
    misses.push_back(fmt::format("{} elements are finite in one only", accuracy.nonfinite_mismatches));
  return misses;
}

void AccuracyTally::Add(const Outputs& outputs, const Outputs& reference) {
  for (const NamedTensor& output : outputs) {
    const NamedTensor& expected = Counterpart(output, outputs.size(), reference);
    try {
      AddOutput(output.tensor, expected.tensor, sums_[output.name]);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("output '{}': {}", output.name, error.what()));
    }
  }
  ++inputs_;
}

void AccuracyTally::AddOutput(const Buffer& value, const Buffer& reference, OutputSums& sums) {
  const Comparison comparison = Compare(value, reference);
  sums.cosine = std::min(sums.cosine, comparison.cosine);
  sums.max_difference = std::max(sums.max_difference, comparison.max_difference);
  sums.max_reference = std::max(sums.max_reference, comparison.max_reference);
  sums.square_difference += comparison.square_difference;
  sums.square_reference += comparison.square_reference;
  nonfinite_mismatches_ += comparison.nonfinite_mismatches;
  const RowAgreement agreement = CountTop1(value, reference);
  rows_ += agreement.rows;
  rows_agreed_ += agreement.agreed;
}

Accuracy AccuracyTally::Summarise() const {
  Accuracy accuracy{.sqnr_db = std::numeric_limits<double>::infinity(),
                    .nonfinite_mismatches = nonfinite_mismatches_,
                    .inputs = inputs_};
  for (const auto& [name, sums] : sums_) {
    const double error = Relative(sums.max_difference, sums.max_reference);
    if (accuracy.worst_output.empty() || error > accuracy.error) accuracy.worst_output = name;
    accuracy.error = std::max(accuracy.error, error);
    accuracy.cosine = std::min(accuracy.cosine, sums.cosine);
    accuracy.sqnr_db = std::min(accuracy.sqnr_db, SqnrDb(sums.square_reference, sums.square_difference));
  }
  if (rows_ > 0) accuracy.top1 = static_cast<double>(rows_agreed_) / static_cast<double>(rows_);
  return accuracy;
}

RowAgreement CountTop1(const Buffer& value, const Buffer& reference) {
  RowAgreement agreement;
  if (!HasRows(value.spec()) || !HasRows(reference.spec()) || value.spec().shape != reference.spec().shape)
    return agreement;
  const std::vector<double> values = ToRealValues(value), references = ToRealValues(reference);
  const auto length = static_cast<size_t>(value.spec().shape.back());
  for (size_t begin = 0; begin < values.size(); begin += length) {
    const auto row = std::span(values).subspan(begin, length), expected = std::span(references).subspan(begin, length);
    if (HoldsNan(expected)) continue;
    ++agreement.rows;
    agreement.agreed += !std::isnan(row[ArgMax(row)]) && expected[ArgMax(row)] == expected[ArgMax(expected)];
  }
  return agreement;
}

}  // namespace consort
