// What reports of several commands have in common.
#ifndef CONSORT_CLI_REPORT_PARTS_H_
#define CONSORT_CLI_REPORT_PARTS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/environment.h"
#include "bench/plan_check.h"
#include "consort/placement.h"
#include "report/document.h"

namespace consort {

// A document with date, environment and the command line of this process; its verdict and sections are still to come.
report::Document StartDocument(const std::string& title, const Environment& environment);
// The command line of this process as a shell takes it, its program "consort".
std::string ReproducingCommand();

// "measured", "emulated", "measured and emulated": the last of them counts as emulated, of several the least real.
report::Origin OriginOfWord(std::string_view word);

// A time of nanoseconds as milliseconds; a number that is finite, else an empty cell.
double ToMs(double ns);
report::Cell NumberCell(double value);
// What plans have a 0 for where it is not known: an empty cell then, else the value times the factor.
report::Cell Known(double value, double factor = 1);

// The cosine, error, SQNR and top-1 agreement of AccuracyColumns; empty cells without any. An infinite SQNR is a word.
std::vector<report::Column> AccuracyColumns();
std::vector<report::Cell> AccuracyCells(const std::optional<Accuracy>& accuracy);
// Every replica of every stage: alone, and given what the stages before it made.
report::Table StageAccuracyTable(const PlanAccuracy& accuracy);

// Where the ops of the source model ran: a table to filter by target, type and state, and the counts of each state as
// bars. The labels name the targets.
using LabelledPlacements = std::vector<std::pair<std::string, const Placement*>>;
report::Section PlacementSection(const LabelledPlacements& placements);

// A category axis, and a number axis.
report::Axis CategoryAxis(const std::string& title, std::vector<std::string> names);
report::Axis NumberAxis(const std::string& title, const std::string& unit);
// One value per category, without those that are no number.
report::Series BarSeries(const std::string& name, report::Origin origin, const std::vector<double>& values);
// Adds a series of that name for each origin among the values, with the values of that origin; there are as many of
// both, and what is no number belongs to none.
void AddBarsByOrigin(const std::string& name, const std::vector<report::Origin>& origins,
                     const std::vector<double>& values, report::Chart& chart);

}  // namespace consort

#endif  // CONSORT_CLI_REPORT_PARTS_H_
