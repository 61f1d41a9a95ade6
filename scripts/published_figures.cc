#include "published_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>

#include "consort/error.h"

namespace consort {
namespace {

constexpr int kSteps = 400;

std::vector<std::string> SplitCsv(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

using Vertex = std::vector<double>;

// The simplex: one vertex more than there are values, best first.
class Simplex {
 public:
  Simplex(const Vertex& start, const std::function<double(const Vertex&)>& loss) : loss_(loss) {
    Insert(start);
    for (size_t i = 0; i < start.size(); ++i) {
      Vertex vertex = start;
      vertex[i] += 0.4;
      Insert(vertex);
    }
  }

  void Step() {
    std::sort(corners_.begin(), corners_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto reflected = At(-1);
    if (reflected.first < corners_.front().first) {
      const auto expanded = At(-2);
      corners_.back() = expanded.first < reflected.first ? expanded : reflected;
    } else if (reflected.first < corners_[corners_.size() - 2].first) {
      corners_.back() = reflected;
    } else {
      const auto contracted = At(0.5);
      if (contracted.first < corners_.back().first) {
        corners_.back() = contracted;
      } else {
        Shrink();
      }
    }
  }

  const Vertex& best() const {
    return std::min_element(corners_.begin(), corners_.end(),
                            [](const auto& a, const auto& b) { return a.first < b.first; })
        ->second;
  }

 private:
  using Corner = std::pair<double, Vertex>;

  void Insert(const Vertex& vertex) { corners_.emplace_back(loss_(vertex), vertex); }

  // On the line from the centre of all corners but the worst through the worst one: 1 is the worst itself.
  Corner At(double along) const {
    const Vertex& worst = corners_.back().second;
    Vertex vertex(worst.size(), 0);
    for (size_t i = 0; i < worst.size(); ++i) {
      for (size_t corner = 0; corner + 1 < corners_.size(); ++corner) vertex[i] += corners_[corner].second[i];
      vertex[i] /= static_cast<double>(corners_.size() - 1);
      vertex[i] += along * (worst[i] - vertex[i]);
    }
    return {loss_(vertex), vertex};
  }

  void Shrink() {
    const Vertex centre = corners_.front().second;
    for (size_t corner = 1; corner < corners_.size(); ++corner) {
      Vertex& vertex = corners_[corner].second;
      for (size_t i = 0; i < vertex.size(); ++i) vertex[i] = (vertex[i] + centre[i]) / 2;
      corners_[corner].first = loss_(vertex);
    }
  }

  std::function<double(const Vertex&)> loss_;
  std::vector<Corner> corners_;
};

std::vector<double> Magnitudes(std::vector<double> errors) {
  for (double& error : errors) error = std::abs(error);
  std::sort(errors.begin(), errors.end());
  return errors;
}

}  // namespace

std::vector<CsvRow> ReadCsv(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} cannot be read: give the folder of the published figures", path.string()));
  const std::vector<std::string> titles = SplitCsv(line);
  std::vector<CsvRow> rows;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = SplitCsv(line);
    CsvRow& row = rows.emplace_back();
    for (size_t i = 0; i < std::min(titles.size(), cells.size()); ++i) row[titles[i]] = cells[i];
  }
  return rows;
}

double NumberOf(const CsvRow& row, const std::string& column) {
  const auto cell = row.find(column);
  char* end = nullptr;
  const double value = cell == row.end() ? 0 : std::strtod(cell->second.c_str(), &end);
  if (end == nullptr || end == cell->second.c_str())
    throw Error(ErrorCode::kInvalidModel, fmt::format("column '{}' holds no number", column));
  return value;
}

std::vector<double> Minimise(const std::vector<double>& start,
                             const std::function<double(const std::vector<double>&)>& loss) {
  const auto in_logarithms = [&](const Vertex& logarithms) {
    Vertex values = logarithms;
    for (double& value : values) value = std::exp(value);
    return loss(values);
  };
  Vertex best = start;
  for (double& value : best) value = std::log(value);
  for (int round = 0; round < 2; ++round) {
    Simplex simplex(best, in_logarithms);
    for (int step = 0; step < kSteps; ++step) simplex.Step();
    best = simplex.best();
  }
  for (double& value : best) value = std::exp(value);
  return best;
}

double MeanOfMagnitudes(const std::vector<double>& errors) {
  const std::vector<double> magnitudes = Magnitudes(errors);
  return std::accumulate(magnitudes.begin(), magnitudes.end(), 0.0) /
         static_cast<double>(std::max<size_t>(1, errors.size()));
}

double MedianOfMagnitudes(const std::vector<double>& errors) {
  const std::vector<double> magnitudes = Magnitudes(errors);
  return magnitudes.empty() ? 0 : magnitudes[magnitudes.size() / 2];
}

double LargestMagnitude(const std::vector<double>& errors) { return errors.empty() ? 0 : Magnitudes(errors).back(); }

}  // namespace consort
