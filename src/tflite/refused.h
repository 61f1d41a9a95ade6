// What of a model has no place in a full-integer .tflite file.
#ifndef CONSORT_TFLITE_REFUSED_H_
#define CONSORT_TFLITE_REFUSED_H_

#include <string>
#include <vector>

#include "consort/error.h"

namespace consort {

struct TfLiteRefusal {
  std::string op;    // its name; empty: `why` is a sentence about an input or output of the model
  std::string type;  // "MaxPool"
  std::string why;
};

// kUnsupported, with a message that lists all of them: "'pool' (MaxPool): pooling has no dilation …; …".
class TfLiteRefused : public Error {
 public:
  TfLiteRefused(const std::string& model, std::vector<TfLiteRefusal> refusals);
  const std::vector<TfLiteRefusal>& refusals() const { return refusals_; }

 private:
  std::vector<TfLiteRefusal> refusals_;
};

}  // namespace consort

#endif  // CONSORT_TFLITE_REFUSED_H_
