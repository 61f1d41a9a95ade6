#include "io/tensor_file.h"

#include <onnx/onnx_pb.h>

#include "base/files.h"
#include "io/npy.h"
#include "io/test_support.h"

namespace consort {
namespace {

std::string TensorProtoBytes() {
  onnx::TensorProto proto;
  proto.set_data_type(onnx::TensorProto::INT64);
  proto.add_dims(1);
  proto.add_int64_data(9);
  return proto.SerializeAsString();
}

TEST(TensorFile, KindFollowsFromTheContent) {
  EXPECT_EQ(DetectTensorFile("\x93NUMPY\x01", "f"), TensorFileKind::kNpy);
  EXPECT_EQ(DetectTensorFile("PK\x03\x04", "f"), TensorFileKind::kNpz);
  EXPECT_EQ(DetectTensorFile("\xFF\xD8\xFF\xE0", "f"), TensorFileKind::kImage);
  EXPECT_EQ(DetectTensorFile("\x89PNG\r\n\x1A\n", "f"), TensorFileKind::kImage);
  EXPECT_EQ(DetectTensorFile(TensorProtoBytes(), "f"), TensorFileKind::kOnnxTensor);
  ExpectError([] { DetectTensorFile("hello", "f"); }, ErrorCode::kInvalidModel, "f: is none of .npy, .npz");
  ExpectError([] { DetectTensorFile("", "f"); }, ErrorCode::kInvalidModel, "f: is none of");
}

TEST(TensorFile, ReadsWhateverTheNameSays) {
  const TemporaryFolder folder;
  WriteFile(folder.path() / "a.bin", FormatNpy(MakeTensor(DataType::kInt8, {2}, {3, 4})));
  WriteFile(folder.path() / "b.npy", TensorProtoBytes());
  EXPECT_EQ(ToDoubles(ReadTensor(folder.path() / "a.bin")), (std::vector<double>{3, 4}));
  EXPECT_EQ(ToDoubles(ReadTensor(folder.path() / "b.npy")), (std::vector<double>{9}));
}

TEST(TensorFile, ErrorsNameTheFile) {
  const TemporaryFolder folder;
  WriteFile(folder.path() / "empty.npz", std::string("PK\x05\x06", 4) + std::string(18, '\0'));
  WriteFile(folder.path() / "i.png", "\x89PNG\r\n\x1A\n");
  ExpectError([&] { ReadTensor(folder.path() / "none.npy"); }, ErrorCode::kInvalidArgument, "none.npy");
  ExpectError([&] { ReadTensor(folder.path() / "empty.npz"); }, ErrorCode::kInvalidArgument, "holds 0 tensors");
  ExpectError([&] { ReadTensor(folder.path() / "i.png"); }, ErrorCode::kInvalidArgument, "i.png: is an image");
}

}  // namespace
}  // namespace consort
