// Help texts that fit a terminal of 80 columns.
#ifndef CONSORT_CLI_HELP_H_
#define CONSORT_CLI_HELP_H_

#include <CLI/CLI.hpp>
#include <string>

namespace consort {

// Breaks `text` at spaces into lines of at most `width` characters; every line after the first is indented. A word that
// is longer stays whole. Line breaks in `text` stay.
std::string WrapText(const std::string& text, int width, int indent);

// CLI11's help with descriptions wrapped at 80 columns.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_subcommand(const CLI::App* sub) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
};

}  // namespace consort

#endif  // CONSORT_CLI_HELP_H_
