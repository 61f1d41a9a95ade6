// The word that was probably meant.
#ifndef CONSORT_BASE_NEAREST_H_
#define CONSORT_BASE_NEAREST_H_

#include <string>
#include <vector>

namespace consort {

// The candidate nearest to `word`, when it is near enough to be a slip of the finger; else "".
std::string Nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace consort

#endif  // CONSORT_BASE_NEAREST_H_
