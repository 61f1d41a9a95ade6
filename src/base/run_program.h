// Running another program to its end.
#ifndef CONSORT_BASE_RUN_PROGRAM_H_
#define CONSORT_BASE_RUN_PROGRAM_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "consort/clock.h"

namespace consort {

struct RunProgramOptions {
  std::filesystem::path folder;  // in which it runs; empty: this process's
  TimeNs timeout_ns = kNever;
  size_t max_output_bytes = size_t{1} << 20;  // of what it says; the rest is read and left out
};

struct ProgramEnd {
  std::string output;      // what it wrote to stdout and stderr, as it came
  bool timed_out = false;  // it was killed, with all that it had started
  int status = 0;          // as waitpid gives it
  TimeNs took_ns = 0;

  bool succeeded() const { return !timed_out && status == 0; }
};

// "ended with exit code 3", "was ended by signal 11 (SIGSEGV)"; of a status as waitpid gives it.
std::string DescribeExit(int status);
// The last line that says something, at most 400 bytes of it; empty where none does.
std::string LastLine(const std::string& text);

// Starts the program without a shell, its standard input empty, in a process group of its own, and waits for its end;
// it and what it started are killed when the time is over. Throws kUnsupported where it cannot be started.
ProgramEnd RunProgram(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                      const RunProgramOptions& options = {});

// The file that a shell would start by that name: in the folders of $PATH, regular and executable; empty where there is
// none.
std::filesystem::path FindProgram(const std::string& name);

}  // namespace consort

#endif  // CONSORT_BASE_RUN_PROGRAM_H_
