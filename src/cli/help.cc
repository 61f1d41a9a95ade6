#include "cli/help.h"

#include "base/strings.h"

namespace consort {
namespace {

constexpr int kWidth = 80;
constexpr int kLeftColumn = 26;

// "  left      description …", the description in a column of its own.
std::string Entry(const std::string& left, const std::string& description) {
  std::string line = "  " + left;
  if (static_cast<int>(line.size()) + 2 > kLeftColumn) {
    line += "\n" + std::string(kLeftColumn, ' ');
  } else {
    line.resize(kLeftColumn, ' ');
  }
  return line + WrapText(description, kWidth - kLeftColumn, kLeftColumn) + "\n";
}

std::string WrapLine(const std::string& line, int width, int indent) {
  std::string wrapped;
  int column = 0;
  for (const std::string& word : Split(line, ' ')) {
    const int length = static_cast<int>(word.size());
    if (column > 0 && column + 1 + length > width) {
      wrapped += "\n" + std::string(indent, ' ');
      column = 0;
    } else if (column > 0) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += length;
  }
  return wrapped;
}

}  // namespace

std::string WrapText(const std::string& text, int width, int indent) {
  std::string wrapped;
  for (const std::string& line : Split(text, '\n')) {
    if (!wrapped.empty()) wrapped += "\n" + std::string(indent, ' ');
    wrapped += WrapLine(line, width, indent);
  }
  return wrapped;
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return WrapText(app->get_description(), kWidth, 0) + "\n\n";
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string) const {
  std::string usage = "Usage: " + (app->get_parent() ? app->get_parent()->get_name() + " " : "") + app->get_name();
  if (!app->get_subcommands({}).empty()) return usage + " COMMAND [OPTIONS]\n";
  for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    usage += " " + make_option_usage(option);
  }
  return usage + " [OPTIONS]\n";
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  return CLI::detail::find_and_replace(CLI::Formatter::make_help(app, std::move(name), mode), "\n\n\n", "\n\n");
}

std::string HelpFormatter::make_subcommand(const CLI::App* sub) const {
  return Entry(sub->get_name(), sub->get_description());
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string left = make_option_name(option, is_positional);
  if (!is_positional && option->get_type_size() != 0) left += " " + option->get_type_name();
  const std::string required = option->get_required() ? " (required)" : "";
  return Entry(left, option->get_description() + required);
}

}  // namespace consort
