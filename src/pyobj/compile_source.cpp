#include "pyobj/compile_source.hpp"

#include "elastic/pyobj/effects.hpp"

namespace elastic::pyobj {
namespace {

// An "ignore everything" filter at the head of warnings.filters for a scope. The user's own run of the cell
// shows the warnings; compiling the text a second time must not show them again. No Python code runs in
// between.
class WarningsIgnored {
 public:
  WarningsIgnored() {
    PyObject* warnings = PyDict_GetItemString(PyImport_GetModuleDict(), "warnings");
    if (warnings == nullptr || !PyModule_Check(warnings)) return;
    PyObject* filters = PyDict_GetItemString(PyModule_GetDict(warnings), "filters");
    if (filters == nullptr || !PyList_CheckExact(filters)) return;
    entry_ = Owned::steal(Py_BuildValue("(sOOOi)", "ignore", Py_None, PyExc_Warning, Py_None, 0));
    if (entry_ && PyList_Insert(filters, 0, entry_.get()) == 0) filters_ = Owned::share(Borrowed(filters));
    PyErr_Clear();
  }
  ~WarningsIgnored() {
    if (filters_ && PyList_GET_SIZE(filters_.get()) > 0 &&
        PyList_GET_ITEM(filters_.get(), 0) == entry_.get()) {
      if (PySequence_DelItem(filters_.get(), 0) < 0) PyErr_Clear();
    }
  }
  WarningsIgnored(const WarningsIgnored&) = delete;
  WarningsIgnored& operator=(const WarningsIgnored&) = delete;

 private:
  Owned entry_;
  Owned filters_;
};

}  // namespace

Owned compile_source(const GilHeld& gil, const std::string& source) {
  const PendingError pending(gil);
  const EffectsPaused paused;
  const WarningsIgnored quiet;
  if (source.find('\0') != std::string::npos) return {};  // Python refuses it; C would stop there
  PyCompilerFlags flags{};
  flags.cf_flags = PyCF_ALLOW_TOP_LEVEL_AWAIT | PyCF_SOURCE_IS_UTF8;
  flags.cf_feature_version = PY_MINOR_VERSION;
  PyObject* code = Py_CompileStringExFlags(source.c_str(), "<elasticpython>", Py_file_input, &flags, -1);
  if (code == nullptr) PyErr_Clear();
  return Owned::steal(code);
}

std::string transformed(const GilHeld& gil, const std::string& text, Borrowed transform) {
  if (!transform || transform.get() == Py_None) return text;
  const PendingError pending(gil);
  const EffectsPaused paused;
  const Owned result = Owned::steal(PyObject_CallFunction(transform.get(), "s", text.c_str()));
  const char* data = result && PyUnicode_Check(result.get()) ? PyUnicode_AsUTF8(result.get()) : nullptr;
  if (data == nullptr) {
    PyErr_Clear();
    return text;
  }
  return data;
}

}  // namespace elastic::pyobj
