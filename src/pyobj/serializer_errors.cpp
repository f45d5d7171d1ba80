#include "pyobj/serializer_errors.hpp"

namespace elastic::pyobj {
namespace {

struct Raised {
  Owned type, value;
};

Raised take() {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  Py_XDECREF(traceback);
  return {Owned::steal(type), Owned::steal(value)};
}

bool is(const Raised& raised, PyObject* kind) {
  return raised.type && PyErr_GivenExceptionMatches(raised.type.get(), kind) != 0;
}

// A `str()` of the user's may raise as well.
std::string text_of(Borrowed value) {
  Owned text = Owned::steal(value ? PyObject_Str(value.get()) : nullptr);
  const char* characters = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  std::string result = characters != nullptr ? characters : "";
  PyErr_Clear();
  return result;
}

std::string type_name(const Raised& raised) {
  return raised.type ? reinterpret_cast<PyTypeObject*>(raised.type.get())->tp_name : "unknown error";
}

std::string describe(const Raised& raised) {
  std::string text = text_of(raised.value);
  return text.empty() ? type_name(raised) : type_name(raised) + ": " + text;
}

Owned attribute_of_module(const char* module, const char* name) {
  Owned imported = Owned::steal(PyImport_ImportModule(module));
  Owned found = Owned::steal(imported ? PyObject_GetAttrString(imported.get(), name) : nullptr);
  PyErr_Clear();
  return found;
}

bool is(const Raised& raised, const char* module, const char* name) {
  Owned kind = attribute_of_module(module, name);
  return kind && is(raised, kind.get());
}

std::string path_of(const std::string& name, Borrowed root, Borrowed culprit) {
  Owned finder = attribute_of_module("elasticpython.pickling_culprit", "path_to");
  Owned path;
  if (finder && root && culprit) {
    Owned text = Owned::steal(PyUnicode_FromString(name.c_str()));
    path = Owned::steal(
        PyObject_CallFunctionObjArgs(finder.get(), text.get(), root.get(), culprit.get(), nullptr));
  }
  std::string result = path ? text_of(path) : name;
  PyErr_Clear();
  return result.empty() ? name : result;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  for (std::string_view start : starts)
    if (text.starts_with(start)) return true;
  return false;
}

}  // namespace

Error dump_error(const GilHeld&, const std::string& name, Borrowed root, Borrowed last_seen) {
  Raised raised = take();
  if (is(raised, PyExc_KeyboardInterrupt)) return {ErrorCode::kCancelled, "writing " + name};
  if (is(raised, PyExc_RecursionError)) return {ErrorCode::kLimitExceeded, name + ": nested too deeply"};
  if (is(raised, PyExc_MemoryError)) return {ErrorCode::kLimitExceeded, name + ": out of memory"};
  if (is(raised, "elasticpython.pickling_refusals", "NotSerializable")) {
    Owned culprit = Owned::steal(PyObject_GetAttrString(raised.value.get(), "culprit"));
    PyErr_Clear();
    return {ErrorCode::kNotSerializable, path_of(name, root, culprit) + ": " + text_of(raised.value)};
  }
  const std::string what = text_of(raised.value);
  const std::string path = path_of(name, root, last_seen);
  const std::string kind = last_seen ? last_seen.type()->tp_name : "";
  if (is(raised, "pickle", "PicklingError") ||
      (is(raised, PyExc_TypeError) &&
       starts_with_any(what, {"cannot pickle", "can't pickle", "Cannot pickle"})))
    return {ErrorCode::kNotSerializable, path + ": " + kind + " object: " + what};
  return {ErrorCode::kPythonRaised, path + ": " + kind + " object raised " + describe(raised)};
}

Error load_error(const GilHeld&, const std::string& name) {
  Raised raised = take();
  const std::string message = name + ": " + describe(raised);
  if (is(raised, PyExc_KeyboardInterrupt)) return {ErrorCode::kCancelled, "loading " + name};
  if (is(raised, PyExc_MemoryError)) return {ErrorCode::kLimitExceeded, name + ": out of memory"};
  if (is(raised, "elasticpython.unpickling", "IncompatibleByteCode"))
    return {ErrorCode::kUnsupportedVersion, name + ": " + text_of(raised.value)};
  if (is(raised, "elasticpython.unpickling", "MissingVariable"))
    return {ErrorCode::kNotFound, name + ": " + text_of(raised.value)};
  if (is(raised, "pickle", "UnpicklingError") || is(raised, PyExc_EOFError))
    return {ErrorCode::kCorruption, message};
  return {ErrorCode::kPythonRaised, message};
}

Error internal_error(const GilHeld&, std::string_view doing) {
  Raised raised = take();
  const ErrorCode code =
      is(raised, PyExc_KeyboardInterrupt) ? ErrorCode::kCancelled : ErrorCode::kPythonRaised;
  return {code, std::string(doing) + ": " + describe(raised)};
}

}  // namespace elastic::pyobj
