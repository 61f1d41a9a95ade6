// What the programs that fit cost models share: the published figures, and a search for the parameters that fit them.
#ifndef CONSORT_SCRIPTS_PUBLISHED_FIGURES_H_
#define CONSORT_SCRIPTS_PUBLISHED_FIGURES_H_

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace consort {

// Rows of a CSV file, column title → cell. Quoted cells may hold commas. Throws kInvalidArgument where the file is
// missing.
using CsvRow = std::map<std::string, std::string>;
std::vector<CsvRow> ReadCsv(const std::filesystem::path& path);
// A number in a cell; throws kInvalidModel naming the column.
double NumberOf(const CsvRow& row, const std::string& column);

// The values, all positive, that make `loss` smallest, searched from `start` in logarithms by the downhill simplex of
// Nelder and Mead (A simplex method for function minimization, 1965), restarted once.
std::vector<double> Minimise(const std::vector<double>& start,
                             const std::function<double(const std::vector<double>&)>& loss);

// Of relative errors.
double MeanOfMagnitudes(const std::vector<double>& errors);
double MedianOfMagnitudes(const std::vector<double>& errors);
double LargestMagnitude(const std::vector<double>& errors);

}  // namespace consort

#endif  // CONSORT_SCRIPTS_PUBLISHED_FIGURES_H_
