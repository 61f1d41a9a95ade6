// consort-worker: the process that an isolated device runs in. Started by Consort with a socket as descriptor 3.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

#include "consort/error.h"
#include "consort/registry.h"
#include "worker/server.h"

namespace {

constexpr int kChannel = 3;

bool IsSocket(int descriptor) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace

int main() {
  if (!IsSocket(kChannel)) {
    std::fprintf(
        stderr,
        "consort-worker is started by Consort for devices that are opened as isolated; it has no use by hand\n");
    return 2;
  }
  const consort::Registry registry = consort::MakeBuiltinRegistry();
  int exit_code = 0;
  try {
    consort::Serve(registry, consort::Channel(consort::Descriptor(kChannel)));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "consort-worker: %s\n", error.what());
    exit_code = 1;
  }
  // Engine threads may be in the middle of work: no destructors.
  _exit(exit_code);
}
