#include "pyobj/ambient_libraries.hpp"

#include "pyobj/ambient_machine.hpp"

namespace elastic::pyobj {

LibrarySettings::LibrarySettings(const GilHeld&)
    : module_(Owned::steal(PyImport_ImportModule("elasticpython.library_settings"))) {
  PyErr_Clear();
}

std::map<std::string, std::string> LibrarySettings::taken() const {
  std::map<std::string, std::string> values;
  const Owned taken = call(module_, "taken");
  Py_ssize_t position = 0;
  PyObject *name = nullptr, *value = nullptr;
  while (taken && PyDict_Check(taken.get()) && PyDict_Next(taken.get(), &position, &name, &value)) {
    const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : nullptr;
    if (text == nullptr || !PyBytes_Check(value)) continue;
    values.emplace(text, std::string(PyBytes_AS_STRING(value), static_cast<std::size_t>(Py_SIZE(value))));
  }
  PyErr_Clear();
  return values;
}

Result<> LibrarySettings::put(const std::string& name, const std::string& value) const {
  const Owned knows =
      module_ ? Owned::steal(PyObject_CallMethod(module_.get(), "knows", "s", name.c_str())) : Owned();
  if (!knows || PyObject_IsTrue(knows.get()) != 1) {
    PyErr_Clear();
    return Error(ErrorCode::kNotFound, name + " is no ambient state");
  }
  const Owned done = Owned::steal(PyObject_CallMethod(module_.get(), "put", "sy#", name.c_str(), value.data(),
                                                      static_cast<Py_ssize_t>(value.size())));
  PyErr_Clear();
  if (!done) return Error(ErrorCode::kPythonRaised, name + " was not accepted");
  return success();
}

}  // namespace elastic::pyobj
