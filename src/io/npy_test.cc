#include "io/npy.h"

#include "base/files.h"
#include "io/test_support.h"

namespace consort {
namespace {

// A version 1 file with that header text.
std::string NpyFile(const std::string& header, const std::string& data, char version = 1) {
  std::string file = std::string("\x93NUMPY") + version + '\0';
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  if (version > 1) file += std::string(2, '\0');
  return file + header + data;
}

std::string Header(const std::string& descr, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

TEST(Npy, EveryTypeSurvivesWritingAndReading) {
  for (const DataType dtype : {DataType::kFloat32, DataType::kFloat16, DataType::kBFloat16, DataType::kFloat64,
                               DataType::kInt8, DataType::kUInt8, DataType::kInt16, DataType::kUInt16, DataType::kInt32,
                               DataType::kUInt32, DataType::kInt64, DataType::kUInt64, DataType::kBool}) {
    const Buffer tensor = MakeTensor(dtype, {2, 3}, {0, 1, 1, 0, 1, 0});
    const std::string file = FormatNpy(tensor);
    EXPECT_EQ((file.size() - tensor.size_bytes()) % 64, 0u);
    const Buffer read = ParseNpy(file, "t.npy");
    EXPECT_EQ(read.spec(), tensor.spec());
    EXPECT_EQ(ToDoubles(read), ToDoubles(tensor)) << ToString(dtype);
  }
}

TEST(Npy, ScalarsVectorsAndEmptyTensors) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{3}, Shape{0, 4}}) {
    const Buffer tensor = Buffer::Allocate({.dtype = DataType::kInt16, .shape = shape});
    EXPECT_EQ(ParseNpy(FormatNpy(tensor), "t.npy").spec().shape, shape);
  }
}

TEST(Npy, WritesFilesThatItReads) {
  const TemporaryFolder folder;
  WriteNpy(folder.path() / "t.npy", MakeTensor(DataType::kFloat32, {2}, {1.5, -2}));
  EXPECT_EQ(ToDoubles(ParseNpy(ReadFile(folder.path() / "t.npy"), "t")), (std::vector<double>{1.5, -2}));
}

TEST(Npy, FortranOrderIsTransposed) {
  const std::string data = {1, 4, 2, 5, 3, 6};
  const Buffer matrix = ParseNpy(NpyFile(Header("|u1", "(2, 3)", "True"), data), "t.npy");
  EXPECT_EQ(ToDoubles(matrix), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  const std::string cube = {0, 4, 2, 6, 1, 5, 3, 7};
  EXPECT_EQ(ToDoubles(ParseNpy(NpyFile(Header("|u1", "(2, 2, 2)", "True"), cube), "t.npy")),
            (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(ParseNpy(NpyFile(Header("|u1", "(0, 3)", "True"), ""), "t.npy").size_bytes(), 0u);
}

TEST(Npy, HeaderVariants) {
  EXPECT_EQ(ParseNpy(NpyFile(Header("<i2", "(1,)"), std::string(2, 'a'), 2), "t").spec().shape, Shape{1});
  EXPECT_EQ(ParseNpy(NpyFile(Header("<i2", "(1,)"), std::string(2, 'a'), 3), "t").spec().shape, Shape{1});
  EXPECT_EQ(ParseNpy(NpyFile(R"({"shape":(2L,),"fortran_order":False,"descr":"<u1"})", "ab"), "t").spec().dtype,
            DataType::kUInt8);
}

TEST(Npy, RefusesTypesThatModelsDoNotTake) {
  const auto parse = [](const std::string& descr) {
    ParseNpy(NpyFile(Header(descr, "()"), std::string(8, '\0')), "t.npy");
  };
  ExpectError([&] { parse(">f8"); }, ErrorCode::kInvalidArgument, "array.astype('<f8')");
  ExpectError([&] { parse("<c8"); }, ErrorCode::kInvalidArgument, "'<c8'");
  ExpectError([&] { parse("|O"); }, ErrorCode::kInvalidArgument, "'|O'");
  ExpectError([&] { parse("<U2"); }, ErrorCode::kInvalidArgument, "'<U2'");
  const std::string structured = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }";
  ExpectError([&] { ParseNpy(NpyFile(structured, ""), "t"); }, ErrorCode::kInvalidArgument, "structured");
  const Buffer int4 = Buffer::Allocate({.dtype = DataType::kInt4, .shape = {2}});
  ExpectError([&] { FormatNpy(int4); }, ErrorCode::kUnsupported, "int4");
}

TEST(Npy, RefusesBrokenFiles) {
  const auto expect = [](const std::string& file, const std::string& part) {
    ExpectError([&] { ParseNpy(file, "broken.npy"); }, ErrorCode::kInvalidModel, "broken.npy: " + part);
  };
  expect("", "is not a .npy file");
  expect("\x93NUMPY\x01", "is not a .npy file");
  expect(NpyFile(Header("<f4", "(1,)"), "aaaa", 4), "has an unknown .npy version");
  expect(NpyFile(Header("<f4", "(1,)"), "aaaa").substr(0, 30), "is cut off in its header");
  expect(NpyFile(Header("<f4", "(1,)"), "aaa"), "holds 3 bytes of data where its header (float32 1) says 4");
  expect(NpyFile(Header("<f4", "(1,)"), "aaaaa"), "holds 5 bytes");
  expect(NpyFile(Header("<f4", "(-1,)"), ""), "broken .npy header at byte");
  expect(NpyFile(Header("<f4", "(4611686018427387904, 4611686018427387904)"), ""), "");
  expect(NpyFile(Header("<f4", "(99999999999999999999,)"), ""), "broken .npy header");
  expect(NpyFile(Header("<f4", "(1"), "aaaa"), "broken .npy header");
  expect(NpyFile("{'descr': '<f4', 'shape': ()}", "aaaa"), "broken .npy header");
  expect(NpyFile("{'descr': '<f4', 'descr': '<f4', 'shape': ()}", "aaaa"), "broken .npy header");
  expect(NpyFile(Header("<f4", "()") + "x", "aaaa"), "broken .npy header");
  expect(NpyFile("{'descr': '<f4", "aaaa"), "broken .npy header");
  expect(NpyFile("", ""), "broken .npy header");
  std::string many_axes = "(";
  for (int i = 0; i < 100; ++i) many_axes += "1,";
  expect(NpyFile(Header("<f4", many_axes + ")"), "aaaa"), "broken .npy header");
}

}  // namespace
}  // namespace consort
