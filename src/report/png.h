// Plots as images, drawn by gnuplot without a browser.
#ifndef CONSORT_REPORT_PNG_H_
#define CONSORT_REPORT_PNG_H_

#include <filesystem>
#include <string>
#include <vector>

#include "report/document.h"

namespace consort::report {

// "" where images can be drawn; else a sentence that names the package which is missing.
std::string WhyNoImages();

struct PlotImage {
  std::string name;  // the plot's id; "-surface" behind it where it is the map in three dimensions
  std::string caption;
  std::string png;  // the file's bytes
};

// The images of a block: none of texts, tables and drawings, two of a heat map that is drawn as a surface as well.
// gnuplot works in a fresh temporary folder. Throws kUnsupported where there is no gnuplot, kInternal with what it said
// where it failed.
std::vector<PlotImage> DrawImages(const Block& block);

}  // namespace consort::report

#endif  // CONSORT_REPORT_PNG_H_
