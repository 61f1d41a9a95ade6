#include "tflite/refused.h"

#include <fmt/format.h>

#include <utility>

#include "base/strings.h"

namespace consort {
namespace {

std::string List(const std::vector<TfLiteRefusal>& refusals) {
  std::vector<std::string> texts;
  for (const TfLiteRefusal& refusal : refusals) {
    texts.push_back(refusal.op.empty() ? refusal.why
                                       : fmt::format("'{}' ({}): {}", refusal.op, refusal.type, refusal.why));
  }
  return Join(texts, "; ");
}

}  // namespace

TfLiteRefused::TfLiteRefused(const std::string& model, std::vector<TfLiteRefusal> refusals)
    : Error(ErrorCode::kUnsupported,
            fmt::format("{}: cannot become a full-integer .tflite model: {}", model, List(refusals))),
      refusals_(std::move(refusals)) {}

}  // namespace consort
