// Reading manifests: what the text alone tells is checked.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/files.h"
#include "consort/error.h"
#include "model/invalid_model.h"
#include "shard/manifest.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMaxManifestBytes = int64_t{64} << 20;

// -----------------------------------------------------------------------------------------------------------

// A value of the document and the way to it, for messages: "shards[1].inputs[0].name".
class Place {
 public:
  Place(const Json& value, std::string way) : value_(value), way_(std::move(way)) {}

  [[noreturn]] void Fail(const std::string& why) const {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}", way_.empty() ? "the document" : way_, why));
  }

  Place Key(const std::string& key) const {
    if (!value_.is_object()) Fail(fmt::format("is {}, not an object", value_.type_name()));
    const auto found = value_.find(key);
    if (found == value_.end()) Fail(fmt::format("has no key '{}'", key));
    return {*found, way_.empty() ? key : way_ + "." + key};
  }

  bool is_null() const { return value_.is_null(); }
  bool is_string() const { return value_.is_string(); }

  std::string Text() const {
    if (!value_.is_string()) Fail(fmt::format("is {}, not a string", value_.type_name()));
    return value_.get<std::string>();
  }

  int64_t Count(int64_t lowest = 0, int64_t highest = std::numeric_limits<int64_t>::max()) const {
    const bool fits =
        value_.is_number_integer() && (!value_.is_number_unsigned() || value_.get<uint64_t>() <= uint64_t{INT64_MAX});
    const int64_t count = fits ? value_.get<int64_t>() : -1;
    if (!fits || count < lowest || count > highest) {
      Fail(highest == std::numeric_limits<int64_t>::max()
               ? fmt::format("is not a whole number from {} on", lowest)
               : fmt::format("is not a whole number from {} to {}", lowest, highest));
    }
    return count;
  }

  int64_t CountOrNull() const { return is_null() ? -1 : Count(); }

  bool Flag() const {
    if (!value_.is_boolean()) Fail(fmt::format("is {}, not true or false", value_.type_name()));
    return value_.get<bool>();
  }

  // convert(place) of each element.
  template <typename Convert>
  auto List(Convert convert) const {
    if (!value_.is_array()) Fail(fmt::format("is {}, not a list", value_.type_name()));
    std::vector<decltype(convert(*this))> list;
    for (size_t i = 0; i < value_.size(); ++i)
      list.push_back(convert(Place(value_[i], fmt::format("{}[{}]", way_, i))));
    return list;
  }

  std::vector<std::string> Texts() const {
    return List([](const Place& place) { return place.Text(); });
  }

 private:
  const Json& value_;
  std::string way_;
};

void ParseAxis(const Place& place, TensorEntry& tensor) {
  const bool open = place.is_null() || place.is_string();
  tensor.shape.push_back(open ? kDynamic : place.Count());
  tensor.dim_names.push_back(place.is_string() ? place.Text() : "");
  if (place.is_string() && place.Text().empty()) place.Fail("is an empty name; null stands for an axis without one");
}

TensorEntry ParseTensor(const Place& place) {
  TensorEntry tensor{.name = place.Key("name").Text(), .dtype = place.Key("dtype").Text()};
  if (tensor.name.empty()) place.Key("name").Fail("is empty");
  const Place shape = place.Key("shape");
  tensor.has_rank = !shape.is_null();
  if (tensor.has_rank) shape.List([&](const Place& axis) { return ParseAxis(axis, tensor), 0; });
  tensor.bytes = place.Key("bytes").CountOrNull();
  return tensor;
}

PortEntry ParsePort(const Place& place) {
  PortEntry port{.tensor = ParseTensor(place)};
  const Place from = place.Key("from");
  if (!from.is_null()) port.from = static_cast<int>(from.Count(1, std::numeric_limits<int>::max())) - 1;
  return port;
}

// Nothing but a file's name: what is read lies in the manifest's folder.
std::string ParseFileName(const Place& place) {
  const std::string name = place.Text();
  const bool control = std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (name.empty() || name == "." || name == ".." || name.find_first_of("/\\") != std::string::npos || control) {
    place.Fail(fmt::format("{} is not the name of a file in the manifest's folder", Quote(name)));
  }
  return name;
}

FileEntry ParseFile(const Place& place) {
  FileEntry file{.name = ParseFileName(place.Key("file")),
                 .sha256 = place.Key("sha256").Text(),
                 .bytes = place.Key("bytes").Count()};
  const bool hex = std::all_of(file.sha256.begin(), file.sha256.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!hex || file.sha256.size() != 64) place.Key("sha256").Fail("is not 64 hex digits");
  return file;
}

ShardEntry ParseShard(const Place& place) {
  ShardEntry shard{.file = ParseFile(place), .data = place.Key("data").List(ParseFile)};
  shard.ops = place.Key("ops").Count();
  shard.macs = place.Key("macs").Count();
  shard.macs_known = place.Key("macs_known").Flag();
  shard.parameter_bytes = place.Key("parameter_bytes").Count();
  shard.inputs = place.Key("inputs").List(ParsePort);
  shard.outputs = place.Key("outputs").List(ParseTensor);
  return shard;
}

CutEntry ParseCut(const Place& place) {
  CutEntry cut{.position = static_cast<int>(place.Key("position").Count(1, std::numeric_limits<int>::max())),
               .after_op = place.Key("after_op").Text()};
  cut.names = {place.Key("after").Text(), place.Key("crossing").Texts()};
  cut.bytes = place.Key("bytes").CountOrNull();
  cut.fusions = place.Key("fusions").Texts();
  return cut;
}

