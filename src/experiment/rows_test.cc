#include "experiment/rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <optional>

#include "base/files.h"
#include "experiment/test_support.h"

namespace consort::experiment {
namespace {

const Json kHeader = {{"format", "test"}, {"settings", {{"sides", "64"}}}};
Row RowAt(int cell) { return {{"cell", std::to_string(cell)}, {"value", 0.1 * cell}}; }

class RowFileTest : public testing::Test {
 protected:
  std::string Text() const { return ReadFile(path_); }
  void Write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_.path() / "deeper" / "test.jsonl";
};

TEST_F(RowFileTest, RowsAreThereWhenOpenedAgain) {
  {
    RowFile file(path_, kHeader, false);
    EXPECT_TRUE(file.rows().empty());
    file.Append(RowAt(1));
    file.Append(RowAt(2));
    file.Sync();
  }
  const RowFile again(path_, kHeader, false);
  EXPECT_EQ(again.rows(), (std::vector<Row>{RowAt(1), RowAt(2)}));
}

// Whatever the byte at which a run was killed: going on gives the file of a run that was not.
TEST_F(RowFileTest, GoesOnFromEveryByte) {
  {
    RowFile file(path_, kHeader, false);
    for (int cell = 0; cell < 3; ++cell) file.Append(RowAt(cell));
  }
  const std::string whole = Text();
  for (size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    Write(whole.substr(0, bytes));
    {
      RowFile file(path_, kHeader, false);
      for (auto cell = static_cast<int>(file.rows().size()); cell < 3; ++cell) file.Append(RowAt(cell));
    }
    ASSERT_EQ(Text(), whole) << "from byte " << bytes;
  }
}

TEST_F(RowFileTest, AnotherHeaderIsRefusedAndNamed) {
  { RowFile file(path_, kHeader, false); }
  Json other = kHeader;
  other["settings"]["sides"] = "64,128";
  EXPECT_ERROR(RowFile(path_, other, false), ErrorCode::kInvalidArgument,
               "settings.sides is 64 there and 64,128 here. --fresh");
  const RowFile fresh(path_, other, true);
  EXPECT_EQ(Text(), other.dump() + "\n");
}

TEST_F(RowFileTest, LinesThatAreNoRowsAreRefused) {
  { RowFile file(path_, kHeader, false); }
  for (const char* line : {"{", "[]", R"({"value":1})", ""}) {
    Write(kHeader.dump() + "\n" + line + "\n" + RowAt(1).dump() + "\n");
    EXPECT_ERROR(RowFile(path_, kHeader, false), ErrorCode::kInvalidArgument, ":2: no line of an experiment's results");
  }
}

TEST_F(RowFileTest, AnotherFileWithoutALineIsLeftAlone) {
  std::filesystem::create_directories(path_.parent_path());
  for (const std::string& text : {std::string("somebody's notes"), kHeader.dump() + "x"}) {
    Write(text);
    EXPECT_ERROR(RowFile(path_, kHeader, false), ErrorCode::kInvalidArgument, "is no file of an experiment's results");
    EXPECT_EQ(Text(), text);
  }
}

TEST_F(RowFileTest, BytesThatAreNoUtf8AreReplaced) {
  const Row row = {{"cell", "1"}, {"refused", "engine says \xff"}};
  const Json header = {{"settings", "\xfe"}};
  {
    RowFile file(path_, header, false);
    file.Append(row);
    EXPECT_EQ(TextOf(file.rows().at(0), "refused"), "engine says \xEF\xBF\xBD");
  }
  const RowFile again(path_, header, false);
  EXPECT_EQ(TextOf(again.rows().at(0), "refused"), "engine says \xEF\xBF\xBD");
}

TEST_F(RowFileTest, OneAtATime) {
  std::optional<RowFile> first(std::in_place, path_, kHeader, false);
  EXPECT_ERROR(RowFile(path_, kHeader, false), ErrorCode::kInvalidArgument, "another process writes it");
  first.reset();
  const RowFile second(path_, kHeader, false);
}

TEST_F(RowFileTest, AFolderInItsPlaceIsRefused) {
  std::filesystem::create_directories(path_);
  EXPECT_ERROR(RowFile(path_, kHeader, false), ErrorCode::kInvalidArgument, "cannot be written");
}

TEST(RowsTest, FiguresOfRows) {
  const Row row = {{"number", 1.5}, {"none", nullptr}, {"text", "a"}, {"flag", true}};
  EXPECT_EQ(NumberOf(row, "number"), 1.5);
  for (const char* name : {"none", "text", "absent"}) EXPECT_TRUE(std::isnan(NumberOf(row, name))) << name;
  EXPECT_EQ(StableNumberOf(row, "number"), 1.5);
  EXPECT_TRUE(std::isnan(StableNumberOf({{"number", 1.5}, {"unstable", "no free cores"}}, "number")));
  EXPECT_EQ(TextOf(row, "text"), "a");
  EXPECT_EQ(TextOf(row, "number"), "");
  EXPECT_TRUE(FlagOf(row, "flag"));
  EXPECT_FALSE(FlagOf(row, "absent"));
}

TEST(RowsTest, DifferencesNameTheirPlace) {
  EXPECT_EQ(DescribeDifference(kHeader, kHeader), "");
  EXPECT_EQ(DescribeDifference({{"a", {{"b", 1}}}}, {{"a", {{"b", 2}}}}), "a.b is 1 there and 2 here");
  EXPECT_EQ(DescribeDifference({{"a", 1}}, Json::object()), "a is 1 there and null here");
}

}  // namespace
}  // namespace consort::experiment
