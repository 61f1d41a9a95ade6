// A plan whose stages are compiled: what a session runs.
#ifndef CONSORT_RUN_PREPARED_H_
#define CONSORT_RUN_PREPARED_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "consort/device.h"

namespace consort {

// A copy of a stage on one target, compiled. Executables that compute in the caller (Execution::kCaller) cost least:
// the session gives each a thread of its own. Those of isolated devices compute in a worker (kWorker), so that a hung
// process can be ended.
struct PreparedReplica {
  std::string name;  // its target, for messages
  std::shared_ptr<Executable> executable;
  // Of a spare without an executable: compiles it when it is needed, and not before; so it checks nothing either.
  // Called from a thread of the session's.
  std::function<std::shared_ptr<Executable>()> compile;
  double share = 1;     // weighs the choice among idle replicas
  int64_t samples = 0;  // of each batch, where the stage's replicas divide every call among them; 0: whole calls
  CoreSet cores;        // its thread is confined to these; empty: left as it is
  // Opens the device anew after a loss and compiles the stage again; called from a thread of the session's, throws when
  // that is not possible. Empty: once lost it stays away.
  std::function<std::shared_ptr<Executable>()> reopen;

  bool is_compiled_later() const { return executable == nullptr && compile != nullptr; }
};

struct PreparedStage {
  std::vector<PreparedReplica> replicas;  // at least one; all have ports of the same names
  std::vector<PreparedReplica>
      spares;                   // take over, one for each that is lost; until then they only check (VerifyOptions)
  int queue_depth = 2;          // calls that may wait in front of it
  TimeNs deadline_ns = kNever;  // of one call; kNever: SessionOptions::stage_deadline_ns
};

// Stages in the order of the data. A tensor is known by its name: an input port reads what an earlier stage's output
// port of that name made, else it is an input of the session.
struct PreparedPlan {
  std::vector<PreparedStage> stages;
  std::vector<std::string> inputs;   // of the session, in the caller's order; empty: as the stages read them first
  std::vector<std::string> outputs;  // likewise; empty: what no later stage reads
  // In which form the caller gives and gets a tensor, where the first port that has it has another (WithNativePorts).
  std::map<std::string, TensorSpec> forms;
};

// The plan with executables whose ports are their devices' own (NativePorts), so that the session converts, where stages
// of one form do not follow one another, and its trace shows it. What the caller gives and gets keeps its form, as does
// what replicas or spares of a stage make in different forms, or in one that is not known before they are compiled.
PreparedPlan WithNativePorts(PreparedPlan plan);

}  // namespace consort

#endif  // CONSORT_RUN_PREPARED_H_
