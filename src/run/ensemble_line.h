// A plan of an ensemble and the session that runs it.
#ifndef CONSORT_RUN_ENSEMBLE_LINE_H_
#define CONSORT_RUN_ENSEMBLE_LINE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "run/ensemble.h"

namespace consort {

// All but id, plan and session is guarded by the ensemble's mutex.
struct Ensemble::Line {
  uint64_t id = 0;
  Plan plan;
  std::unique_ptr<Session> session;
  int users = 0;                  // tickets of the session that are not released: it lives as long
  std::vector<std::string> lost;  // targets that were lost before it ran or while it did
  int away = 0;                   // replicas that are being opened anew
  bool is_broken = false;         // a replica is away for good
  int64_t answered = 0;           // losses of the session that led to another line, or never will
  int takeover = -1;              // index of the one that began it last
  std::map<std::string, std::optional<Prepared>> beforehand;  // by the target that is lost; nothing: there is no plan
};

}  // namespace consort

#endif  // CONSORT_RUN_ENSEMBLE_LINE_H_
