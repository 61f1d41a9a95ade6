#include "device/isolated_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/run_program.h"
#include "base/strings.h"
#include "base/thread.h"
#include "device/isolated_messages.h"

extern char** environ;

namespace consort {
namespace {

constexpr int kChannelInChild = 3;  // src/worker/main.cc
constexpr int kFirstFreeDescriptor = 10;
constexpr size_t kLastWordsBytes = 4096;
constexpr TimeNs kExitGraceNs = 2'000'000'000;

std::pair<Descriptor, Descriptor> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Error(ErrorCode::kInternal, fmt::format("no pipe: {}", std::strerror(errno)));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace

std::filesystem::path FindWorker() {
  std::vector<std::filesystem::path> candidates;
  if (const char* chosen = std::getenv("CONSORT_WORKER"); chosen != nullptr && *chosen != '\0') {
    candidates = {chosen};
  } else {
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    candidates = {folder / "consort-worker", folder.parent_path() / "libexec/consort/consort-worker"};
  }
  std::vector<std::string> tried;
  for (const std::filesystem::path& path : candidates) {
    if (access(path.c_str(), X_OK) == 0) return path;
    tried.push_back(path.string());
  }
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format(
          "isolated devices need the program consort-worker, which is not at {}; set CONSORT_WORKER to its path",
          Join(tried, " or ")));
}

IsolatedProcess::IsolatedProcess(const std::filesystem::path& program, const Target& target, const CoreSet& cores)
    : target_(target.ToString()), channel_(Descriptor()) {
  auto [ours, theirs] = Channel::MakePair();
  auto [output, input] = MakePipe();
  channel_ = std::move(ours);
  output_ = std::move(output);
  Spawn(program, cores, theirs.descriptor(), input.get());
}

void IsolatedProcess::Spawn(const std::filesystem::path& program, const CoreSet& cores, int channel, int output) {
  // Copies with high numbers, which none of the numbers that the child gets collides with.
  const Descriptor channel_copy(fcntl(channel, F_DUPFD_CLOEXEC, kFirstFreeDescriptor));
  const Descriptor output_copy(fcntl(output, F_DUPFD_CLOEXEC, kFirstFreeDescriptor));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output_copy.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output_copy.get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, channel_copy.get(), kChannelInChild);
  posix_spawn_file_actions_addclosefrom_np(&actions, kChannelInChild + 1);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

  // A group of its own: Ctrl-C in a terminal is for the parent to handle.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);

  std::string name = program.filename().string();
  std::string target = target_;
  char* arguments[] = {name.data(), target.data(), nullptr};
  int code = 0;
  {
    const ThreadScope scope(cores, /*flush_denormals=*/false);  // the child inherits the mask
    code = posix_spawn(&pid_, program.c_str(), &actions, &attributes, arguments, environ);
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code == 0) return;
  pid_ = -1;
  throw Error(ErrorCode::kUnsupported, fmt::format("{} cannot be started: {}", program.string(), std::strerror(code)));
}

IsolatedProcess::~IsolatedProcess() {
  Kill("its device was closed");
  Reap();
}

void IsolatedProcess::Kill(const std::string& reason) {
  std::lock_guard lock(mutex_);
  if (pid_ < 0) return;
  if (reason_.empty()) reason_ = reason;
  kill(pid_, SIGKILL);
}

Message IsolatedProcess::Ask(const nlohmann::json& request, TimeNs timeout_ns) {
  std::lock_guard lock(channel_mutex_);
  return Ask(channel_, request, {}, timeout_ns);
}

Message IsolatedProcess::Ask(Channel& channel, const nlohmann::json& request, std::span<const int> descriptors,
                             TimeNs timeout_ns) {
  if (!channel.Send(request, descriptors)) throw Lost();
  AwaitAnswer(channel, timeout_ns);
  std::optional<Message> answer = channel.Receive();
  if (!answer.has_value()) throw Lost();
  RethrowError(answer->body);
  return std::move(*answer);
}

Channel IsolatedProcess::OpenChannel() {
  auto [ours, theirs] = Channel::MakePair();
  const int descriptor = theirs.descriptor();
  std::lock_guard lock(channel_mutex_);
  if (!channel_.Send({{"channel", true}}, {&descriptor, 1})) throw Lost();
  return std::move(ours);
}

// Until the channel can be read. Meanwhile takes what the process prints, so that it never blocks on a full pipe.
void IsolatedProcess::AwaitAnswer(const Channel& channel, TimeNs timeout_ns) {
  Clock& clock = Clock::Real();
  const TimeNs deadline_ns = timeout_ns == kNever ? kNever : clock.NowNs() + timeout_ns;
  pollfd waits[] = {{.fd = channel.descriptor(), .events = POLLIN}, {.fd = output_.get(), .events = POLLIN}};
  while (waits[0].revents == 0) {
    int timeout_ms = -1;
    if (deadline_ns != kNever) {
      timeout_ms =
          static_cast<int>(std::clamp<TimeNs>((deadline_ns - clock.NowNs() + 999'999) / 1'000'000, 0, 1 << 30));
    }
    const int ready = poll(waits, 2, timeout_ms);
    if (ready < 0) {
      waits[0].revents = 0;
      waits[1].revents = 0;
    }
    if (ready == 0 && clock.NowNs() >= deadline_ns) {
      Kill(fmt::format("it did not answer within {} ms", timeout_ns / 1'000'000));
      throw Lost();
    }
    if ((waits[1].revents & POLLIN) != 0) DrainOutput();
    if ((waits[1].revents & (POLLHUP | POLLERR)) != 0) waits[1].fd = -1;
  }
}

void IsolatedProcess::DrainOutput() {
  std::lock_guard lock(mutex_);
  char bytes[4096];
  ssize_t count;
  while ((count = read(output_.get(), bytes, sizeof(bytes))) > 0) {
    last_words_.append(bytes, static_cast<size_t>(count));
    if (last_words_.size() > kLastWordsBytes) last_words_.erase(0, last_words_.size() - kLastWordsBytes);
  }
}

// Its channel is closed, so it has ended or is about to.
Error IsolatedProcess::Lost() {
  DrainOutput();
  Reap();
  DrainOutput();
  std::lock_guard lock(mutex_);
  std::string message = fmt::format("{}: the process of this device {}", target_, death_);
  if (!reason_.empty()) message += fmt::format(" because {}", reason_);
  if (const std::string line = LastLine(last_words_); !line.empty()) message += fmt::format("; it said last: \"{}\"", line);
  return Error(ErrorCode::kDeviceLost, message + ". Open the device again to go on");
}

// Collects the exit status; ends the process if it has not ended by itself soon.
void IsolatedProcess::Reap() {
  std::lock_guard lock(mutex_);
  int status = 0;
  const TimeNs deadline_ns = Clock::Real().NowNs() + kExitGraceNs;
  while (pid_ >= 0) {
    const bool patient = Clock::Real().NowNs() < deadline_ns;
    if (!patient) kill(pid_, SIGKILL);
    const pid_t reaped = waitpid(pid_, &status, patient ? WNOHANG : 0);
    if (reaped == 0) {
      Clock::Real().SleepUntil(Clock::Real().NowNs() + 200'000);
    } else if (reaped == pid_ || errno != EINTR) {
      death_ = reaped == pid_ ? DescribeExit(status) : "ended";  // else the program ignores SIGCHLD
      pid_ = -1;
    }
  }
}

}  // namespace consort
