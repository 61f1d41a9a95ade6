// A shared library loaded at run time.
#ifndef CONSORT_BASE_DYNAMIC_LIBRARY_H_
#define CONSORT_BASE_DYNAMIC_LIBRARY_H_

#include <string>
#include <vector>

namespace consort {

// Loads with RTLD_NOW | RTLD_LOCAL: the symbols of one engine never meet those of another. The library stays loaded for the
// rest of the process, since engines leave threads and static objects behind. Immutable; thread-safe.
class DynamicLibrary {
 public:
  // The first candidate that loads, as a path or as a name for the loader's search. Throws kUnsupported with the loader's
  // message for each candidate, begun by `what` ("ONNX Runtime").
  static DynamicLibrary Open(const std::string& what, const std::vector<std::string>& candidates);

  // The file that was loaded, as the loader resolved it.
  const std::string& path() const { return path_; }

  // A function or object of the library; throws kUnsupported when it has no such symbol.
  template <typename T>
  T Symbol(const char* name) const {
    return reinterpret_cast<T>(Find(name, /*required=*/true));
  }
  // As Symbol, but null when there is none.
  template <typename T>
  T OptionalSymbol(const char* name) const {
    return reinterpret_cast<T>(Find(name, /*required=*/false));
  }

 private:
  DynamicLibrary(void* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  void* Find(const char* name, bool required) const;

  void* handle_;
  std::string path_;
};

}  // namespace consort

#endif  // CONSORT_BASE_DYNAMIC_LIBRARY_H_
