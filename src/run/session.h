// A running plan.
#ifndef CONSORT_RUN_SESSION_H_
#define CONSORT_RUN_SESSION_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "consort/device.h"
#include "run/prepared.h"
#include "run/session_options.h"
#include "run/slots.h"
#include "run/streams.h"
#include "run/trace.h"

namespace consort {

class Pipeline;

// Sends samples through the stages of a plan, many at once: a thread per replica, bounded queues between stages. Every
// sample that was started ends exactly once, with its result or with an Error that says why; results are delivered per
// ticket, in any order. A device that is lost (kDeviceLost, or a call past its stage's deadline) is used no more, and
// its samples are run by another replica or a spare. An empty sample (a batch of none) whose outputs have to be empty
// is answered without a device; another empty one ends with kUnsupported where a stage does not bear it. Steady state
// allocates nothing for tensors of known size. One stage with one replica and nothing to watch runs in the caller.
// Thread-safe; a stream's samples are submitted one after another. The destructor waits for what is under way, but for
// calls that hang past a deadline.
//
//   Session session(Prepare(plan, graph, shards, registry));
//   Ticket first = session.Submit(a), second = session.Submit(b);
//   session.Wait(second, outputs);
class Session {
 public:
  // Throws kInvalidArgument and kUnsupported for what cannot run, naming stage and port.
  explicit Session(PreparedPlan plan, const SessionOptions& options = {});
  ~Session();
  Session(Session&&) noexcept;

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  bool runs_inline() const;
  int max_in_flight() const;

  // Copies the inputs, one per port, and starts. Waits while max_in_flight samples are under way or not released;
  // TrySubmit then gives nothing. Throws kInvalidArgument naming the port, kCancelled once closed.
  Ticket Submit(std::span<const Buffer> inputs, const SubmitOptions& options = {});
  std::optional<Ticket> TrySubmit(std::span<const Buffer> inputs, const SubmitOptions& options = {});
  // Waits for the sample, copies its results, one per port (a buffer that is empty or of another size becomes a new
  // one), and releases the ticket. An error of the sample is thrown, and releases as well.
  void Wait(Ticket ticket, std::span<Buffer> outputs);
  // False while the sample is under way.
  bool TryWait(Ticket ticket, std::span<Buffer> outputs);
  // Submit and Wait.
  void Run(std::span<const Buffer> inputs, std::span<Buffer> outputs, const SubmitOptions& options = {});

  // The same without copies: Reserve, fill input(…), Start, Await, read output(…), Release.
  Ticket Reserve();
  std::optional<Ticket> TryReserve();
  // Before Start. Empty where the size is open: put a buffer there.
  Buffer& input(Ticket ticket, int port);
  void Start(Ticket ticket, const SubmitOptions& options = {});
  // Throws the sample's error; the ticket is to be released in any case.
  void Await(Ticket ticket);
  // After Await and until Release.
  const Buffer& output(Ticket ticket, int port);
  void Release(Ticket ticket);

  // Takes no more samples and waits until those under way have ended; their tickets stay good.
  void Close();
  // Ends what is under way with kCancelled; running calls are interrupted where the engine can be.
  void Cancel();
  // Waits until nothing is under way, and takes samples all the while.
  void AwaitIdle();
  // The stream begins anew, with zeros. None of its samples may be under way.
  void ResetStream(int stream);

  // --- To go on in another session (run/ensemble.h) ---
  // What Submit does before it starts.
  void Fill(Ticket ticket, std::span<const Buffer> inputs);
  // Waits for the sample; throws no error of its.
  void AwaitEnd(Ticket ticket);
  bool has_ended(Ticket ticket);
  // Of a sample that has ended: with kDeviceLost, because no device was left to run it. Another session may.
  bool is_stranded(Ticket ticket);
  int lost_devices(Ticket ticket);  // with the sample
  // Samples do not wait for devices that are being opened anew, but are stranded (Strand); or they do again.
  void Strand();
  void Unstrand();
  int64_t losses() const;  // SessionReport::losses so far
  // What the stream's last delivered sample left. None of its samples may be under way.
  StreamStates StatesOf(int stream) const;
  void RestoreStates(int stream, const StreamStates& states);

  SessionReport report() const;
  // What SessionOptions::on_loss gave last.
  std::optional<Plan> replacement() const;
  const Trace& trace() const;
  // The trace as ui.perfetto.dev opens it.
  std::string TraceAsJson() const;

 private:
  void CopyIn(Slot& slot, std::span<const Buffer> inputs);
  void CopyOut(Slot& slot, std::span<Buffer> outputs);
  TimeNs BeginTransfer() const;
  void EndTransfer(const Slot& slot, TimeNs start_ns);
  Ticket SubmitTo(Ticket ticket, std::span<const Buffer> inputs, const SubmitOptions& options);
  void StartSlot(Slot& slot, const SubmitOptions& options);
  bool HasEmptyInput(const Slot& slot) const;
  bool AnswerEmpty(Slot& slot);
  void AwaitSlot(Slot& slot);
  void Deliver(Slot& slot, std::span<Buffer> outputs);

  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace consort

#endif  // CONSORT_RUN_SESSION_H_
