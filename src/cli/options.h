// Options that become typed values at the edge: a text that cannot be parsed is a usage error naming the option.
#ifndef CONSORT_CLI_OPTIONS_H_
#define CONSORT_CLI_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/nearest.h"
#include "consort/error.h"
#include "consort/types.h"

namespace consort {

enum class OutputFormat { kTable, kMarkdown, kCsv, kJson, kJsonl };

// Adds an option whose every value goes through `store(text)`, in the order given; it may be repeated. What `store`
// throws as consort::Error becomes a usage error. `type` stands for the value in the help text.
template <typename Store>
CLI::Option* AddEach(CLI::App* app, const std::string& names, const std::string& type, Store store,
                     const std::string& help) {
  CLI::callback_t callback = [names, store](const CLI::results_t& values) {
    for (const std::string& value : values) {
      try {
        store(value);
      } catch (const Error& error) {
        throw CLI::ValidationError(names, error.what());
      }
    }
    return true;
  };
  return app->add_option(names, std::move(callback), help)
      ->type_name(type)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// Adds an option that may be given once: value = parse(text).
//   AddParsed(app, "--threads", "N", options.threads, ParsePositive, "engine threads");
template <typename T, typename Parse>
CLI::Option* AddParsed(CLI::App* app, const std::string& names, const std::string& type, T& value, Parse parse,
                       const std::string& help) {
  return AddEach(
             app, names, type, [&value, parse](const std::string& text) { value = parse(text); }, help)
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

// Adds an option whose value is one of a few words. The help text ends in the list of words.
template <typename T>
CLI::Option* AddChoice(CLI::App* app, const std::string& names, T& value,
                       const std::vector<std::pair<std::string, T>>& choices, const std::string& help);

// --format with the forms that the command offers; the first is named as the default.
CLI::Option* AddFormatOption(CLI::App* app, OutputFormat& format,
                             const std::vector<OutputFormat>& offered = {OutputFormat::kTable, OutputFormat::kJson});

// --shape NAME:1x3x224x224 (repeatable; the name may be left out when the model has one input: key "") and --dim
// NAME=VALUE.
void AddShapeOptions(CLI::App* app, std::map<std::string, Shape>& shapes, std::map<std::string, int64_t>& dims);

// "name<separator>rest" cut at the last separator; an empty name when there is none.
std::pair<std::string, std::string> SplitName(const std::string& text, char separator);

// Whole numbers; anything else, and what lies outside, throws kInvalidArgument.
int64_t ParseInt(const std::string& text, int64_t lowest, int64_t highest);
int ParsePositive(const std::string& text);
uint64_t ParseSeed(const std::string& text);
// Finite decimal numbers; else kInvalidArgument.
double ParseNumber(const std::string& text);

// --- Implementation
// ---------------------------------------------------------------------------------------------------
template <typename T>
CLI::Option* AddChoice(CLI::App* app, const std::string& names, T& value,
                       const std::vector<std::pair<std::string, T>>& choices, const std::string& help) {
  std::string words;
  for (const auto& [word, unused] : choices) words += (words.empty() ? "" : "|") + word;
  auto parse = [choices, words](const std::string& text) {
    for (const auto& [word, meaning] : choices) {
      if (word == text) return meaning;
    }
    throw Error(ErrorCode::kInvalidArgument, "'" + text + "' is not one of " + words);
  };
  return AddParsed(app, names, words, value, parse, help);
}

}  // namespace consort

#endif  // CONSORT_CLI_OPTIONS_H_
