#include <fmt/format.h>

#include "platform/parse_platform.h"

namespace consort {
namespace {

void Read(const Section& section, std::string_view key, Dimension dimension, Quantity& quantity) {
  if (const std::optional<Quantity> figure = section.Figure(key, dimension)) quantity = *figure;
}

}  // namespace

Link ReadLink(const Section& section, const Link* base) {
  section.AllowOnly({"name", "base", "via", "bandwidth", "bandwidth_back", "latency"});
  Link link = base == nullptr ? Link{} : *base;
  link.name = section.RequiredName("name");
  // What a base hangs on is not part of it.
  link.via = section.Name("via").value_or("");
  const bool alike = link.bandwidth_back.value == link.bandwidth.value;
  Read(section, "bandwidth", Dimension::kBandwidth, link.bandwidth);
  if (link.bandwidth.source.empty())
    section.Fail("bandwidth", fmt::format("{} has no 'bandwidth'; add bandwidth = {}", section.what(),
                                          ExampleFigure(Dimension::kBandwidth)));
  if (alike) link.bandwidth_back = link.bandwidth;
  Read(section, "bandwidth_back", Dimension::kBandwidth, link.bandwidth_back);
  Read(section, "latency", Dimension::kTime, link.latency);
  if (link.latency.source.empty())
    section.Fail("latency",
                 fmt::format("{} has no 'latency'; add latency = {}, or \"0 ms\" where it is counted elsewhere",
                             section.what(), ExampleFigure(Dimension::kTime)));
  return link;
}

}  // namespace consort
