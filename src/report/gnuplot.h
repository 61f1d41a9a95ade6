// Plots as scripts for gnuplot 5 that hold their data. No text of a report can become a command of the script: texts
// stand in single quotes, where gnuplot substitutes nothing.
#ifndef CONSORT_REPORT_GNUPLOT_H_
#define CONSORT_REPORT_GNUPLOT_H_

#include <string>
#include <string_view>
#include <vector>

#include "report/document.h"

namespace consort::report {

// The name of the image that every script draws, in the folder that gnuplot runs in.
inline constexpr char kPlotFile[] = "plot.png";

std::string GnuplotScript(const Chart& chart);
std::string GnuplotScript(const HeatMap& map);
std::string GnuplotScript(const TimeLine& line);
// A heat map in three dimensions.
std::string SurfaceScript(const HeatMap& map);

// --- What they share ------------------------------------------------------------------------------------------------
// A text as a gnuplot string: without control characters, cut to `most` characters.
std::string Quoted(std::string_view text, size_t most = 60);
// The same for the label of a tic, where gnuplot reads '%' as a format.
std::string QuotedLabel(std::string_view text);
// A number as gnuplot reads it; "NaN" for what is none.
std::string Number(double value);
// "latency (ms)".
std::string TitleOf(const Axis& axis);
// Terminal, output, caption as title, size in pixels, grid and borders.
std::string Preamble(std::string_view caption, int width, int height);
// Title, scale and tics of axis "x" or "y".
std::string AxisLines(const char* name, const Axis& axis);
// "$name << EOD" of rows of numbers.
std::string DataBlock(std::string_view name, const std::vector<std::vector<double>>& rows);
// The commands of a plot that has nothing to show, and says so.
inline constexpr char kEmptyPlot[] =
    "unset logscale\nset label 'no figures' at graph 0.5,0.5 center\nplot [0:1][0:1] 2 notitle\n";
// "#2567b0": the i-th colour of a plot, the first eight of which can be told apart by colour-blind readers.
const char* PlotColour(size_t index);

}  // namespace consort::report

#endif  // CONSORT_REPORT_GNUPLOT_H_
