// A program whose other half runs in the process of an isolated device.
#ifndef CONSORT_DEVICE_ISOLATED_PROGRAM_H_
#define CONSORT_DEVICE_ISOLATED_PROGRAM_H_

#include <memory>
#include <mutex>
#include <vector>

#include "consort/backend.h"
#include "device/isolated_channel.h"
#include "device/isolated_messages.h"
#include "device/isolated_process.h"
#include "device/shared_memory.h"

namespace consort {

// What an isolated device and its executables own together: the process ends with the last of them.
struct IsolatedShared {
  explicit IsolatedShared(const std::filesystem::path& program, const Target& target, const CoreSet& cores)
      : process(program, target, cores) {}
  IsolatedProcess process;
  SharedMemoryTable memories;  // of Device::Allocate
};

// Sends each call through a channel of its own. The other end keeps a binding for every Binding here; what they hold is
// sent when it changes, so a call in steady state is one small message each way and makes no memory.
class IsolatedProgram : public Program {
 public:
  IsolatedProgram(std::shared_ptr<IsolatedShared> shared, Channel channel, Signature signature, Placement placement);

  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override;
  // Kills the process: the call then ends with kDeviceLost.
  bool Abandon(Binding& binding) override;

 private:
  struct Forgotten;
  struct Remote;

  Remote& RemoteOf(Binding& binding);
  void Rebind(Binding& binding, Remote& remote, nlohmann::json& request);
  BindingLayout Arrange(Binding& binding, Remote& remote);
  void ProvideStaticOutputs(Binding& binding, const Remote& remote);
  void SendMemories(const Remote& remote);
  void TakeResults(Binding& binding, Remote& remote, Message answer);
  Message Ask(const nlohmann::json& request, std::span<const int> descriptors = {});

  std::shared_ptr<IsolatedShared> shared_;
  Channel channel_;
  Signature signature_;
  Placement placement_;
  std::shared_ptr<Forgotten> forgotten_;
  int next_binding_ = 0;
};

}  // namespace consort

#endif  // CONSORT_DEVICE_ISOLATED_PROGRAM_H_
