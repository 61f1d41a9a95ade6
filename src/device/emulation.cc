#include "consort/emulation.h"

#include <fmt/format.h>

namespace consort {

const Emulated* AsEmulated(const Executable& executable) { return dynamic_cast<const Emulated*>(&executable); }

std::string DescribeOverruns(const EmulationReport& report) {
  if (report.overruns == 0) return "";
  return fmt::format(
      "overrun: {} of {} calls took the host longer than the modelled time (up to {:.3g} ms), so there is no emulated "
      "time; {}take the virtual clock (consort run --clock virtual, consort simulate)",
      report.overruns, report.calls, static_cast<double>(report.longest_host_ns) / 1e6,
      report.exact ? "leave the numbers out (@null), or " : "");
}

}  // namespace consort
