// What a session gives while it is kept full, and for one sample alone.
#ifndef CONSORT_TESTS_SUPPORT_FULL_SESSION_H_
#define CONSORT_TESTS_SUPPORT_FULL_SESSION_H_

#include "consort/clock.h"
#include "run/session.h"

namespace consort::test {

// Calls per second in steady state: as many calls as the session takes are under way all the time, `calls` in all;
// those in which it fills and drains are left out. By `clock`, the session's, of which the calling thread is a member.
// Inputs are the slots' own, as they are.
double CallsPerSecond(Session& session, Clock& clock, int calls);

// Seconds of one call with nothing else under way.
double SecondsAlone(Session& session, Clock& clock);

}  // namespace consort::test

#endif  // CONSORT_TESTS_SUPPORT_FULL_SESSION_H_
