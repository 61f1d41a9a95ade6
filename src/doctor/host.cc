#include "doctor/host.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>

#include "base/strings.h"

namespace consort {
namespace {

constexpr size_t kMaxReadBytes = 64 << 10;

std::string Trim(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

HostUser HostUser::Current() {
  HostUser user{geteuid(), {getegid()}};
  std::array<gid_t, 1024> groups;
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  for (int i = 0; i < count; ++i) user.groups.push_back(groups[i]);
  return user;
}

Host::Host(std::filesystem::path root, HostUser user) : root_(std::move(root)), user_(std::move(user)) {}

std::filesystem::path Host::At(const std::string& path) const {
  return root_ / path.substr(path.find_first_not_of('/'));
}

bool Host::Exists(const std::string& path) const {
  std::error_code ignored;
  return std::filesystem::exists(At(path), ignored);
}

std::optional<std::string> Host::Read(const std::string& path) const {
  std::ifstream file(At(path), std::ios::binary);
  if (!file) return std::nullopt;
  std::string content(kMaxReadBytes, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad() || (file.gcount() == 0 && !file.eof())) return std::nullopt;
  content.resize(static_cast<size_t>(file.gcount()));
  return Trim(content);
}

std::vector<std::string> Host::List(const std::string& folder) const {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(At(folder), error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Host::MayUse(const std::string& path) const {
  struct stat info;
  if (stat(At(path).c_str(), &info) != 0) return false;
  if (user_.uid == 0) return true;
  if (user_.uid == info.st_uid) return (info.st_mode & 0600) == 0600;
  const bool in_group = std::find(user_.groups.begin(), user_.groups.end(), info.st_gid) != user_.groups.end();
  return in_group ? (info.st_mode & 0060) == 0060 : (info.st_mode & 0006) == 0006;
}

std::string Host::GroupOf(const std::string& path) const {
  struct stat info;
  if (stat(At(path).c_str(), &info) != 0) return "";
  struct group entry;
  struct group* found = nullptr;
  std::array<char, 16384> text;
  getgrgid_r(info.st_gid, &entry, text.data(), text.size(), &found);
  return found ? found->gr_name : std::to_string(info.st_gid);
}

std::vector<Holder> Host::HoldersOf(const std::string& path) const {
  std::vector<Holder> holders;
  for (const std::string& name : List("/proc")) {
    const std::optional<int64_t> pid = ParseInteger(name);
    if (!pid || *pid == getpid()) continue;
    const std::string process = "/proc/" + name;
    for (const std::string& fd : List(process + "/fd")) {
      std::error_code error;
      if (std::filesystem::read_symlink(At(process + "/fd/" + fd), error) != path || error) continue;
      holders.push_back({static_cast<int>(*pid), Read(process + "/comm").value_or("?")});
      break;
    }
  }
  return holders;
}

}  // namespace consort
