#include "elastic/pyobj/own_sources.hpp"

#include <unordered_map>

#include "pyobj/code_owner.hpp"

namespace elastic::pyobj {
namespace {

std::unordered_map<std::string, InputFile> loaded;  // by path; guarded by the GIL
std::uint64_t runs = 0;

std::string file_of(const std::string& module) {
  PyObject* found = PyDict_GetItemString(PyImport_GetModuleDict(), module.c_str());
  PyObject* file = found != nullptr && PyModule_Check(found)
                       ? PyDict_GetItemString(PyModule_GetDict(found), "__file__")
                       : nullptr;
  const char* path = file != nullptr && PyUnicode_Check(file) ? PyUnicode_AsUTF8(file) : nullptr;
  if (path == nullptr) PyErr_Clear();
  return path != nullptr ? path : "";
}

}  // namespace

std::optional<SourceRun> note_source_run(const GilHeld& gil, Borrowed code) {
  if (!code || !PyCode_Check(code.get())) return std::nullopt;
  const auto* ran = reinterpret_cast<PyCodeObject*>(code.get());
  if (PyUnicode_CompareWithASCIIString(ran->co_name, "<module>") != 0) return std::nullopt;
  const char* path = PyUnicode_AsUTF8(ran->co_filename);
  if (path == nullptr) PyErr_Clear();
  return path != nullptr ? note_source_run(gil, std::string(path)) : std::nullopt;
}

std::optional<SourceRun> note_source_run(const GilHeld&, const std::string& path) {
  // The names that shells give to cells and to strings are no paths.
  if (!path.starts_with('/') || is_library_path(path)) return std::nullopt;
  SourceRun run{describe_file(path), std::nullopt};
  if (run.now.size_bytes < 0) return std::nullopt;
  const auto [known, is_new] = loaded.emplace(path, run.now);
  if (!is_new && (known->second.digest != run.now.digest || known->second.size_bytes != run.now.size_bytes))
    run.before = known->second;
  known->second = run.now;
  ++runs;
  return run;
}

std::uint64_t sources_run(const GilHeld&) { return runs; }

InputFile source_as_loaded(const GilHeld&, const std::string& path) {
  const auto known = loaded.find(path);
  if (known != loaded.end()) return known->second;
  return loaded.emplace(path, describe_file(path)).first->second;
}

std::string how_source_differs(const GilHeld& gil, const OwnSource& then) {
  const std::string here = file_of(then.module);
  const InputFile now = here.empty() ? describe_file(then.path) : source_as_loaded(gil, here);
  if (now.size_bytes < 0 || (now.size_bytes == then.size_bytes && now.digest == then.digest)) return {};
  return "the source of " + then.module + " (" + now.path + ") is not what the session had loaded";
}

}  // namespace elastic::pyobj
