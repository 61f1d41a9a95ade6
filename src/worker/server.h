// The other end of an isolated device.
#ifndef CONSORT_WORKER_SERVER_H_
#define CONSORT_WORKER_SERVER_H_

#include "consort/registry.h"
#include "device/isolated_channel.h"

namespace consort {

// Opens the device that the first message asks for and serves it, each executable on a thread and a channel of its own
// (device/isolated_messages.h), until the channel closes. Threads may still be computing then: the process is to end at
// once.
void Serve(const Registry& registry, Channel channel);

}  // namespace consort

#endif  // CONSORT_WORKER_SERVER_H_
