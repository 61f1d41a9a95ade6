// What a long command does at the moment.
#ifndef CONSORT_CLI_PROGRESS_H_
#define CONSORT_CLI_PROGRESS_H_

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace consort {

// A line on the terminal that the next one replaces; nothing where the standard error is not a terminal.
class Progress {
 public:
  ~Progress() { Say(""); }
  void Say(const std::string& text) const {
    if (!terminal_) return;
    fmt::print(stderr, "\r\033[K{}", text);
    std::fflush(stderr);
  }

 private:
  bool terminal_ = isatty(STDERR_FILENO) == 1;
};

}  // namespace consort

#endif  // CONSORT_CLI_PROGRESS_H_
