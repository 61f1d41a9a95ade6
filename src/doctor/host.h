// The files of a host that its checks read: those of this machine, or a tree of files made for a test.
#ifndef CONSORT_DOCTOR_HOST_H_
#define CONSORT_DOCTOR_HOST_H_

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace consort {

// Who asks: permissions are judged for this user.
struct HostUser {
  uid_t uid = 0;
  std::vector<gid_t> groups;

  // The user of this process.
  static HostUser Current();
};

// A process that has a file open.
struct Holder {
  int pid = 0;
  std::string command;
};

// Reads below a root folder; paths are given as the host sees them ("/proc/version"). Nothing here throws: what cannot
// be read is absent. Immutable, thread-safe.
class Host {
 public:
  explicit Host(std::filesystem::path root = "/", HostUser user = HostUser::Current());

  bool Exists(const std::string& path) const;
  // The first 64 KiB of a file without surrounding white space.
  std::optional<std::string> Read(const std::string& path) const;
  // Names in a folder, sorted.
  std::vector<std::string> List(const std::string& folder) const;
  // Whether the user may read and write the file.
  bool MayUse(const std::string& path) const;
  // The name of the group that owns the file, or its number; "" without a file.
  std::string GroupOf(const std::string& path) const;
  // Other processes that have the file open, as far as the user may see.
  std::vector<Holder> HoldersOf(const std::string& path) const;

 private:
  std::filesystem::path At(const std::string& path) const;

  std::filesystem::path root_;
  HostUser user_;
};

}  // namespace consort

#endif  // CONSORT_DOCTOR_HOST_H_
