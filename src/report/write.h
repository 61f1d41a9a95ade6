// The way out of a report: a file in the form that its name's ending says.
#ifndef CONSORT_REPORT_WRITE_H_
#define CONSORT_REPORT_WRITE_H_

#include <filesystem>
#include <string>
#include <vector>

#include "report/document.h"

namespace consort::report {

enum class Form : uint8_t {
  kHtml,      // one self-contained page
  kMarkdown,  // text; "x.md" has its plots in the folder "x-plots" beside it, where gnuplot is installed
  kJson,      // data, which `consort report` reads
  kPng,       // every plot by itself: "x.png" stands for "x-latency.png", "x-devices.png", …
};

// By the ending: .html, .md, .json, .png. Throws kInvalidArgument listing the endings for any other.
Form FormOf(const std::filesystem::path& path);

// Throws, before anything is measured, unless Write to this path can be expected to succeed: kInvalidArgument for the
// path, kUnsupported for images where there is no gnuplot.
void CheckWritable(const std::filesystem::path& path);

// Writes the report; existing files are replaced. What was written, text before images; nothing where images were asked
// for and there is no plot. Throws as CheckWritable and DrawImages do.
std::vector<std::filesystem::path> Write(const Document& document, const std::filesystem::path& path);

}  // namespace consort::report

#endif  // CONSORT_REPORT_WRITE_H_
