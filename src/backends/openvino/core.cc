#include "backends/openvino/core.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <thread>

#include "base/strings.h"
#include "base/thread.h"

namespace consort::openvino {
namespace {

constexpr size_t kMessageLimit = 600;

// Lines that say where in OpenVINO's sources something was noticed, not what.
bool IsTrace(std::string_view line) {
  constexpr std::array<std::string_view, 6> kPrefixes = {
      "Exception from ", "Check '",           "FrontEnd API failed", "To facilitate the conversion",
      "Summary:",        "Model wasn't fully"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return line.starts_with(prefix); });
}

bool SaysUnsupported(const std::string& message) {
  constexpr std::array<const char*, 7> kWordings = {"No conversion rule", "not supported", "ot implemented",
                                                    "unsupported",        "Unsupported",   "doesn't support",
                                                    "does not support"};
  return std::any_of(kWordings.begin(), kWordings.end(),
                     [&](const char* wording) { return message.find(wording) != std::string::npos; });
}

}  // namespace

ov::Core& SharedCore() {
  static ov::Core* core = new ov::Core();
  return *core;
}

std::string EngineName() {
  const std::string build = ov::get_openvino_version().buildNumber;
  return "OpenVINO " + build.substr(0, build.find('-'));
}

std::string CleanMessage(const std::string& message) {
  std::vector<std::string> kept;
  for (const std::string& line : Split(message, '\n')) {
    if (line.find_first_not_of(" \t") != std::string::npos && !IsTrace(line)) kept.push_back(line);
  }
  std::string text = kept.empty() ? message : Join(kept, " ");
  if (text.size() > kMessageLimit) text = text.substr(0, kMessageLimit) + " …";
  return text;
}

void RethrowAs(ErrorCode code, const std::string& place) {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, place + ": out of memory");
  } catch (const std::exception& error) {
    const std::string message = error.what();
    throw Error(SaysUnsupported(message) ? ErrorCode::kUnsupported : code, place + ": " + CleanMessage(message));
  } catch (...) {
    throw Error(ErrorCode::kInternal, place + ": OpenVINO threw something that is not a std::exception");
  }
}

void RunOnCores(const CoreSet& cores, const std::function<void()>& function) {
  std::exception_ptr error;
  std::thread thread([&] {
    try {
      ThreadScope scope(cores, /*flush_denormals=*/false);
      function();
    } catch (...) {
      error = std::current_exception();
    }
  });
  thread.join();
  if (error) std::rethrow_exception(error);
}

ov::element::Type ToOpenVino(DataType dtype, const std::string& what) {
  switch (dtype) {
    case DataType::kFloat32:
      return ov::element::f32;
    case DataType::kFloat16:
      return ov::element::f16;
    case DataType::kBFloat16:
      return ov::element::bf16;
    case DataType::kFloat64:
      return ov::element::f64;
    case DataType::kInt8:
      return ov::element::i8;
    case DataType::kUInt8:
      return ov::element::u8;
    case DataType::kInt16:
      return ov::element::i16;
    case DataType::kUInt16:
      return ov::element::u16;
    case DataType::kInt32:
      return ov::element::i32;
    case DataType::kUInt32:
      return ov::element::u32;
    case DataType::kInt64:
      return ov::element::i64;
    case DataType::kUInt64:
      return ov::element::u64;
    case DataType::kBool:
      return ov::element::boolean;
    default:
      break;
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{} is {}: Consort passes no such tensors to OpenVINO", what, ToString(dtype)));
}

}  // namespace consort::openvino
