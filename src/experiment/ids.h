// Ids of a report's parts: letters, digits and '-', each once in a document (report/check.h).
#ifndef CONSORT_EXPERIMENT_IDS_H_
#define CONSORT_EXPERIMENT_IDS_H_

#include <string>

namespace consort::experiment {

// What an id may not hold becomes '-': "squeezenet-1.0" → "squeezenet-1-0".
std::string IdOf(const std::string& text);
// Of several parts alike, by their place from 0 on: "matvec-published", "matvec-published-2", ….
std::string Numbered(const std::string& id, size_t place);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_IDS_H_