// --- What must fit together
// --------------------------------------------------------------------------------------------

class Checker {
 public:
  explicit Checker(const Manifest& manifest) : manifest_(manifest) {}

  void Check() {
    if (manifest_.shards.empty()) Fail("shards", "is empty");
    if (manifest_.cuts.size() + 1 != manifest_.shards.size()) {
      Fail("cuts", fmt::format("holds {} where {} shards need {}", manifest_.cuts.size(), manifest_.shards.size(),
                               manifest_.shards.size() - 1));
    }
    for (size_t i = 0; i < manifest_.inputs.size(); ++i) {
      Make(manifest_.inputs[i], kNone, fmt::format("inputs[{}]", i));
    }
    for (size_t i = 0; i < manifest_.shards.size(); ++i) CheckShard(static_cast<int>(i));
    for (size_t i = 0; i < manifest_.outputs.size(); ++i) Read(manifest_.outputs[i], fmt::format("outputs[{}]", i));
    CheckCuts();
  }

 private:
  [[noreturn]] static void Fail(const std::string& way, const std::string& why) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}", way, why));
  }

  void CheckShard(int index) {
    const ShardEntry& shard = manifest_.shards[static_cast<size_t>(index)];
    const std::string way = fmt::format("shards[{}]", index);
    CheckFile(shard.file, way);
    for (const FileEntry& file : shard.data) CheckFile(file, way + ".data");
    std::set<std::string> read;
    for (size_t i = 0; i < shard.inputs.size(); ++i) {
      const std::string place = fmt::format("{}.inputs[{}]", way, i);
      if (!read.insert(shard.inputs[i].tensor.name).second) Fail(place, "is listed twice");
      Read(shard.inputs[i], place);
    }
    for (size_t i = 0; i < shard.outputs.size(); ++i) {
      // An input of the model may be handed through.
      const bool through = read.contains(shard.outputs[i].name) && made_.at(shard.outputs[i].name).second == kNone;
      if (!through) Make(shard.outputs[i], index, fmt::format("{}.outputs[{}]", way, i));
    }
  }

  void CheckFile(const FileEntry& file, const std::string& way) {
    if (!files_.insert(file.name).second) Fail(way, fmt::format("file {} is listed twice", Quote(file.name)));
  }

  void Make(const TensorEntry& tensor, int maker, const std::string& way) {
    if (!made_.emplace(tensor.name, std::pair(&tensor, maker)).second)
      Fail(way, fmt::format("{} is made twice", Quote(tensor.name)));
  }

  // It must have been made before, where it is said to come from, as the same type.
  void Read(const PortEntry& port, const std::string& way) const {
    const auto made = made_.find(port.tensor.name);
    if (made == made_.end()) Fail(way, fmt::format("{} is made by nothing before it", Quote(port.tensor.name)));
    const auto& [tensor, maker] = made->second;
    if (maker != port.from)
      Fail(way, fmt::format("{} comes from {}, not from {}", Quote(port.tensor.name), Maker(maker), Maker(port.from)));
    if (*tensor != port.tensor)
      Fail(way, fmt::format("{} is of another type or shape where it is made", Quote(port.tensor.name)));
  }

  static std::string Maker(int index) {
    return index == kNone ? "the model's inputs" : fmt::format("shard {}", index + 1);
  }

  void CheckCuts() const {
    int before = 0;
    for (size_t i = 0; i < manifest_.cuts.size(); ++i) {
      const CutEntry& cut = manifest_.cuts[i];
      const std::string way = fmt::format("cuts[{}]", i);
      if (cut.position <= before) Fail(way, "lies at or before the cut before it");
      before = cut.position;
      for (const std::string& name : cut.names.crossing) {
        const auto made = made_.find(name);
        const bool carried =
            made != made_.end() && made->second.second != kNone && made->second.second <= static_cast<int>(i);
        if (!carried) Fail(way, fmt::format("{} crosses it, but no shard before it makes that", Quote(name)));
      }
    }
  }

  const Manifest& manifest_;
  std::map<std::string, std::pair<const TensorEntry*, int>> made_;  // tensor and maker
  std::set<std::string> files_;
};

Manifest FromJson(const Json& json) {
  const Place root(json, "");
  if (!json.is_object() || !json.contains("format") || json["format"] != kManifestFormat) {
    root.Fail(fmt::format("is not a manifest of shards: it does not say \"format\": \"{}\"", kManifestFormat));
  }
  const int64_t version = root.Key("version").Count(1);
  if (version > kManifestVersion) {
    root.Key("version").Fail(
        fmt::format("is {}; this build reads up to {}: shard the model again", version, kManifestVersion));
  }
  const Place source = root.Key("source");
  Manifest manifest{.source = source.Key("file").Text(), .fingerprint = source.Key("fingerprint").Text()};
  manifest.inputs = root.Key("inputs").List(ParseTensor);
  manifest.outputs = root.Key("outputs").List(ParsePort);
  manifest.cuts = root.Key("cuts").List(ParseCut);
  manifest.shards = root.Key("shards").List(ParseShard);
  Checker(manifest).Check();
  return manifest;
}

}  // namespace

Manifest ParseManifest(std::string_view text, const std::string& name) {
  try {
    return FromJson(Json::parse(text));
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: not JSON: {}", name, OneLine(error.what())));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", name, error.what()));
  }
}

Manifest ReadManifest(const std::filesystem::path& path) {
  return ParseManifest(ReadFile(path, kMaxManifestBytes), path.string());
}

}  // namespace consort
