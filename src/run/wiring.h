// Which tensors a session carries, who makes them and who reads them.
#ifndef CONSORT_RUN_WIRING_H_
#define CONSORT_RUN_WIRING_H_

#include <string>
#include <utility>
#include <vector>

#include "consort/device.h"
#include "run/prepared.h"

namespace consort {

// A tensor between ports, in one form for the whole session: PreparedPlan::forms, else that of the first replica which
// makes it, for what the caller gives that of the first which reads it.
struct WiredTensor {
  std::string name;
  TensorSpec spec;
  std::vector<std::string> dim_names;  // per axis, the symbolic name or ""
  bool fixed = true;                   // the size is known: memory is taken once, when the session begins
};

struct WiredStage {
  std::vector<int> inputs;                  // tensors that it reads
  std::vector<int> outputs;                 // tensors that it makes
  std::vector<std::pair<int, int>> states;  // tensors: (input, output)
  // Where its replicas divide each call: the first row of each part and its rows. Otherwise one part, of all rows
  // (count -1).
  struct Part {
    int64_t begin = 0;
    int64_t count = -1;
  };
  std::vector<Part> parts;
};

struct Wiring {
  std::vector<WiredTensor> tensors;
  std::vector<int> inputs;   // tensors that the caller gives, in order
  std::vector<int> outputs;  // tensors that the caller gets, in order
  std::vector<WiredStage> stages;

  // -1 when there is no tensor of that name.
  int Find(const std::string& name) const;
};

// Throws kInvalidArgument where the replica's executable has other ports than the stage.
void CheckPorts(const PreparedReplica& replica, const Wiring& wiring, int stage);

// Throws kInvalidArgument naming stage, replica and port: for replicas of unlike ports, tensors that nobody makes,
// states that do not fit; kUnsupported for a divided stage whose ports have no batch axis.
Wiring MakeWiring(const PreparedPlan& plan, const std::vector<std::pair<std::string, std::string>>& states);

}  // namespace consort

#endif  // CONSORT_RUN_WIRING_H_
