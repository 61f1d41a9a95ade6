#include "report/png.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/run_program.h"
#include "consort/error.h"
#include "report/gnuplot.h"

namespace consort::report {
namespace {

constexpr TimeNs kMostTime_ns = 120'000'000'000;
constexpr char kProgram[] = "gnuplot";
constexpr char kScriptFile[] = "plot.gp";

std::string Draw(const std::string& script, const std::string& name) {
  const std::filesystem::path gnuplot = FindProgram(kProgram);
  if (gnuplot.empty()) throw Error(ErrorCode::kUnsupported, WhyNoImages());
  const TemporaryFolder folder;
  WriteFile(folder.path() / kScriptFile, script);
  // -d: the settings of the user's ~/.gnuplot are not read.
  const ProgramEnd end =
      RunProgram(gnuplot, {"-d", kScriptFile}, {.folder = folder.path(), .timeout_ns = kMostTime_ns});
  const std::filesystem::path image = folder.path() / kPlotFile;
  if (!end.succeeded() || !std::filesystem::is_regular_file(image)) {
    throw Error(ErrorCode::kInternal, fmt::format("report: gnuplot could not draw '{}': it {}{}{}", name,
                                                  end.timed_out ? "took too long" : DescribeExit(end.status),
                                                  end.output.empty() ? "" : ": ", LastLine(end.output)));
  }
  return ReadFile(image);
}

PlotImage ImageOf(std::string name, const std::string& caption, const std::string& script) {
  std::string png = Draw(script, name);
  return {std::move(name), caption, std::move(png)};
}

struct Drawer {
  std::vector<PlotImage> operator()(const Paragraph&) const { return {}; }
  std::vector<PlotImage> operator()(const Table&) const { return {}; }
  std::vector<PlotImage> operator()(const Drawing&) const { return {}; }
  std::vector<PlotImage> operator()(const HeatMap& map) const {
    std::vector<PlotImage> images = {ImageOf(map.id, map.caption, GnuplotScript(map))};
    const bool spreads = map.x.categories.size() > 1 && map.y.categories.size() > 1;
    if (map.surface && spreads) images.push_back(ImageOf(map.id + "-surface", map.caption, SurfaceScript(map)));
    return images;
  }
  template <typename Plot>
  std::vector<PlotImage> operator()(const Plot& plot) const {
    return {ImageOf(plot.id, plot.caption, GnuplotScript(plot))};
  }
};

}  // namespace

std::string WhyNoImages() {
  if (!FindProgram(kProgram).empty()) return "";
  return "gnuplot, which draws the images, is not installed: install Debian's package gnuplot-nox";
}

std::vector<PlotImage> DrawImages(const Block& block) { return std::visit(Drawer(), block); }

}  // namespace consort::report
