#include "cli/run_plan_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "cli/bench_report.h"
#include "plan/drawing.h"

namespace consort {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kNameWidth = 24;
constexpr int kBar = 16;
constexpr TimeNs kRedrawNs = 250'000'000;
constexpr TimeNs kPlainNs = 1'000'000'000;

std::string Pad(std::string text, size_t width) {
  const size_t columns = Columns(text);
  return text + std::string(columns < width ? width - columns : 0, ' ');
}

std::string Bar(double share) {
  const auto full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kBar));
  std::string bar;
  for (int i = 0; i < kBar; ++i) bar += i < full ? "█" : "·";
  return bar;
}

double ShareOf(TimeNs busy_ns, TimeNs elapsed_ns) {
  return elapsed_ns > 0 ? static_cast<double>(busy_ns) / static_cast<double>(elapsed_ns) : 0;
}

std::string Line(const std::string& text) { return Shorten(text, kWidth) + "\n"; }

std::string Headline(const SessionReport& report, TimeNs elapsed_ns, const WatchOptions& options) {
  const auto elapsed = static_cast<double>(elapsed_ns);
  std::string text = fmt::format("{}: {} of {} calls, {}", Shorten(options.title, 24), report.delivered, options.calls,
                                 FormatTime(elapsed));
  if (elapsed_ns > 0 && report.delivered > 0)
    text += fmt::format(", {} per second",
                        FormatRate(static_cast<double>(report.delivered * options.batch) * 1e9 / elapsed));
  if (report.failed > 0) text += fmt::format(", {} failed", report.failed);
  if (report.retries > 0) text += fmt::format(", {} retried", report.retries);
  return Line(text);
}

std::string ReplicaLine(const ReplicaReport& replica, TimeNs elapsed_ns) {
  const double busy = ShareOf(replica.busy_ns, elapsed_ns);
  return Line(fmt::format("  {}  {:<10}  {:>9} calls  {:>3.0f} %  {}", Pad(Shorten(replica.name, kNameWidth), kNameWidth),
                          ToString(replica.state), replica.calls, 100 * std::min(busy, 1.0), Bar(busy)));
}

}  // namespace

std::string WatchFrame(const SessionReport& report, TimeNs elapsed_ns, const WatchOptions& options) {
  std::string text = Headline(report, elapsed_ns, options);
  for (size_t stage = 0; stage < report.stages.size(); ++stage) {
    text += Line(fmt::format("stage {}, {} waiting", stage, report.waiting.at(stage)));
    for (const ReplicaReport& replica : report.stages[stage]) text += ReplicaLine(replica, elapsed_ns);
  }
  if (!report.losses.empty()) {
    const LossReport& last = report.losses.back();
    text += Line(fmt::format("{} lost, the last at stage {}: {}: {}", report.losses.size(), last.stage, last.replica,
                             last.why));
  }
  return text;
}

LiveView::LiveView(std::function<SessionReport()> report, WatchOptions options)
    : report_(std::move(report)), options_(std::move(options)), begin_ns_(options_.clock->NowNs()) {
  thread_ = std::thread([this] { Loop(); });
}

LiveView::~LiveView() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    Clock::Real().NotifyAll(stopped_);
  }
  thread_.join();
  Draw();
}

void LiveView::Loop() {
  const TimeNs period_ns = options_.terminal ? kRedrawNs : kPlainNs;
  std::unique_lock lock(mutex_);
  for (TimeNs next_ns = Clock::Real().NowNs() + period_ns; !stop_; next_ns += period_ns) {
    while (!stop_ && Clock::Real().NowNs() < next_ns) Clock::Real().Wait(lock, stopped_, next_ns);
    if (!stop_) Draw();
  }
}

// On a terminal over the frame before, line by line: what is longer there is cleared.
void LiveView::Draw() {
  const std::string frame = WatchFrame(report_(), options_.clock->NowNs() - begin_ns_, options_);
  std::string text = options_.terminal && lines_ > 0 ? fmt::format("\033[{}A", lines_) : "";
  lines_ = 0;
  for (size_t begin = 0; begin < frame.size(); ++lines_) {
    const size_t end = frame.find('\n', begin);
    text += (options_.terminal ? "\033[K" : "") + frame.substr(begin, end - begin + 1);
    begin = end + 1;
  }
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace consort
