#include "io/npy.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxHeaderBytes = 64 << 10;
constexpr int kMaxRank = 64;

// Type strings of the format; bool, int8 and uint8 have no byte order ('|', but '<' is met too).
constexpr std::array<std::pair<std::string_view, DataType>, 13> kTypes = {{{"<f4", DataType::kFloat32},
                                                                           {"<f2", DataType::kFloat16},
                                                                           {"<V2", DataType::kBFloat16},
                                                                           {"<f8", DataType::kFloat64},
                                                                           {"|i1", DataType::kInt8},
                                                                           {"|u1", DataType::kUInt8},
                                                                           {"<i2", DataType::kInt16},
                                                                           {"<u2", DataType::kUInt16},
                                                                           {"<i4", DataType::kInt32},
                                                                           {"<u4", DataType::kUInt32},
                                                                           {"<i8", DataType::kInt64},
                                                                           {"<u8", DataType::kUInt64},
                                                                           {"|b1", DataType::kBool}}};

struct Header {
  DataType dtype = DataType::kUndefined;
  bool fortran_order = false;
  Shape shape;
};

// Reads the header: a Python dictionary literal with the keys descr, fortran_order and shape.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Header Parse() {
    Header header;
    int keys = 0;
    Expect('{');
    while (!Accept('}')) {
      keys |= ParseEntry(header);
      if (!Accept(',') && !Peek('}')) Fail("',' or '}' expected");
    }
    SkipSpace();
    if (at_ != text_.size()) Fail("text after the dictionary");
    if (keys != 7) Fail("descr, fortran_order and shape are required");
    return header;
  }

 private:
  [[noreturn]] void Fail(const std::string& why) const {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: broken .npy header at byte {}: {}", name_, at_, why));
  }

  // Reads one `key: value`; the bit of the key, so that a missing or repeated one shows.
  int ParseEntry(Header& header) {
    const std::string key = ParseString();
    Expect(':');
    if (key == "descr") {
      if (Peek('[')) Unsupported("structured elements");
      header.dtype = ParseType(ParseString());
      return 1;
    }
    if (key == "fortran_order") {
      header.fortran_order = ParseBool();
      return 2;
    }
    if (key != "shape") Fail("unknown key '" + key + "'");
    header.shape = ParseShapeTuple();
    return 4;
  }

  DataType ParseType(std::string descr) const {
    if (descr == "<i1" || descr == "<u1" || descr == "<b1") descr[0] = '|';
    if (descr == "|V2") descr = "<V2";
    for (const auto& [text, dtype] : kTypes) {
      if (descr == text) return dtype;
    }
    if (descr.starts_with('>'))
      Unsupported("big-endian elements; convert them with array.astype('<" + descr.substr(1) + "')");
    Unsupported("elements of type '" + descr + "'");
  }

  [[noreturn]] void Unsupported(const std::string& what) const {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: holds {}, which cannot be a model's input", name_, what));
  }

  Shape ParseShapeTuple() {
    Shape shape;
    Expect('(');
    while (!Accept(')')) {
      shape.push_back(ParseSize());
      if (static_cast<int>(shape.size()) > kMaxRank) Fail("more than 64 axes");
      if (!Accept(',') && !Peek(')')) Fail("',' or ')' expected");
    }
    return shape;
  }

  int64_t ParseSize() {
    SkipSpace();
    const size_t begin = at_;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    const std::optional<int64_t> size = ParseInteger(text_.substr(begin, at_ - begin));
    if (!size) Fail("a size expected");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // written by Python 2
    return *size;
  }

  bool ParseBool() {
    SkipSpace();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    Fail("True or False expected");
  }

  std::string ParseString() {
    SkipSpace();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) Fail("a quoted word expected");
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) Fail("a quote is not closed");
    std::string word(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return word;
  }

  void SkipSpace() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  bool Peek(char c) {
    SkipSpace();
    return at_ < text_.size() && text_[at_] == c;
  }

  bool Accept(char c) {
    if (!Peek(c)) return false;
    ++at_;
    return true;
  }

  void Expect(char c) {
    if (!Accept(c)) Fail(fmt::format("'{}' expected", c));
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

// Splits the file into header text and data.
std::pair<std::string_view, std::string_view> SplitFile(std::string_view bytes, const std::string& name) {
  const auto fail = [&name](const char* why) { throw Error(ErrorCode::kInvalidModel, name + ": " + why); };
  if (!bytes.starts_with(kMagic) || bytes.size() < 10) fail("is not a .npy file, or is cut off in its header");
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) fail("has an unknown .npy version");
  const size_t prefix = version == 1 ? 10 : 12;
  if (bytes.size() < prefix) fail("is cut off in its header");
  size_t header_size = 0;
  for (size_t i = prefix; i-- > 8;) header_size = header_size << 8 | static_cast<unsigned char>(bytes[i]);
  if (header_size > kMaxHeaderBytes) fail("has a .npy header of more than 64 KiB");
  if (bytes.size() - prefix < header_size) fail("is cut off in its header");
  return {bytes.substr(prefix, header_size), bytes.substr(prefix + header_size)};
}

