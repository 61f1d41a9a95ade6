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
#include "emulate/resource_time.h"

namespace consort {

// How a device takes the samples of a call. A device that takes them one by one, as an Edge TPU does, needs for each
// what a call of one sample needs.
enum class SampleOrder : uint8_t { kTogether, kOneByOne };

struct ModelledTimeOptions {
  std::shared_ptr<const CostModel> cost;
  CostQuery query;
  SampleOrder order = SampleOrder::kTogether;
  std::vector<SharedResource> shared;
};

// Of the calls with one combination of input shapes: of all samples of one call.
struct CallTime {
  double seconds = 0;
  std::vector<double> shared_seconds;  // of these, what each of ModelledTimeOptions::shared is busy
  double joules = 0;                   // active power × busy time; 0: not known
  double low = 1;
  double high = 1;
  std::vector<std::string> notes;
};

// Where inputs have open axes, each combination of shapes is estimated when it comes up first, and remembered. One
// thread at a time.
class ModelledTime {
 public:
  // Throws what the cost model throws for the model as it is.
  ModelledTime(Model model, ModelledTimeOptions options);
  ModelledTime(ModelledTime&&) = default;

  // Of the model as it is: where shapes are open, a lower bound. Where samples are taken one by one, works and estimate
  // are of one of them, by the ops of the model.
  const WorkList& works() const { return works_; }
  const Estimate& estimate() const { return estimate_; }
  // Of a call of the model as it is.
  const CallTime& whole() const { return whole_; }
  // Of a call with these inputs. Valid for as long as this; the same shapes give the same object.
  const CallTime& Of(Binding& binding);

 private:
  // A model as the device is given it, and how often for one call.
  struct Given {
    Model model;
    int64_t times = 1;
  };
  Given GivenOf(const Model& model) const;
  CallTime TimeOf(const Estimate& estimate, int64_t times) const;
  CallTime Estimated(const std::vector<Shape>& shapes) const;

  Model model_;
  ModelledTimeOptions options_;
  Given given_;
  WorkList works_;
  Estimate estimate_;
  CallTime whole_;
  bool open_ = false;  // an input has an open axis
  std::map<std::vector<Shape>, CallTime> by_shapes_;
  std::vector<Shape> last_shapes_;
  const CallTime* last_ = nullptr;
};

}  // namespace consort

#endif  // CONSORT_EMULATE_MODELLED_TIME_H_
