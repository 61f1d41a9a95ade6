// How long an inference takes by a cost model, for the shapes of each call.
#ifndef CONSORT_EMULATE_MODELLED_TIME_H_
#define CONSORT_EMULATE_MODELLED_TIME_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "consort/device.h"
#include "consort/model.h"
#include "cost/cost_model.h"

namespace consort {

// Of the calls with one combination of input shapes.
struct CallTime {
  double seconds = 0;
  double link_seconds = 0;  // of these, the link to the host carries something
  double low = 1;
  double high = 1;
  std::vector<std::string> notes;
};

// Where inputs have open axes, each combination of shapes is estimated when it comes up first, and remembered. One
// thread at a time.
class ModelledTime {
 public:
  // Throws what the cost model throws for the model as it is.
  ModelledTime(Model model, std::shared_ptr<const CostModel> cost, const CostQuery& query);
  ModelledTime(ModelledTime&&) = default;

  // Of the model as it is: where shapes are open, a lower bound.
  const Estimate& estimate() const { return estimate_; }
  // Of a call with these inputs. Valid for as long as this; the same shapes give the same object.
  const CallTime& Of(Binding& binding);

 private:
  CallTime Estimated(const std::vector<Shape>& shapes) const;

  Model model_;
  std::shared_ptr<const CostModel> cost_;
  CostQuery query_;
  Estimate estimate_;
  bool open_ = false;  // an input has an open axis
  std::map<std::vector<Shape>, CallTime> by_shapes_;
  std::vector<Shape> last_shapes_;
  const CallTime* last_ = nullptr;
};

}  // namespace consort

#endif  // CONSORT_EMULATE_MODELLED_TIME_H_
