#include "pyobj/walk/layout.hpp"

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj::walk {

std::string_view ascii_text(PyObject* object) {
  if (!object || !PyUnicode_Check(object) || !is_compact_ascii(object)) return {};
  auto* str = reinterpret_cast<PyASCIIObject*>(object);
  return {reinterpret_cast<const char*>(str + 1), static_cast<std::size_t>(str->length)};
}

namespace {

// Below this going through a dict is faster than making a key to look for.
constexpr Py_ssize_t kManyKeys = 16;

}  // namespace

PyObject* find_text_key(PyObject* dict, std::string_view key) {
  if (!dict) return nullptr;
  auto* layout = reinterpret_cast<PyDictObject*>(dict);
  if (layout->ma_used >= kManyKeys && layout->ma_keys->dk_kind != DICT_KEYS_GENERAL) {  // all exact str
    const Owned text =
        Owned::steal(PyUnicode_FromStringAndSize(key.data(), static_cast<Py_ssize_t>(key.size())));
    if (text) return PyDict_GetItemWithError(dict, text.get());
    PyErr_Clear();
  }
  Py_ssize_t position = 0;
  PyObject *name, *value;
  // PyDict_Next only steps through the entries: it neither hashes nor compares.
  while (PyDict_Next(dict, &position, &name, &value)) {
    if (PyUnicode_CheckExact(name) && ascii_text(name) == key) return value;
  }
  return nullptr;
}

PyObject* loaded_module(std::string_view name) {
  PyObject* modules = PyImport_GetModuleDict();  // borrowed
  if (!modules || !PyDict_CheckExact(modules)) return nullptr;
  PyObject* module = find_text_key(modules, name);
  return module && PyModule_Check(module) ? module : nullptr;
}

PyObject* loaded_attribute(std::string_view module, std::string_view attribute) {
  PyObject* found = loaded_module(module);
  if (!found) return nullptr;
  PyObject* dict = reinterpret_cast<ModuleLayout*>(found)->dict;
  return dict ? find_text_key(dict, attribute) : nullptr;
}

}  // namespace elastic::pyobj::walk
