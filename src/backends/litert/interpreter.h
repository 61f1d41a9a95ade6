// A .tflite model made ready by LiteRT, with the record of which operators each delegate took.
#ifndef CONSORT_BACKENDS_LITERT_INTERPRETER_H_
#define CONSORT_BACKENDS_LITERT_INTERPRETER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/litert/litert_library.h"
#include "consort/error.h"
#include "consort/types.h"

namespace consort::litert {

// What the library reports while it works, newest last, bounded; without the folders of the library's sources.
class ErrorLog {
 public:
  static void Report(void* log, const char* format, va_list arguments);
  // The text so far without line ends, or "no reason was given"; empties the log.
  std::string Take();

 private:
  std::string text_;
};

// A node of the interpreter's first subgraph as a delegate sees it.
struct PlanNode {
  int index = -1;
  std::string type;    // "CONV_2D", or the custom operator's name
  std::string output;  // name of its first output tensor
  DataType output_type = DataType::kUndefined;
  bool quantized = false;  // its first output holds scale and zero point
};

struct InterpreterOptions {
  int threads = 1;
  bool xnnpack = true;
  std::optional<uint32_t> xnnpack_flags;  // absent: the library's default
  bool prove_placement = true;  // false: what XNNPACK takes is not recorded
  // Takes operators before XNNPACK does. A model that it refuses is kUnsupported, a call that fails kDeviceLost: the
  // accelerator behind it computes, and there is no other way to tell its errors.
  std::shared_ptr<TfLiteDelegate> accelerator;
};

// Owns the library's model, delegates and interpreter, and the bytes that they read. One thread at a time, except
// Cancel.
class Interpreter {
 public:
  // Throws kInvalidModel for bytes that are no model or that the library cannot prepare, kUnsupported naming the operator that the library lacks. `place`
  // begins messages. XNNPACK's threads inherit the cores and the float mode of the calling thread.
  Interpreter(std::shared_ptr<const std::string> bytes, const InterpreterOptions& options, std::string place);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  int input_count() const { return library_.InputCount(interpreter_); }
  int output_count() const { return library_.OutputCount(interpreter_); }
  TfLiteTensor* input(int index) const { return library_.InputTensor(interpreter_, index); }
  const TfLiteTensor* output(int index) const { return library_.OutputTensor(interpreter_, index); }

  void Resize(int input, const Shape& shape);
  // Makes the tensors ready after Resize; does nothing when they are. Throws kInvalidArgument when the model does not
  // take the shapes.
  void Allocate();
  void Invoke();
  void Cancel() { library_.Cancel(interpreter_); }

  // Nodes in execution order before any delegate, behind the accelerator's, and behind XNNPACK; those in the middle are
  // empty without an accelerator, the last ones without a proof of placement.
  const std::vector<PlanNode>& plan_before() const { return before_.nodes; }
  const std::vector<PlanNode>& plan_between() const { return between_.nodes; }
  const std::vector<PlanNode>& plan_after() const { return after_.nodes; }

 private:
  // A delegate that takes nothing and only looks.
  struct Probe {
    const LiteRtLibrary* library = nullptr;
    std::vector<PlanNode> nodes;
    TfLiteOpaqueDelegate* delegate = nullptr;
  };

  void Release();
  void LoadModel();
  void AddDelegates(TfLiteInterpreterOptions* options, const InterpreterOptions& wanted);
  void AddProbe(TfLiteInterpreterOptions* options, Probe& probe);
  void AddXnnpack(TfLiteInterpreterOptions* options, const InterpreterOptions& wanted);
  [[noreturn]] void Fail(TfLiteStatus status, ErrorCode code, const std::string& what);
  static TfLiteStatus Look(TfLiteOpaqueContext* context, TfLiteOpaqueDelegate* delegate, void* data);

  const LiteRtLibrary& library_;
  std::shared_ptr<const std::string> bytes_;
  std::string place_;
  std::shared_ptr<TfLiteDelegate> accelerator_;
  ErrorLog log_;
  Probe before_;
  Probe between_;
  Probe after_;
  TfLiteModel* model_ = nullptr;
  TfLiteDelegate* xnnpack_ = nullptr;
  TfLiteInterpreter* interpreter_ = nullptr;
  bool ready_ = false;
};

// kOther for a type that buffers do not carry.
DataType FromLiteRt(TfLiteType type);

}  // namespace consort::litert

#endif  // CONSORT_BACKENDS_LITERT_INTERPRETER_H_
