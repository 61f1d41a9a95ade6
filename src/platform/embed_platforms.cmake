# Writes OUTPUT, a source file with the text of every file of FILES (separated by '|'):
#   cmake -D OUTPUT=shipped_files.cc -D "FILES=a.toml|b.toml" -P embed_platforms.cmake
string(REPLACE "|" ";" FILES "${FILES}")
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WLE)
  file(READ "${file}" text)
  if(text MATCHES "\\)platform\"")
    message(FATAL_ERROR "${file} holds the text ')platform\"', which ends a raw string")
  endif()
  string(APPEND entries "    {\"${name}\", R\"platform(${text})platform\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "// Made from platforms/*.toml by embed_platforms.cmake.
#include \"platform/shipped.h\"

namespace consort {
namespace {

constexpr ShippedFile kFiles[] = {
${entries}};

}  // namespace

std::span<const ShippedFile> ShippedFiles() { return kFiles; }

}  // namespace consort
")
