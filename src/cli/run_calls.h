// The calls of `consort run` on one target: iterations, steps of a sequence, states.
#ifndef CONSORT_CLI_RUN_CALLS_H_
#define CONSORT_CLI_RUN_CALLS_H_

#include <string>
#include <vector>

#include "cli/run_inputs.h"
#include "cli/run_options.h"
#include "consort/device.h"

namespace consort {

struct CallResults {
  int64_t calls = 0;
  // One per output port, in host memory: of the last call, or of all steps of a sequence stacked along a new axis 0
  // (the output of a state: as the last step left it).
  std::vector<Buffer> outputs;
};

// Runs all calls. `target` names the device in errors. Throws what the calls throw, kTimeout when one passes its
// deadline (it then goes on in its thread), kInvalidArgument when sequences differ in length or their outputs in shape.
CallResults RunCalls(Executable& executable, const std::vector<PortInput>& inputs, const RunOptions& options,
                     const std::string& target);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_CALLS_H_
