#include "experiment/rows.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/files.h"
#include "base/strings.h"
#include "consort/error.h"

namespace consort::experiment {
namespace {

constexpr int64_t kLargestFile = int64_t{256} << 20;

// Bytes that are no UTF-8, as messages of engines may hold them, become U+FFFD.
std::string Dumped(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string LineOf(const Json& value) { return Dumped(value) + "\n"; }

std::string Quoted(const Json& value) { return value.is_string() ? value.get<std::string>() : Dumped(value); }

void AddDifferences(const std::string& path, const Json& there, const Json& here, std::vector<std::string>& found) {
  if (there == here) return;
  if (!there.is_object() || !here.is_object()) {
    found.push_back(fmt::format("{} is {} there and {} here", path, Quoted(there), Quoted(here)));
    return;
  }
  const std::string prefix = path.empty() ? "" : path + ".";
  for (const auto& [name, value] : here.items()) {
    AddDifferences(prefix + name, there.contains(name) ? there[name] : Json(), value, found);
  }
  for (const auto& [name, value] : there.items()) {
    if (!here.contains(name)) AddDifferences(prefix + name, value, Json(), found);
  }
}

const Json* Find(const Row& row, const std::string& name) {
  const auto found = row.find(name);
  return found == row.end() ? nullptr : &*found;
}

}  // namespace

double NumberOf(const Row& row, const std::string& name) {
  const Json* value = Find(row, name);
  return value != nullptr && value->is_number() ? value->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

double StableNumberOf(const Row& row, const std::string& name) {
  return TextOf(row, "unstable").empty() ? NumberOf(row, name) : std::numeric_limits<double>::quiet_NaN();
}

std::string TextOf(const Row& row, const std::string& name) {
  const Json* value = Find(row, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

bool FlagOf(const Row& row, const std::string& name) {
  const Json* value = Find(row, name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string DescribeDifference(const Json& there, const Json& here) {
  std::vector<std::string> found;
  AddDifferences("", there, here, found);
  return Join(found, "; ");
}

RowFile::RowFile(std::filesystem::path path, const Json& header, bool fresh) : path_(std::move(path)) {
  Open();
  try {
    if (fresh) {
      Restart(header);
    } else {
      Read(header);
    }
  } catch (...) {
    close(file_);
    throw;
  }
}

RowFile::~RowFile() { close(file_); }

void RowFile::Open() {
  std::error_code ignored;
  std::filesystem::create_directories(path_.parent_path(), ignored);
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
  const int why = errno;
  struct stat status = {};
  if (file_ < 0 || fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    if (file_ >= 0) close(file_);
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: cannot be written ({}); give another folder with -o", path_.string(),
                            file_ < 0 ? std::strerror(why) : "no regular file"));
  }
  if (flock(file_, LOCK_EX | LOCK_NB) == 0) return;
  close(file_);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: another process writes it; wait for it, or give another folder with -o", path_.string()));
}

void RowFile::Read(const Json& header) {
  const std::string text = ReadFile(path_, kLargestFile);
  const size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  if (whole == 0) return RestartTorn(text, header);
  std::vector<Json> lines;
  for (const std::string& line : Split(text.substr(0, whole - 1), '\n')) {
    lines.push_back(Json::parse(line, nullptr, false));
    const bool row = lines.size() > 1;
    if (!lines.back().is_object() || (row && TextOf(lines.back(), "cell").empty()))
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}:{}: no line of an experiment's results; --fresh begins anew, -o takes another folder",
                              path_.string(), lines.size()));
  }
  if (lines.front() != Json::parse(LineOf(header)))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: holds results of other settings: {}. --fresh drops them and begins anew; -o takes "
                            "another folder",
                            path_.string(), DescribeDifference(lines.front(), header)));
  rows_.assign(lines.begin() + 1, lines.end());
  if (ftruncate(file_, static_cast<off_t>(whole)) != 0 || lseek(file_, 0, SEEK_END) < 0)
    throw Error(ErrorCode::kInternal, fmt::format("{}: {}", path_.string(), std::strerror(errno)));
}

// Of a run that was killed within the header there is a part of it; anything else is somebody's.
void RowFile::RestartTorn(const std::string& text, const Json& header) {
  if (LineOf(header).starts_with(text)) return Restart(header);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: is no file of an experiment's results; --fresh drops what is there, -o takes another folder",
                          path_.string()));
}

void RowFile::Restart(const Json& header) {
  if (ftruncate(file_, 0) != 0 || lseek(file_, 0, SEEK_SET) < 0)
    throw Error(ErrorCode::kInternal, fmt::format("{}: {}", path_.string(), std::strerror(errno)));
  Write(LineOf(header));
}

void RowFile::Append(const Row& row) {
  const std::string line = LineOf(row);
  Write(line);
  rows_.push_back(Json::parse(line));
}

void RowFile::Write(const std::string& line) {
  for (size_t done = 0; done < line.size();) {
    const ssize_t wrote = write(file_, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0)
      throw Error(ErrorCode::kInternal, fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(errno)));
    done += static_cast<size_t>(wrote);
  }
}

void RowFile::Sync() {
  if (fsync(file_) != 0)
    throw Error(ErrorCode::kInternal, fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(errno)));
}

}  // namespace consort::experiment
