// The child process of an isolated device.
#ifndef CONSORT_DEVICE_ISOLATED_PROCESS_H_
#define CONSORT_DEVICE_ISOLATED_PROCESS_H_

#include <sys/types.h>

#include <filesystem>
#include <mutex>
#include <span>
#include <string>

#include "consort/clock.h"
#include "consort/error.h"
#include "consort/target.h"
#include "device/isolated_channel.h"

namespace consort {

// `consort-worker`: $CONSORT_WORKER, beside the running program, or in ../libexec/consort. Throws kUnsupported.
std::filesystem::path FindWorker();

// Starts `program` and kills it on destruction. The process also ends when its first channel closes, so it never
// outlives this one. (PR_SET_PDEATHSIG would end it with the thread that started it.) What it writes to stdout and
// stderr is kept, the last few KiB, for error messages. Thread-safe.
class IsolatedProcess {
 public:
  // The process may run on `cores` only, from before its first instruction: engines read that mask once (empty: as this
  // thread). Throws kUnsupported, kInvalidArgument.
  IsolatedProcess(const std::filesystem::path& program, const Target& target, const CoreSet& cores);
  ~IsolatedProcess();

  // Asks and waits for the answer on the channel that the process was started with.
  Message Ask(const nlohmann::json& request, TimeNs timeout_ns);
  // The same on a channel made by OpenChannel. Throws the error in the answer, and kDeviceLost with the signal or exit
  // code and the last words when the process has ended. A request that is not answered in time ends it.
  Message Ask(Channel& channel, const nlohmann::json& request, std::span<const int> descriptors, TimeNs timeout_ns);
  // A channel with a thread of its own at the other end.
  Channel OpenChannel();

  // Ends the process at once; every Ask that waits throws kDeviceLost giving the reason. The first reason stays.
  void Kill(const std::string& reason);

 private:
  void Spawn(const std::filesystem::path& program, const CoreSet& cores, int channel, int output);
  void AwaitAnswer(const Channel& channel, TimeNs timeout_ns);
  void DrainOutput();
  Error Lost();
  void Reap();

  const std::string target_;
  Channel channel_;
  Descriptor output_;
  std::mutex channel_mutex_;
  std::mutex mutex_;  // guards what follows
  pid_t pid_ = -1;    // -1: reaped
  std::string last_words_;
  std::string reason_;
  std::string death_;  // "ended by SIGSEGV", set once it is reaped
};

}  // namespace consort

#endif  // CONSORT_DEVICE_ISOLATED_PROCESS_H_
