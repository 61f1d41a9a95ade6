#include "io/npz.h"

#include <zip.h>

#include <utility>

#include "base/files.h"
#include "io/npy.h"
#include "io/test_support.h"

namespace consort {
namespace {

struct MemberOptions {
  int method = ZIP_CM_STORE;
  bool encrypted = false;
};

// Writes archives through libzip.
class NpzTest : public testing::Test {
 protected:
  std::string MakeArchive(const std::vector<std::pair<std::string, std::string>>& members, MemberOptions options = {}) {
    const std::string path = (folder_.path() / "a.npz").string();
    zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& [name, content] : members) {
      zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
      const zip_int64_t index = zip_file_add(archive, name.c_str(), source, 0);
      zip_set_file_compression(archive, index, options.method, 0);
      if (options.encrypted) zip_file_set_encryption(archive, index, ZIP_EM_AES_128, "secret");
    }
    EXPECT_EQ(zip_close(archive), 0);
    return ReadFile(path);
  }

  void ExpectBroken(const std::string& bytes, const std::string& part, const NpzLimits& limits = {}) {
    ExpectError([&] { ParseNpz(bytes, "a.npz", limits); }, ErrorCode::kInvalidModel, part);
  }

  const std::string small_ = FormatNpy(MakeTensor(DataType::kFloat32, {2}, {1, 2}));
  const std::string zeros_ = FormatNpy(Buffer::Allocate({.dtype = DataType::kUInt8, .shape = {1 << 20}}));
  TemporaryFolder folder_;
};

TEST_F(NpzTest, ReadsStoredAndDeflatedMembers) {
  for (const int method : {ZIP_CM_STORE, ZIP_CM_DEFLATE}) {
    const std::string bytes = MakeArchive({{"x.npy", small_}, {"sub/y.npy", zeros_}}, {.method = method});
    const std::vector<NamedTensor> tensors = ParseNpz(bytes, "a.npz");
    ASSERT_EQ(tensors.size(), 2u);
    EXPECT_EQ(tensors[0].name, "x");
    EXPECT_EQ(ToDoubles(tensors[0].tensor), (std::vector<double>{1, 2}));
    EXPECT_EQ(tensors[1].name, "sub/y");
    EXPECT_EQ(tensors[1].tensor.size_bytes(), size_t{1} << 20);
  }
}

TEST_F(NpzTest, RefusesZipBombs) {
  const std::string bomb = MakeArchive({{"x.npy", zeros_}}, {.method = ZIP_CM_DEFLATE});
  ASSERT_LT(bomb.size(), 8000u);
  ExpectBroken(bomb, "more than 200:1", {.ratio_free_bytes = 1000});
  ExpectBroken(bomb, "unpacks to more than", {.max_total_bytes = 1 << 19});
  const std::string two = MakeArchive({{"x.npy", zeros_}, {"y.npy", zeros_}}, {.method = ZIP_CM_DEFLATE});
  ExpectBroken(two, "unpacks to more than", {.max_total_bytes = (1 << 20) + 1000});
  ExpectBroken(two, "holds 2 members, more than 1", {.max_members = 1});
}

TEST_F(NpzTest, RefusesSizesThatAreALie) {
  std::string bytes = MakeArchive({{"x.npy", zeros_}}, {.method = ZIP_CM_DEFLATE});
  // The unpacked size stands at byte 22 of the local header and at byte 24 of the central directory's entry.
  const size_t central = bytes.find("PK\x01\x02");
  for (const size_t at : {size_t{22}, central + 24}) bytes.replace(at, 4, std::string("\x10\x00\x00\x00", 4));
  ExpectBroken(bytes, "a.npz:x.npy");
}

TEST_F(NpzTest, RefusesWhatNumPyDoesNotWrite) {
  ExpectBroken(MakeArchive({{"x.npy", small_}}, {.encrypted = true}), "'x.npy' is encrypted");
  ExpectBroken(MakeArchive({{"x.npy", zeros_}}, {.method = ZIP_CM_BZIP2}), "compression method 12");
  ExpectBroken(MakeArchive({{"readme.txt", "hello"}}), "'readme.txt' is not a .npy file");
  ExpectBroken(MakeArchive({{"x.npy", "hello"}}), "a.npz:x.npy: is not a .npy file");
}

TEST_F(NpzTest, RefusesBrokenArchives) {
  const std::string bytes = MakeArchive({{"x.npy", small_}, {"y.npy", zeros_}}, {.method = ZIP_CM_DEFLATE});
  ExpectBroken("", "broken .npz archive");
  ExpectBroken("PK\x03\x04", "broken .npz archive");
  for (size_t size = 1; size < bytes.size(); size += 7) ExpectBroken(bytes.substr(0, size), "broken .npz archive");
  std::string flipped = MakeArchive({{"x.npy", small_}});
  flipped[flipped.find("NUMPY") + 130] ^= 1;  // a byte of the data: only the checksum tells
  ExpectBroken(flipped, "a.npz:x.npy: cannot be unpacked: CRC error");
  std::string twice = MakeArchive({{"x.npy", small_}, {"y.npy", small_}});
  for (size_t at; (at = twice.find("y.npy")) != std::string::npos;) twice.replace(at, 5, "x.npy");
  ExpectBroken(twice, "broken .npz archive: File already exists");
}

TEST_F(NpzTest, ChangedBytesNeverCrash) {
  const std::string bytes = MakeArchive({{"x.npy", small_}}, {.method = ZIP_CM_DEFLATE});
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const char value : {'\0', '\x7F', '\xFF'}) {
      std::string changed = bytes;
      changed[at] = value;
      try {
        ParseNpz(changed, "a.npz");
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == ErrorCode::kInvalidModel || error.code() == ErrorCode::kInvalidArgument)
            << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace consort
