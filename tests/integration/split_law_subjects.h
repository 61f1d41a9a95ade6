// Models that the split law is tried on: those of scripts/models.py (architectures with weights from a seed, real ones
// as they are) and the zoo's; their inputs, and where they can be cut.
#ifndef CONSORT_TESTS_INTEGRATION_SPLIT_LAW_SUBJECTS_H_
#define CONSORT_TESTS_INTEGRATION_SPLIT_LAW_SUBJECTS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "bench/chain.h"
#include "consort/model.h"
#include "shard/fusions.h"

namespace consort::law {

struct Subject {
  std::string name;
  // The model at a batch; kDynamic: with the open dimension "batch". Where that is fixed the batch is 1.
  std::function<Model(int64_t batch)> load_at;
  std::vector<int64_t> batches = {1};           // to be tried; 1 alone where it is fixed
  std::map<std::string, int64_t> scalars = {};  // inputs that are one number with a meaning
  std::string refused_by = "";                  // an engine that does not take the model
  bool reads_text = false;                      // its input is a picture with text; of noise it makes next to nothing

  Model load() const { return load_at(-1); }
  bool has_batches() const { return batches.size() > 1; }
  bool IsRefusedBy(const std::string& target) const { return !refused_by.empty() && target.ends_with(refused_by); }
};
void PrintTo(const Subject& subject, std::ostream* out);
std::string TestName(const ::testing::TestParamInfo<Subject>& info);

std::vector<Subject> DefaultSubjects();
// The larger architectures.
std::vector<Subject> LongSubjects();

// For all inputs of the model, whose open dimensions are the batch, from the seed.
Tensors MakeInputs(const Subject& subject, const Model& model, int64_t batch, uint64_t seed);

// Positions where a graph can be cut, outside known fusions only or anywhere.
std::vector<int> Places(const Graph& graph, const FusionIndex& fusions, bool outside_fusions);
// At least one of them and at most so many, ascending.
std::vector<int> Choose(const std::vector<int>& places, int most, std::mt19937_64& random);

}  // namespace consort::law

#endif  // CONSORT_TESTS_INTEGRATION_SPLIT_LAW_SUBJECTS_H_
