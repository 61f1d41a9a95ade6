#include "io/onnx_tensor.h"

#include <onnx/onnx_pb.h>

#include "io/test_support.h"

namespace consort {
namespace {

using onnx::TensorProto;

TensorProto MakeProto(int data_type, const std::vector<int64_t>& dims) {
  TensorProto proto;
  proto.set_name("x");
  proto.set_data_type(data_type);
  for (const int64_t dim : dims) proto.add_dims(dim);
  return proto;
}

NamedTensor Parse(const TensorProto& proto) { return ParseOnnxTensor(proto.SerializeAsString(), "t.pb"); }

void ExpectBroken(const TensorProto& proto, const std::string& part) {
  ExpectError([&] { Parse(proto); }, ErrorCode::kInvalidModel, part);
}

TEST(OnnxTensor, RawData) {
  TensorProto proto = MakeProto(TensorProto::FLOAT, {2, 1});
  const float values[] = {1.5f, -2.0f};
  proto.set_raw_data(values, sizeof(values));
  const NamedTensor tensor = Parse(proto);
  EXPECT_EQ(tensor.name, "x");
  EXPECT_EQ(tensor.tensor.spec(), (TensorSpec{.dtype = DataType::kFloat32, .shape = {2, 1}}));
  EXPECT_EQ(ToDoubles(tensor.tensor), (std::vector<double>{1.5, -2}));
}

TEST(OnnxTensor, TypedFields) {
  TensorProto floats = MakeProto(TensorProto::FLOAT, {2});
  floats.add_float_data(1), floats.add_float_data(2);
  EXPECT_EQ(ToDoubles(Parse(floats).tensor), (std::vector<double>{1, 2}));
  TensorProto doubles = MakeProto(TensorProto::DOUBLE, {});
  doubles.add_double_data(0.25);
  EXPECT_EQ(ToDoubles(Parse(doubles).tensor), (std::vector<double>{0.25}));
  TensorProto longs = MakeProto(TensorProto::INT64, {1});
  longs.add_int64_data(-7);
  EXPECT_EQ(ToDoubles(Parse(longs).tensor), (std::vector<double>{-7}));
  TensorProto unsigned32 = MakeProto(TensorProto::UINT32, {1});
  unsigned32.add_uint64_data(4000000000u);
  EXPECT_EQ(ToDoubles(Parse(unsigned32).tensor), (std::vector<double>{4e9}));
  TensorProto half = MakeProto(TensorProto::FLOAT16, {1});
  half.add_int32_data(0x3C00);
  EXPECT_EQ(ToDoubles(Parse(half).tensor), (std::vector<double>{1}));
}

TEST(OnnxTensor, SmallIntegersLieInInt32Data) {
  for (const int type : {TensorProto::INT8, TensorProto::INT16, TensorProto::INT32}) {
    TensorProto proto = MakeProto(type, {2});
    proto.add_int32_data(-3), proto.add_int32_data(5);
    EXPECT_EQ(ToDoubles(Parse(proto).tensor), (std::vector<double>{-3, 5})) << type;
  }
  TensorProto boolean = MakeProto(TensorProto::BOOL, {2});
  boolean.add_int32_data(1), boolean.add_int32_data(0);
  EXPECT_EQ(ToDoubles(Parse(boolean).tensor), (std::vector<double>{1, 0}));
  TensorProto int4 = MakeProto(TensorProto::INT4, {3});
  int4.add_int32_data(0x21), int4.add_int32_data(0x03);
  const NamedTensor packed = Parse(int4);
  EXPECT_EQ(packed.tensor.size_bytes(), 2u);
  EXPECT_EQ(static_cast<const uint8_t*>(packed.tensor.data())[0], 0x21);
}

TEST(OnnxTensor, EmptyTensor) {
  EXPECT_EQ(Parse(MakeProto(TensorProto::FLOAT, {0, 3})).tensor.spec().shape, (Shape{0, 3}));
}

TEST(OnnxTensor, RefusesBrokenTensors) {
  ExpectError([] { ParseOnnxTensor("garbage", "t.pb"); }, ErrorCode::kInvalidModel, "t.pb: is not an ONNX tensor");
  ExpectError([] { ParseOnnxTensor("", "t.pb"); }, ErrorCode::kInvalidModel, "t.pb: is not an ONNX tensor");
  ExpectBroken(MakeProto(TensorProto::FLOAT, {2}), "holds 0 bytes of values where float32 2 needs 8");
  ExpectBroken(MakeProto(TensorProto::FLOAT, {-1}), "t.pb: ");
  ExpectBroken(MakeProto(TensorProto::FLOAT, {int64_t{1} << 40, int64_t{1} << 40}), "t.pb: ");
  ExpectBroken(MakeProto(TensorProto::FLOAT, {int64_t{1} << 50}), "holds 0 bytes");
  TensorProto wrong_field = MakeProto(TensorProto::FLOAT, {1});
  wrong_field.add_int32_data(1);
  ExpectBroken(wrong_field, "field that does not belong");
  TensorProto twice = MakeProto(TensorProto::FLOAT, {1});
  twice.set_raw_data("abcd");
  twice.add_float_data(1);
  ExpectBroken(twice, "holds its values twice");
  TensorProto external = MakeProto(TensorProto::FLOAT, {1});
  external.set_data_location(TensorProto::EXTERNAL);
  external.add_external_data()->set_key("location");
  ExpectBroken(external, "in another file");
}

TEST(OnnxTensor, RefusesTypesThatBuffersDoNotCarry) {
  ExpectError([] { Parse(MakeProto(TensorProto::STRING, {1})); }, ErrorCode::kInvalidArgument, "STRING");
  ExpectError([] { Parse(MakeProto(TensorProto::COMPLEX64, {1})); }, ErrorCode::kInvalidArgument, "COMPLEX64");
  ExpectError([] { Parse(MakeProto(12345, {1})); }, ErrorCode::kInvalidArgument, "number 12345");
}

}  // namespace
}  // namespace consort
