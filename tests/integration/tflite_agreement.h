// A quantized ONNX model on ONNX Runtime, and the .tflite file that is written of it on LiteRT.
#ifndef CONSORT_TESTS_INTEGRATION_TFLITE_AGREEMENT_H_
#define CONSORT_TESTS_INTEGRATION_TFLITE_AGREEMENT_H_

#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "consort/model.h"
#include "tflite/write_tflite.h"

namespace consort::test {

// Any model on the CPU, one thread, graphs as they stand.
Evaluator OnCpu(const std::string& target, const Artifact& artifact);

// The numbers that a port holds for real values, and the real values of what it holds.
std::vector<double> StoredNumbers(const std::vector<double>& real, const TfLitePort& port);
std::vector<double> RealNumbers(const std::vector<double>& stored, const TfLitePort& port);

// Float32, in ONNX's order of axes.
Buffer FloatBuffer(const Shape& shape, const std::vector<double>& values);

// The file and its execution. One thread at a time.
class WrittenModel {
 public:
  explicit WrittenModel(const Model& quantized, const TfLiteOptions& options = {});

  const TfLiteFile& file() const { return file_; }
  // What every input of the file holds, in ONNX's order of axes → what the first output holds, likewise.
  std::vector<double> Run(const std::vector<std::vector<double>>& stored);

 private:
  TfLiteFile file_;
  Evaluator evaluator_;
};

}  // namespace consort::test

#endif  // CONSORT_TESTS_INTEGRATION_TFLITE_AGREEMENT_H_
