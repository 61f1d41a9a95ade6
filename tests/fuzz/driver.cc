// Runs a fuzz target without libFuzzer: every file of a corpus folder, then mutations of them, the same at every run.
//   fuzz_tensor CORPUS_FOLDER MUTATIONS
// A crash or a sanitizer's report ends the program; the last input is then in $TMPDIR/fuzz-<program>-last.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kMaxBytes = 1 << 16;
constexpr uint64_t kSeed = 1;

// Deterministic on every platform: std::mt19937_64 is laid down, the standard distributions are not.
class Random {
 public:
  size_t Below(size_t limit) { return limit == 0 ? 0 : engine_() % limit; }
  uint8_t Byte() { return static_cast<uint8_t>(engine_()); }

 private:
  std::mt19937_64 engine_{kSeed};
};

std::vector<Bytes> ReadCorpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

// One small change: a bit, a byte, an extreme value, a cut, a repetition, a piece of another file.
void MutateOnce(Bytes& bytes, const std::vector<Bytes>& corpus, Random& random) {
  if (bytes.empty()) bytes.push_back(random.Byte());
  const size_t at = random.Below(bytes.size());
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  const size_t length = 1 + random.Below(std::min<size_t>(bytes.size() - at, 64));
  switch (random.Below(7)) {
    case 0:
      bytes[at] ^= static_cast<uint8_t>(1 << random.Below(8));
      break;
    case 1:
      bytes[at] = random.Byte();
      break;
    case 2:
      std::fill_n(begin, std::min<size_t>(length, 8), random.Below(2) == 0 ? 0xFF : 0x00);
      break;
    case 3:
      bytes.resize(at);
      break;
    case 4:
      bytes.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
      break;
    case 5: {
      const Bytes piece(begin, begin + static_cast<std::ptrdiff_t>(length));
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(random.Below(bytes.size())), piece.begin(), piece.end());
      break;
    }
    default: {
      const Bytes& other = corpus[random.Below(corpus.size())];
      const size_t count = std::min(other.size(), length);
      std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(random.Below(other.size() - count + 1)),
                  std::min(count, bytes.size() - at), begin);
    }
  }
  if (bytes.size() > kMaxBytes) bytes.resize(kMaxBytes);
}

// Runs one input, having left it on disk for whoever looks into a crash.
void RunOne(const Bytes& bytes, const std::filesystem::path& last) {
  std::ofstream(last, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER MUTATIONS\n", argv[0]);
    return 2;
  }
  const std::vector<Bytes> corpus = ReadCorpus(argv[1]);
  const long mutations = std::strtol(argv[2], nullptr, 10);
  const std::filesystem::path last =
      std::filesystem::temp_directory_path() / ("fuzz-" + std::filesystem::path(argv[0]).filename().string() + "-last");
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no file in it\n", argv[1]);
    return 2;
  }
  for (const Bytes& bytes : corpus) RunOne(bytes, last);
  Random random;
  for (long i = 0; i < mutations; ++i) {
    Bytes bytes = corpus[random.Below(corpus.size())];
    for (size_t changes = 1 + random.Below(6); changes > 0; --changes) MutateOnce(bytes, corpus, random);
    RunOne(bytes, last);
  }
  std::filesystem::remove(last);
  std::printf("%zu files and %ld mutations\n", corpus.size(), mutations);
  return 0;
}
