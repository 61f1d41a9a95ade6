#include "base/run_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"
#include "consort/error.h"

extern char** environ;

namespace consort {
namespace {

constexpr size_t kQuotedBytes = 400;
// The end of a program is looked for this often while it says nothing.
constexpr int kLookMs = 20;

// The reading end of a pipe that a program writes to.
class Listener {
 public:
  explicit Listener(size_t max_bytes) : max_bytes_(max_bytes) {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0)
      throw Error(ErrorCode::kInternal, fmt::format("no pipe: {}", std::strerror(errno)));
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Listener() {
    close(ends_[0]);
    CloseWriter();
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int writer() const { return ends_[1]; }
  void CloseWriter() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  // Reads what there is; waits a little for it where there is nothing.
  void Listen() {
    pollfd events = {.fd = open_ ? ends_[0] : -1, .events = POLLIN, .revents = 0};
    poll(&events, 1, kLookMs);
    Drain();
  }
  void Drain() {
    std::array<char, 4096> chunk;
    ssize_t count = 0;
    while (open_ && (count = read(ends_[0], chunk.data(), chunk.size())) > 0)
      heard_.append(chunk.data(), std::min(static_cast<size_t>(count), max_bytes_ - heard_.size()));
    if (count == 0) open_ = false;
  }
  std::string Take() { return std::move(heard_); }

 private:
  std::array<int, 2> ends_ = {-1, -1};
  const size_t max_bytes_;
  bool open_ = true;
  std::string heard_;
};

pid_t Spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments,
            const std::filesystem::path& folder, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);

  std::vector<std::string> words = {program.filename().string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int code = posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code == 0) return pid;
  throw Error(ErrorCode::kUnsupported, fmt::format("{} cannot be started: {}", program.string(), std::strerror(code)));
}

[[noreturn]] void ThrowLost(pid_t pid) {
  throw Error(ErrorCode::kInternal, fmt::format("process {} cannot be waited for: {}", pid, std::strerror(errno)));
}

// Leaves it to be collected.
bool HasEnded(pid_t pid) {
  siginfo_t info = {};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    if (errno != EINTR) ThrowLost(pid);
  }
  return info.si_pid == pid;
}

int Collect(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) ThrowLost(pid);
  }
  return status;
}

}  // namespace

std::string DescribeExit(int status) {
  if (WIFEXITED(status)) return fmt::format("ended with exit code {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    return fmt::format("was ended by signal {} (SIG{})", WTERMSIG(status), name == nullptr ? "?" : name);
  }
  return "ended";
}

std::string LastLine(const std::string& text) {
  const std::vector<std::string> lines = Split(text, '\n');
  const auto spoken = std::find_if(lines.rbegin(), lines.rend(), [](const std::string& line) {
    return line.find_first_not_of(" \t\r") != std::string::npos;
  });
  return spoken == lines.rend() ? "" : spoken->substr(0, kQuotedBytes);
}

ProgramEnd RunProgram(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                      const RunProgramOptions& options) {
  Clock& clock = Clock::Real();
  Listener listener(options.max_output_bytes);
  const TimeNs begin_ns = clock.NowNs();
  const pid_t pid = Spawn(std::filesystem::absolute(program), arguments, options.folder, listener.writer());
  listener.CloseWriter();
  ProgramEnd end;
  while (!HasEnded(pid)) {
    listener.Listen();
    if (clock.NowNs() - begin_ns < options.timeout_ns) continue;
    end.timed_out = true;
    break;
  }
  end.took_ns = clock.NowNs() - begin_ns;
  kill(-pid, SIGKILL);  // it, or what it left behind; its number is nobody else's before it is collected
  end.status = Collect(pid);
  listener.Drain();
  end.output = listener.Take();
  return end;
}

std::filesystem::path FindProgram(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (const std::string& folder : Split(path == nullptr ? "" : path, ':')) {
    const std::filesystem::path candidate = std::filesystem::path(folder.empty() ? "." : folder) / name;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(candidate, ignored) && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace consort
