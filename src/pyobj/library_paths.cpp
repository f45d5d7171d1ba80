// Which files are a library's. Beside the standard library's and those in `site-packages`, that is what pip
// has put into another directory (`pip install --target`, as on clusters and hosted notebooks): there is a
// `*.dist-info` beside it whose record names it. A source tree that was installed in place has its
// `*.dist-info` elsewhere, and stays the user's own.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "pyobj/code_owner.hpp"
#include "pyobj/lookups.hpp"

namespace elastic::pyobj {
namespace {

namespace fs = std::filesystem;
using Names = std::unordered_set<std::string>;

// The files and directories that distributions have put directly into `directory`.
Names installed_in(const fs::path& directory) {
  Names names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".dist-info") continue;
    std::ifstream record(entry->path() / "RECORD");
    for (std::string line; std::getline(record, line);)
      if (line.front() != '/' && !line.starts_with(".."))
        names.insert(line.substr(0, line.find_first_of("/,")));
  }
  return names;
}

bool is_installed(const std::string& file) {
  static std::unordered_map<std::string, Names> known;  // guarded by the GIL
  for (fs::path inner = file, outer = inner.parent_path(); outer != inner;
       inner = outer, outer = inner.parent_path()) {
    const auto [found, is_new] = known.try_emplace(outer.string());
    if (is_new) found->second = installed_in(outer);
    if (found->second.contains(inner.filename().string())) return true;
  }
  return false;
}

bool is_in_standard_library(const std::string& path) {
  static const std::string library = [] {
    PyObject* os = dict_get(PyImport_GetModuleDict(), "os");
    const std::string os_path =
        os != nullptr && PyModule_Check(os) ? text_of(dict_get(PyModule_GetDict(os), "__file__")) : "";
    const std::size_t slash = os_path.rfind('/');
    return slash == std::string::npos ? std::string("/usr/lib/python3") : os_path.substr(0, slash + 1);
  }();
  return path.starts_with(library);
}

}  // namespace

bool is_library_path(const std::string& path) {
  if (path.find("site-packages") != std::string::npos || path.find("dist-packages") != std::string::npos)
    return true;
  if (is_in_standard_library(path)) return true;
  if (!path.starts_with('/')) return false;
  static std::unordered_map<std::string, bool> known;  // guarded by the GIL; a path is asked for often
  const auto found = known.find(path);
  return found != known.end() ? found->second : known.emplace(path, is_installed(path)).first->second;
}

}  // namespace elastic::pyobj
