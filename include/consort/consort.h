// Everything that a user of Consort needs; those who write a backend add consort/backend.h.
#ifndef CONSORT_CONSORT_H_
#define CONSORT_CONSORT_H_

#include "consort/device.h"
#include "consort/emulation.h"
#include "consort/error.h"
#include "consort/model.h"
#include "consort/registry.h"

#endif  // CONSORT_CONSORT_H_
