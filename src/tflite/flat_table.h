// Reading a flatbuffer that may be anything: every offset, size and length is checked where it is followed.
#ifndef CONSORT_TFLITE_FLAT_TABLE_H_
#define CONSORT_TFLITE_FLAT_TABLE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tflite/fields.h"

namespace consort::tflite {

// The bytes of a file, and how much of them may be taken: tables can name one list many times, so that a small file
// would grow to any size. Throws kInvalidModel, begun by `place`, for whatever is not right. One thread at a time.
class FlatBytes {
 public:
  FlatBytes(std::string_view bytes, const std::string& place)
      : bytes_(bytes), place_(place), allowance_(kTimesTaken * bytes.size()) {}

  // The value at an offset; the bytes need not be aligned.
  template <typename T>
  T Read(uint64_t at, const std::string& what) const {
    Require(at + sizeof(T) <= bytes_.size(), what, "lies outside the file");
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(T));
    return value;
  }

  // `count` elements of `width` bytes behind the length that stands at `at`.
  std::string_view Take(uint64_t at, uint64_t width, const std::string& what);
  void Require(bool condition, const std::string& what, const std::string& complaint) const;
  uint64_t size() const { return bytes_.size(); }

 private:
  static constexpr uint64_t kTimesTaken = 16;  // writers share lists; none does so often

  std::string_view bytes_;
  const std::string& place_;
  uint64_t allowance_;
};

// One table in the bytes. A value; the bytes outlive it.
class FlatTable {
 public:
  // The table that the offset at `at` leads to.
  static FlatTable At(FlatBytes& bytes, uint64_t at, std::string what);

  // The field, or `otherwise` where the table leaves it out.
  template <typename T, typename FieldOf>
  T Get(FieldOf field, T otherwise) const {
    const uint64_t at = Find(Slot(field), sizeof(T));
    return at == 0 ? otherwise : bytes_->Read<T>(at, what_);
  }

  // A list of numbers, a text, bytes; empty where it is left out.
  template <typename T, typename FieldOf>
  std::vector<T> List(FieldOf field, const std::string& name) const {
    const std::string_view data = View(field, sizeof(T), name);
    std::vector<T> values(data.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), data.data(), data.size());
    return values;
  }
  template <typename FieldOf>
  std::string Text(FieldOf field, const std::string& name) const {
    return std::string(View(field, 1, name));
  }
  template <typename FieldOf>
  std::string_view View(FieldOf field, uint64_t width, const std::string& name) const {
    const uint64_t at = Follow(Slot(field));
    return at == 0 ? std::string_view() : bytes_->Take(at, width, name + " of " + what_);
  }

  // Tables of a list, each called "<name> <index>"; none where the list is left out.
  template <typename FieldOf>
  std::vector<FlatTable> Tables(FieldOf field, const std::string& name) const {
    return TablesAt(Follow(Slot(field)), name);
  }
  template <typename FieldOf>
  bool Has(FieldOf field) const {
    return Find(Slot(field), sizeof(uint32_t)) != 0;
  }
  template <typename FieldOf>
  FlatTable Table(FieldOf field, const std::string& name) const {
    return At(*bytes_, Find(Slot(field), sizeof(uint32_t)), name + " of " + what_);
  }

  const std::string& what() const { return what_; }

 private:
  FlatTable(FlatBytes& bytes, std::string what) : bytes_(&bytes), what_(std::move(what)) {}
  // Where a field of that width lies; 0: nowhere.
  uint64_t Find(uint16_t slot, uint64_t width) const;
  // Where the offset that the field holds leads to; 0: the field is left out.
  uint64_t Follow(uint16_t slot) const;
  std::vector<FlatTable> TablesAt(uint64_t at, const std::string& name) const;

  FlatBytes* bytes_;
  std::string what_;  // for messages
  uint64_t at_ = 0;
  uint64_t size_ = 0;
  uint64_t slots_at_ = 0;
  uint64_t slots_size_ = 0;
};

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_FLAT_TABLE_H_