// Copies column-major elements into row-major order: counts through the target's indices, last axis fastest.
void CopyFromFortranOrder(const char* source, char* target, const Shape& shape, size_t width) {
  const size_t rank = shape.size();
  std::array<int64_t, kMaxRank> strides{1};
  std::array<int64_t, kMaxRank> index{};
  for (size_t axis = 1; axis < rank; ++axis) strides[axis] = strides[axis - 1] * shape[axis - 1];
  int64_t offset = 0;
  for (int64_t element = 0, count = ElementCount(shape); element < count; ++element) {
    std::memcpy(target + element * width, source + offset * width, width);
    for (size_t axis = rank; axis-- > 0;) {
      offset += strides[axis];
      if (++index[axis] < shape[axis]) break;
      offset -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

// The tensor's size, where sizes that overflow are the file's fault.
int64_t DataBytes(const TensorSpec& spec, const std::string& name) {
  try {
    return ByteSize(spec);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidModel, name + ": " + error.what());
  }
}

}  // namespace

Buffer ParseNpy(std::string_view bytes, const std::string& name) {
  const auto [text, data] = SplitFile(bytes, name);
  const Header header = HeaderParser(text, name).Parse();
  TensorSpec spec{.dtype = header.dtype, .shape = header.shape};
  const int64_t size = DataBytes(spec, name);
  if (size != static_cast<int64_t>(data.size())) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: holds {} bytes of data where its header ({}) says {}", name,
                                                      data.size(), FormatSpec(spec), size));
  }
  Buffer tensor = Buffer::Allocate(std::move(spec));
  char* target = static_cast<char*>(tensor.data());
  if (header.fortran_order && header.shape.size() > 1) {
    CopyFromFortranOrder(data.data(), target, header.shape, BitWidth(header.dtype) / 8);
  } else if (size > 0) {
    std::memcpy(target, data.data(), data.size());
  }
  return tensor;
}

std::string FormatNpy(const Buffer& tensor) {
  const TensorSpec& spec = tensor.spec();
  std::string_view descr;
  for (const auto& [text, dtype] : kTypes) {
    if (dtype == spec.dtype) descr = text;
  }
  if (descr.empty()) {
    throw Error(ErrorCode::kUnsupported, fmt::format("a .npy file cannot hold {}", ToString(spec.dtype)));
  }
  if (!tensor.space().host_readable()) {
    throw Error(ErrorCode::kUnsupported, "a tensor in device memory must be copied to the host before it is written");
  }
  const char* comma = spec.shape.size() == 1 ? "," : "";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                                   fmt::join(spec.shape, ", "), comma);
  const size_t unpadded = kMagic.size() + 4 + header.size() + 1;
  header.append((64 - unpadded % 64) % 64, ' ').push_back('\n');
  std::string file(kMagic);
  file += {'\x01', '\x00', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  file += header;
  file.append(static_cast<const char*>(tensor.data()), tensor.size_bytes());
  return file;
}

void WriteNpy(const std::filesystem::path& path, const Buffer& tensor) { WriteFile(path, FormatNpy(tensor)); }

}  // namespace consort
