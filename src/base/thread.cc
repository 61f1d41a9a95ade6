#include "base/thread.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "consort/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace consort {
namespace {

#if defined(__x86_64__)
// Bits 15 (flush to zero) and 6 (denormals are zero) of MXCSR: Intel SDM, volume 1, section 10.2.3.
constexpr unsigned kFlushBits = 0x8040;
unsigned FloatMode() { return _mm_getcsr(); }
void SetFloatMode(unsigned mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
// Bit 24 (FZ) of FPCR: Arm Architecture Reference Manual, FPCR.
constexpr unsigned kFlushBits = 1u << 24;
unsigned FloatMode() {
  uint64_t mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return static_cast<unsigned>(mode);
}
void SetFloatMode(unsigned mode) { asm volatile("msr fpcr, %0" : : "r"(uint64_t{mode})); }
#else
constexpr unsigned kFlushBits = 0;
unsigned FloatMode() { return 0; }
void SetFloatMode(unsigned) {}
#endif

cpu_set_t MaskOf(const CoreSet& cores) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (int core : cores.cores()) CPU_SET(core, &mask);
  return mask;
}

}  // namespace

ThreadScope::ThreadScope(const CoreSet& cores, bool flush_denormals) : previous_mode_(FloatMode()) {
  if (!cores.empty()) {
    const cpu_set_t wanted = MaskOf(cores);
    if (sched_getaffinity(0, sizeof(previous_mask_), &previous_mask_) != 0) CPU_ZERO(&previous_mask_);
    if (!CPU_EQUAL(&wanted, &previous_mask_) && sched_setaffinity(0, sizeof(wanted), &wanted) != 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("cores {} cannot be used: {}; this process may use {}", cores.ToString(),
                              std::strerror(errno), CoreSet::Available().ToString()));
    }
    confined_ = true;
  }
  if (flush_denormals) SetFloatMode(previous_mode_ | kFlushBits);
}

ThreadScope::~ThreadScope() {
  SetFloatMode(previous_mode_);
  if (!confined_) return;
  cpu_set_t now;
  // An engine may have changed the mask meanwhile: compare with what the kernel says.
  if (sched_getaffinity(0, sizeof(now), &now) == 0 && !CPU_EQUAL(&now, &previous_mask_)) {
    sched_setaffinity(0, sizeof(previous_mask_), &previous_mask_);
  }
}

}  // namespace consort
