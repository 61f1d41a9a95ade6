// A bundle of `consort edgetpu`, run as one model.
#ifndef CONSORT_BACKENDS_CONVERTING_BUNDLE_EXECUTABLE_H_
#define CONSORT_BACKENDS_CONVERTING_BUNDLE_EXECUTABLE_H_

#include <memory>
#include <string>
#include <vector>

#include "consort/backend.h"
#include "device/parts.h"

namespace consort {

// One part, compiled so that the thread that starts a call computes it.
struct ChainLink {
  std::string file;
  Target target;
  std::shared_ptr<Executable> executable;
};

// The links one after the other: each reads, by name, inputs of the whole and what links before it made. Outputs are
// the named ones. The placement is that of all links' operators, in order; its evidence tells them apart, and InParts
// has them apart. Throws kInvalidModel for an output or input that nobody gives, and for tensors that differ between
// two links.
std::unique_ptr<Executable> MakeChain(std::vector<ChainLink> links, const std::vector<std::string>& outputs,
                                      const ExecutableOptions& options);

}  // namespace consort

#endif  // CONSORT_BACKENDS_CONVERTING_BUNDLE_EXECUTABLE_H_
