#include "conformance/tflite_twins.h"

#include "model/test_models.h"
#include "tflite/test_tflite.h"

namespace consort::test {
namespace {

constexpr auto kFloat = TfLiteElement::kFloat32;

std::string TwoInputs() {
  TfLiteWriter writer;
  const int a = writer.Tensor("a", {1, 4}, kFloat);
  const int b = writer.Tensor("b", {1, 4}, kFloat);
  const int sum = writer.Tensor("sum", {1, 4}, kFloat);
  const int product = writer.Tensor("product", {1, 4}, kFloat);
  writer.Operator(TfLiteOp::kAdd, {a, b}, {sum}, TfLiteOptionsTable::kAdd);
  writer.Operator(TfLiteOp::kMul, {a, b}, {product}, TfLiteOptionsTable::kMul);
  return writer.Finish({a, b}, {sum, product});
}

std::string Relus(const std::vector<int32_t>& shape, int count) {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", shape, kFloat);
  int last = x;
  for (int i = 0; i < count; ++i) {
    const int next = writer.Tensor(i + 1 == count ? "y" : "t" + std::to_string(i), shape, kFloat);
    writer.Operator(TfLiteOp::kRelu, {last}, {next});
    last = next;
  }
  return writer.Finish({x}, {last});
}

// The values of GraphWriter::Weight for a [k, n] matrix, transposed as a fully connected layer takes it.
std::string TransposedWeight(int k, int n) {
  std::vector<float> values;
  for (int column = 0; column < n; ++column) {
    for (int row = 0; row < k; ++row) values.push_back(0.01f * static_cast<float>((row * n + column) * 7 % 23 - 11));
  }
  return BytesOf(values);
}

std::string Product(int m, int k, int n, bool open) {
  TfLiteWriter writer;
  const auto signature = [&](int size) { return open ? std::vector<int32_t>{-1, size} : std::vector<int32_t>{}; };
  const int x = writer.Tensor("x", {m, k}, kFloat, {}, "", signature(k));
  const int w = writer.Tensor("w", {n, k}, kFloat, {}, TransposedWeight(k, n));
  const int y = writer.Tensor("y", {m, n}, kFloat, {}, "", signature(n));
  writer.Operator(TfLiteOp::kFullyConnected, {x, w, -1}, {y}, TfLiteOptionsTable::kFullyConnected);
  return writer.Finish({x}, {y});
}

std::string Stateful() {
  TfLiteWriter writer;
  const int x = writer.Tensor("x", {1, 4}, kFloat);
  const int state = writer.Tensor("state", {1, 4}, kFloat);
  const int two = writer.Tensor("two", {1}, kFloat, {}, BytesOf<float>({2}));
  const int next_state = writer.Tensor("next_state", {1, 4}, kFloat);
  const int y = writer.Tensor("y", {1, 4}, kFloat);
  writer.Operator(TfLiteOp::kAdd, {state, x}, {next_state}, TfLiteOptionsTable::kAdd);
  writer.Operator(TfLiteOp::kMul, {next_state, two}, {y}, TfLiteOptionsTable::kMul);
  return writer.Finish({x, state}, {next_state, y});
}

}  // namespace

std::optional<std::string> TfLiteTwin(const std::string& onnx_bytes) {
  if (onnx_bytes == TwoInputModel()) return TwoInputs();
  if (onnx_bytes == ConvReluModel()) return Relus({1, 3, 8, 8}, 1);
  if (onnx_bytes == ChainModel(4)) return Relus({1, 16}, 4);
  if (onnx_bytes == MatMulModel(2, 5, 3)) return Product(2, 5, 3, /*open=*/false);
  if (onnx_bytes == DynamicBatchModel()) return Product(1, 8, 4, /*open=*/true);
  if (onnx_bytes == StatefulModel()) return Stateful();
  if (onnx_bytes == CustomOpModel()) return CustomTfLite("example.custom");
  return std::nullopt;
}

}  // namespace consort::test
