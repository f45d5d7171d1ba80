#include "pyobj/reads_state.hpp"

#include <utility>

#include "pyobj/code_owner.hpp"
#include "pyobj/lookups.hpp"

namespace elastic::pyobj {
namespace {

// Functions, and classes and instances made by Python code: what a module written in C does not define.
bool holds_python_code(PyObject* module_dict) {
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(module_dict, &position, &key, &value);) {
    PyTypeObject* type = PyType_Check(value) ? reinterpret_cast<PyTypeObject*>(value) : Py_TYPE(value);
    if (PyFunction_Check(value) || PyMethod_Check(value) || is_session_type(type)) return true;
  }
  return false;
}

}  // namespace

PyObject* Reads::State::value_of(std::string_view name) const { return dict_get(names, name); }

const Reach& Reads::State::reach_of(const std::string& name, PyObject* value) {
  const auto found = kept.find(name);
  if (found != kept.end()) {
    if (found->second.value == value) return found->second.reach;
    kept.erase(found);
  }
  scratch = Reach{};
  reacher.add(value, scratch);
  if (scratch.visited <= kKeepAbove || reacher.gave_up()) return scratch;
  return kept.emplace(name, KeptReach{value, std::move(scratch)}).first->second.reach;
}

const Reach* Reads::State::glance_at(const std::string& name, PyObject* value) {
  const auto found = kept.find(name);
  if (found != kept.end() && found->second.value == value) return &found->second.reach;
  scratch = Reach{};
  if (!reacher.add(value, scratch, CodeAccount::kGlance)) return nullptr;
  if (scratch.visited <= kKeepAbove) return &scratch;
  return &kept.insert_or_assign(name, KeptReach{value, std::move(scratch)}).first->second.reach;
}

std::optional<Reach> Reads::State::reach_of_large() {
  note_modules(false);
  if (everything_was_reached || uses_own_modules) return std::nullopt;
  return account.outside([this](const std::string& name, PyObject* value) { return glance_at(name, value); });
}

// Modules that were there before the first cell count once a cell uses one. Of those without a file,
// extension modules make some to share their types in; such a one is the user's once there is Python code in
// it.
void Reads::State::note_modules(bool first) {
  PyObject* modules = PyImport_GetModuleDict();
  const auto note = [&](PyObject* module, const std::string& name) {
    PyObject* dict = module != nullptr && PyModule_Check(module) ? PyModule_GetDict(module) : nullptr;
    if (dict == nullptr || dict == names || !is_own_module(module)) return;
    if (PyDict_GetItemString(dict, "__file__") != nullptr || holds_python_code(dict))
      uses_own_modules = true;
    else
      modules_without_code.insert(name);
  };
  for (const std::string& name : std::exchange(modules_without_code, {}))
    note(PyDict_GetItemString(modules, name.c_str()), name);
  const std::uint64_t version = reinterpret_cast<PyDictObject*>(modules)->ma_version_tag;
  if (uses_own_modules || version == modules_version) return;
  modules_version = version;
  PyObject *key = nullptr, *module = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(modules, &position, &key, &module);) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    PyErr_Clear();
    if (name == nullptr || !modules_known.insert(name).second || first) continue;
    note(module, name);
  }
}

void Reads::State::note_access(const Access& access) {
  everything_was_reached = everything_was_reached || !access.everything.empty();
  uses_own_modules = uses_own_modules || !access.module_files.empty();
}

}  // namespace elastic::pyobj
