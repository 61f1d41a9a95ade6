#include "io/npz.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <memory>

#include "base/strings.h"
#include "consort/error.h"
#include "io/npy.h"

namespace consort {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Member = std::unique_ptr<zip_file_t, Discard>;

[[noreturn]] void Fail(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::kInvalidModel, name + ": " + why);
}

Archive OpenArchive(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) Fail(name, "broken .npz archive: empty");  // libzip takes it for an archive yet to be written
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* archive = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error) : nullptr;
  if (archive) return Archive(archive);
  const std::string why = zip_error_strerror(&error);
  zip_error_fini(&error);
  if (source) zip_source_free(source);
  Fail(name, "broken .npz archive: " + why);
}

// What the archive says about a member, checked against the limits.
zip_stat_t StatMember(zip_t* archive, int64_t index, const NpzLimits& limits, const std::string& name) {
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(archive, index, 0, &stat) != 0)
    Fail(name, "broken .npz archive: " + std::string(zip_strerror(archive)));
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((stat.valid & kNeeded) != kNeeded)
    Fail(name, fmt::format("broken .npz archive: entry {} lacks its sizes", index));
  const std::string member = stat.name;
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) && stat.encryption_method != ZIP_EM_NONE) {
    Fail(name, "member '" + member + "' is encrypted; write the archive without a password");
  }
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    Fail(name, fmt::format("member '{}' uses compression method {}; stored and deflated members can be read", member,
                           stat.comp_method));
  }
  if (!member.ends_with(".npy")) Fail(name, "member '" + member + "' is not a .npy file");
  if (stat.size > static_cast<zip_uint64_t>(limits.ratio_free_bytes) &&
      stat.size / limits.max_ratio > std::max<zip_uint64_t>(stat.comp_size, 1)) {
    Fail(name, fmt::format("member '{}' claims to unpack {} bytes to {}, more than {}:1", member, stat.comp_size,
                           stat.size, limits.max_ratio));
  }
  return stat;
}

// Unpacks a member piece by piece, so that a size that is a lie costs no memory; its checksum is verified at the end.
std::string Unpack(zip_t* archive, const zip_stat_t& stat, const std::string& place) {
  const Member file(zip_fopen_index(archive, stat.index, 0));
  if (!file) Fail(place, zip_strerror(archive));
  std::string content;
  while (true) {
    const size_t done = content.size();
    content.resize(done + kChunkBytes);
    const zip_int64_t count = zip_fread(file.get(), content.data() + done, kChunkBytes);
    if (count < 0) Fail(place, std::string("cannot be unpacked: ") + zip_file_strerror(file.get()));
    content.resize(done + static_cast<size_t>(count));
    if (content.size() > stat.size) Fail(place, "unpacks to more than the size that the archive declares");
    if (count == 0) break;
  }
  if (content.size() < stat.size) Fail(place, "unpacks to less than the size that the archive declares");
  return content;
}

}  // namespace

std::vector<NamedTensor> ParseNpz(std::string_view bytes, const std::string& name, const NpzLimits& limits) {
  const Archive archive = OpenArchive(bytes, name);
  const int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > limits.max_members) Fail(name, fmt::format("holds {} members, more than {}", count, limits.max_members));
  std::vector<zip_stat_t> members;
  uint64_t total = 0;
  for (int64_t index = 0; index < count; ++index) {
    members.push_back(StatMember(archive.get(), index, limits, name));
    const uint64_t room = static_cast<uint64_t>(limits.max_total_bytes) - total;
    if (members.back().size > room) Fail(name, "unpacks to more than " + FormatBytes(limits.max_total_bytes));
    total += members.back().size;
  }
  std::vector<NamedTensor> tensors;
  for (const zip_stat_t& stat : members) {
    const std::string member = stat.name;
    const std::string place = name + ":" + member;
    tensors.push_back({member.substr(0, member.size() - 4), ParseNpy(Unpack(archive.get(), stat, place), place)});
  }
  return tensors;
}

}  // namespace consort
