#include "experiment/ids.h"

#include <gtest/gtest.h>

#include "experiment/alignment.h"
#include "experiment/data_parallel.h"
#include "experiment/matvec.h"
#include "experiment/sharding.h"
#include "experiment/test_support.h"
#include "report/check.h"

namespace consort::experiment {
namespace {

// What a page of this experiment alone would be, with two files of published figures beside it.
report::Document DocumentOf(const Experiment& experiment, const std::vector<Row>& rows, const std::string& file) {
  Testbed testbed({.platform = "seed"});
  Reference reference{.file = file, .columns = experiment.reference_columns()};
  const std::vector<const Reference*> twice = {&reference, &reference};
  const Outcome outcome =
      experiment.Report({rows, Settings(experiment.parameters(), {}, false), testbed, twice});
  return {.title = "a", .verdict = outcome.verdict, .sections = {outcome.section}};
}

TEST(IdsTest, HoldLettersDigitsAndDashes) {
  EXPECT_EQ(IdOf("squeezenet-1.0"), "squeezenet-1-0");
  EXPECT_EQ(IdOf("a b/Ü"), "a-b---");
  EXPECT_EQ(Numbered("id", 0), "id");
  EXPECT_EQ(Numbered("id", 1), "id-2");
}

TEST(IdsTest, TwoReferencesForOneExperimentHaveIdsOfTheirOwn) {
  const std::vector<Row> matvec = {{{"cell", "c"}, {"side", 64}, {"weights", "inference only"}, {"device", "d"}, {"mean_ms", 1.0}}};
  EXPECT_NO_THROW(report::Check(DocumentOf(MatVec(), matvec, "a.csv")));
  const std::vector<Row> sharding = {{{"cell", "c"}, {"what", "time"}, {"network", "seed-cnn"}, {"batch", 1}, {"strategy", "0"}, {"call_ms", 1.0}}};
  EXPECT_NO_THROW(report::Check(DocumentOf(Sharding(), sharding, "a.csv")));
}

TEST(IdsTest, NamesOfNetworksMayHoldDots) {
  for (const char* network : {"squeezenet-1.0", "seed-dense"}) {
    std::vector<Row> rows;
    for (const char* device : {"a", "b"})
      rows.push_back({{"cell", device}, {"network", network}, {"what", "alone"}, {"device", device}, {"samples", 2}, {"call_ms", 1.0}});
    rows.push_back({{"cell", "2+2"}, {"network", network}, {"what", "split"}, {"first", 2}, {"second", 2}, {"wall_ms", 1.0}});
    EXPECT_NO_THROW(report::Check(DocumentOf(DataParallel(), rows, "dense.csv"))) << network;
  }
}

}  // namespace
}  // namespace consort::experiment
