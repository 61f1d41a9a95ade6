#include "tflite/flat_table.h"

#include <fmt/format.h>

#include "consort/error.h"

namespace consort::tflite {
namespace {

constexpr uint64_t kSizesOfSlots = 4;  // of the list of offsets and of the table, 16 bits each

}  // namespace

void FlatBytes::Require(bool condition, const std::string& what, const std::string& complaint) const {
  if (condition) return;
  throw Error(ErrorCode::kInvalidModel, fmt::format("{}: not a valid .tflite model: {} {}", place_, what, complaint));
}

std::string_view FlatBytes::Take(uint64_t at, uint64_t width, const std::string& what) {
  const uint64_t bytes = Read<uint32_t>(at, what) * width;
  const uint64_t begin = at + sizeof(uint32_t);
  Require(bytes <= bytes_.size() - begin, what, "reaches beyond the end of the file");
  Require(bytes <= allowance_, what, "is named more often than a file of this size can mean");
  allowance_ -= bytes;
  return bytes_.substr(begin, bytes);
}

FlatTable FlatTable::At(FlatBytes& bytes, uint64_t at, std::string what) {
  FlatTable table(bytes, std::move(what));
  table.at_ = at + bytes.Read<uint32_t>(at, table.what_);
  const int64_t slots_at = static_cast<int64_t>(table.at_) - bytes.Read<int32_t>(table.at_, table.what_);
  bytes.Require(slots_at >= 0, table.what_, "has its list of offsets outside the file");
  table.slots_at_ = static_cast<uint64_t>(slots_at);
  table.slots_size_ = bytes.Read<uint16_t>(table.slots_at_, table.what_);
  table.size_ = bytes.Read<uint16_t>(table.slots_at_ + 2, table.what_);
  bytes.Require(table.slots_size_ >= kSizesOfSlots && table.slots_at_ + table.slots_size_ <= bytes.size(), table.what_,
                "has a list of offsets of an impossible size");
  bytes.Require(table.at_ + table.size_ <= bytes.size(), table.what_, "reaches beyond the end of the file");
  return table;
}

uint64_t FlatTable::Find(uint16_t slot, uint64_t width) const {
  if (slot + sizeof(uint16_t) > slots_size_) return 0;
  const uint64_t inside = bytes_->Read<uint16_t>(slots_at_ + slot, what_);
  if (inside == 0) return 0;
  bytes_->Require(inside + width <= size_, what_, "has a field outside itself");
  return at_ + inside;
}

uint64_t FlatTable::Follow(uint16_t slot) const {
  const uint64_t at = Find(slot, sizeof(uint32_t));
  return at == 0 ? 0 : at + bytes_->Read<uint32_t>(at, what_);
}

std::vector<FlatTable> FlatTable::TablesAt(uint64_t at, const std::string& name) const {
  std::vector<FlatTable> tables;
  if (at == 0) return tables;
  const uint64_t count = bytes_->Take(at, sizeof(uint32_t), name + "s of " + what_).size() / sizeof(uint32_t);
  for (uint64_t i = 0; i < count; ++i) {
    tables.push_back(At(*bytes_, at + sizeof(uint32_t) * (i + 1), fmt::format("{} {}", name, i)));
  }
  return tables;
}

}  // namespace consort::tflite
