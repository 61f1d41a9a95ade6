// What single backends cannot do, each with the reason. A test that passes although it is listed here fails.
#include "conformance/conformance.h"

namespace consort::test {

const std::vector<Difference>& Differences() {
  static const std::vector<Difference> differences = {
      {"onnxruntime", "AnUnknownEngineOptionIsRefused",
       "the engine takes any session option and ignores those it does not know"},
      {"litert", "OpenAxesKeepTheirNames", "a .tflite file has no names for axes"},
      {"null", "TheNumbersAreRight", "it computes nothing"},
      {"null", "ProductsAreRight", "it computes nothing"},
      {"null", "InputsMatter", "it computes nothing"},
      {"null", "ChangedInputsCountWithoutBindingAgain", "it computes nothing"},
      {"null", "AnotherBufferCounts", "it computes nothing"},
      {"null", "BytesPass", "it computes nothing"},
      {"null", "SignedBytesPass", "it computes nothing"},
      {"null", "BooleansPass", "it computes nothing"},
      {"null", "IntegersPass", "it computes nothing"},
      {"null", "LongIntegersPass", "it computes nothing"},
      {"null", "LongIntegersBeyond32BitsPassOrAreRefused", "it computes nothing"},
      {"null", "DoublesPass", "it computes nothing"},
      {"null", "DoublesKeepTheirPrecision", "it computes nothing"},
      {"null", "HalvesPass", "it computes nothing"},
      {"null", "ScalarsHaveNoAxes", "it computes nothing"},
      {"null", "BranchesFollowTheirCondition", "it computes nothing"},
      {"null", "LoopsTurn", "it computes nothing"},
      {"null", "StateIsCarriedByTheCaller", "it computes nothing"},
      {"null", "AnUnknownOpIsAnErrorThatNamesIt", "it takes ops that no engine knows, since it runs none"},
  };
  return differences;
}

}  // namespace consort::test
