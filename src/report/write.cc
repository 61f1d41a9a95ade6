#include "report/write.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>

#include "base/files.h"
#include "consort/error.h"
#include "report/check.h"
#include "report/html.h"
#include "report/json.h"
#include "report/markdown.h"
#include "report/png.h"

namespace consort::report {
namespace {

[[noreturn]] void Refuse(const std::filesystem::path& path, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", path.string(), why));
}

// A folder's name as the target of a link in angle brackets.
std::string LinkTo(const std::string& name) {
  std::string link;
  for (const char byte : name) {
    const auto code = static_cast<unsigned char>(byte);
    const bool plain = std::isalnum(code) != 0 || byte == '-' || byte == '_' || byte == '.';
    link += plain ? std::string(1, byte) : fmt::format("%{:02X}", code);
  }
  return link;
}

// "x.md" and "latency": "x-plots/latency.png" beside it.
std::filesystem::path PlotFolder(const std::filesystem::path& path) {
  std::filesystem::path folder = path;
  return folder.replace_filename(path.stem().string() + "-plots");
}

std::vector<std::filesystem::path> WriteMarkdown(const Document& document, const std::filesystem::path& path) {
  const std::string why_not = WhyNoImages();
  const std::filesystem::path folder = PlotFolder(path);
  std::vector<std::filesystem::path> images;
  const auto plot_text = [&](const Block& block) {
    const std::string caption = EscapedForMarkdown(CaptionOf(block));
    if (!why_not.empty()) return fmt::format("*(Not drawn: {}.)* {}\n", why_not, caption);
    std::string text;
    for (const PlotImage& image : DrawImages(block)) {
      std::filesystem::create_directories(folder);
      images.push_back(folder / (image.name + ".png"));
      WriteFile(images.back(), image.png);
      text += fmt::format("![{}](<{}/{}.png>)\n\n", caption, LinkTo(folder.filename().string()), image.name);
    }
    return text + caption + "\n";
  };
  WriteFile(path, FormatMarkdown(document, plot_text));
  images.insert(images.begin(), path);
  return images;
}

std::vector<std::filesystem::path> WriteImages(const Document& document, const std::filesystem::path& path) {
  Check(document);
  std::vector<std::filesystem::path> written;
  for (const Section& section : document.sections) {
    for (const Block& block : section.blocks) {
      for (const PlotImage& image : DrawImages(block)) {
        std::filesystem::path file = path;
        written.push_back(file.replace_filename(fmt::format("{}-{}.png", path.stem().string(), image.name)));
        WriteFile(written.back(), image.png);
      }
    }
  }
  return written;
}

}  // namespace

Form FormOf(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".html") return Form::kHtml;
  if (ending == ".md") return Form::kMarkdown;
  if (ending == ".json") return Form::kJson;
  if (ending == ".png") return Form::kPng;
  Refuse(path, "a report is written to a file that ends in .html, .md, .json or .png");
}

void CheckWritable(const std::filesystem::path& path) {
  const Form form = FormOf(path);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(folder)) Refuse(path, "cannot be written: its folder does not exist");
  if (access(folder.c_str(), W_OK | X_OK) != 0) Refuse(path, "cannot be written: its folder may not be written to");
  if (std::filesystem::is_directory(path)) Refuse(path, "cannot be written: it is a folder");
  if (form == Form::kPng && !WhyNoImages().empty())
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", path.string(), WhyNoImages()));
}

std::vector<std::filesystem::path> Write(const Document& document, const std::filesystem::path& path) {
  switch (FormOf(path)) {
    case Form::kHtml:
      WriteFile(path, FormatHtml(document));
      return {path};
    case Form::kMarkdown:
      return WriteMarkdown(document, path);
    case Form::kJson:
      WriteFile(path, FormatJson(document));
      return {path};
    case Form::kPng:
      break;
  }
  return WriteImages(document, path);
}

}  // namespace consort::report
