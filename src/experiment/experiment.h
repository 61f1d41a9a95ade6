// Experiment: a question with a fixed list of cells, each measured or emulated by itself, and a report on all of them.
#ifndef CONSORT_EXPERIMENT_EXPERIMENT_H_
#define CONSORT_EXPERIMENT_EXPERIMENT_H_

#include <span>
#include <string>
#include <vector>

#include "experiment/reference.h"
#include "experiment/rows.h"
#include "experiment/settings.h"
#include "experiment/testbed.h"
#include "report/document.h"

namespace consort::experiment {

// One piece of work. `key` is a flat JSON object that names it for readers; its fields begin the cell's row.
struct Cell {
  std::string id;  // unique in the experiment: "256/with-loading/gtx1650"
  Json key;
};

// What a report is made from.
struct Findings {
  const std::vector<Row>& rows;  // of all cells, in their order
  const Settings& settings;
  const Testbed& testbed;
  std::vector<const Reference*> references;  // those that fit (reference_columns)
};

// What an experiment says at the end.
struct Outcome {
  std::string verdict;  // one sentence with its figures
  report::Section section;
};

// Immutable; one thread at a time. A file of its own each; experiments.cc lists them.
class Experiment {
 public:
  virtual ~Experiment() = default;
  virtual std::string name() const = 0;     // "matvec": letters, digits, '-'
  virtual std::string summary() const = 0;  // one line: what is asked
  virtual std::vector<Parameter> parameters() const = 0;
  // Titles that a reference file must have to be laid beside the results; empty: it takes none.
  virtual std::vector<std::string> reference_columns() const { return {}; }
  // In a fixed order that follows from the testbed's devices and the settings alone. Throws kInvalidArgument for
  // settings that cannot be.
  virtual std::vector<Cell> Cells(Testbed& testbed, const Settings& settings) const = 0;
  // The cell's figures: flat; "provenance" says what they are, "refused" why there are none. By the virtual clock the
  // same cell has the same figures whenever it runs. Throws what ends the whole experiment; that one device cannot do
  // one thing is a row that says so (testbed.h, IsRefusal).
  virtual Row Run(Testbed& testbed, const Settings& settings, const Cell& cell) const = 0;
  virtual Outcome Report(const Findings& findings) const = 0;
};

// All, in the order of `consort experiment list`; live as long as the program.
std::span<const Experiment* const> Experiments();
// Throws kInvalidArgument naming the nearest and all others.
const Experiment& FindExperiment(const std::string& name);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_EXPERIMENT_H_
