#include "pyobj/ambient_machine.hpp"

#include <unistd.h>
#include <array>
#include <clocale>

namespace elastic::pyobj {

Owned module_named(const char* name) {
  PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), name);
  if (module == nullptr) PyErr_Clear();
  return Owned::share(Borrowed(module));
}

Owned attribute(const Owned& object, const char* name) {
  return object ? Owned::steal(PyObject_GetAttrString(object.get(), name)) : Owned();
}

Owned call(const Owned& object, const char* method) {
  return object ? Owned::steal(PyObject_CallMethod(object.get(), method, nullptr)) : Owned();
}
Owned call(const Owned& object, const char* method, const Owned& argument) {
  return object && argument ? Owned::steal(PyObject_CallMethod(object.get(), method, "(O)", argument.get()))
                            : Owned();
}

std::string working_directory() {
  std::array<char, 4096> buffer;
  return getcwd(buffer.data(), buffer.size()) != nullptr ? buffer.data() : "";
}
std::string current_locale() {
  const char* text = std::setlocale(LC_ALL, nullptr);
  return text != nullptr ? text : "";
}
Owned text_object(const std::string& text) {
  return Owned::steal(PyUnicode_DecodeFSDefaultAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

namespace {

struct Beginning {
  Owned environment, path;
  std::string directory;
};

Beginning& beginning() {  // of the first session; never freed, since the interpreter may be gone first
  static Beginning* const kept = [] {
    auto* made = new Beginning;
    made->environment = call(attribute(module_named("os"), "environ"), "copy");
    made->path = Owned::steal(PySequence_List(attribute(module_named("sys"), "path").get()));
    made->directory = working_directory();
    PyErr_Clear();
    return made;
  }();
  return *kept;
}

}  // namespace

// {name: value, or None where it was removed}
Owned environment_take(const Owned& module) {
  const Owned& began = beginning().environment;
  const Owned now = call(attribute(module, "environ"), "copy");
  Owned changes = Owned::steal(PyDict_New());
  if (!began || !now || !changes) return {};
  Py_ssize_t position = 0;
  PyObject *name = nullptr, *value = nullptr;
  while (PyDict_Next(now.get(), &position, &name, &value)) {
    PyObject* was = PyDict_GetItemWithError(began.get(), name);
    const int same = was == nullptr ? 0 : PyObject_RichCompareBool(was, value, Py_EQ);
    if (same < 0 || (same == 0 && PyDict_SetItem(changes.get(), name, value) < 0)) return {};
  }
  position = 0;
  while (PyDict_Next(began.get(), &position, &name, &value)) {
    if (PyDict_Contains(now.get(), name) == 0 && PyDict_SetItem(changes.get(), name, Py_None) < 0) return {};
  }
  return changes;
}

Owned environment_put(const Owned& module, const Owned& changes) {
  const Owned environment = attribute(module, "environ");
  const Owned wanted = Owned::steal(PyDict_Copy(beginning().environment.get()));
  if (!environment || !wanted || !PyDict_Check(changes.get())) return {};
  Py_ssize_t position = 0;
  PyObject *name = nullptr, *value = nullptr;
  while (PyDict_Next(changes.get(), &position, &name, &value)) {
    if (value != Py_None) {
      if (PyDict_SetItem(wanted.get(), name, value) < 0) return {};
    } else if (PyDict_Contains(wanted.get(), name) == 1 && PyDict_DelItem(wanted.get(), name) < 0) {
      return {};
    }
  }
  if (!call(environment, "clear")) return {};
  Owned done = call(environment, "update", wanted);
  const Owned time = module_named("time");  // which knows the zone of TZ only when it is told
  if (done && time) return call(time, "tzset");
  return done;
}

// (how many entries it began with, [the entries: a string, or the place of one it began with])
Owned path_take(const Owned& module) {
  const Owned& began = beginning().path;
  const Owned path = attribute(module, "path");
  if (!began || !path || !PyList_Check(path.get())) return {};
  Owned entries = Owned::steal(PyList_New(0));
  for (Py_ssize_t i = 0; entries && i < PyList_GET_SIZE(path.get()); ++i) {
    PyObject* entry = PyList_GET_ITEM(path.get(), i);
    const Py_ssize_t place =
        PySequence_Contains(began.get(), entry) == 1 ? PySequence_Index(began.get(), entry) : Py_ssize_t{-1};
    const Owned kept = place < 0 ? Owned::share(Borrowed(entry)) : Owned::steal(PyLong_FromSsize_t(place));
    if (!kept || PyList_Append(entries.get(), kept.get()) < 0) return {};
  }
  return entries ? Owned::steal(Py_BuildValue("(nO)", PyList_GET_SIZE(began.get()), entries.get())) : Owned();
}

// Entries that this machine began with and the other did not stand behind the last that both have.
Owned path_put(const Owned& module, const Owned& value) {
  const Owned& began = beginning().path;
  const Owned path = attribute(module, "path");
  Py_ssize_t count = 0;
  PyObject* entries = nullptr;
  if (!began || !path || !PyTuple_Check(value.get()) ||
      !PyArg_ParseTuple(value.get(), "nO!", &count, &PyList_Type, &entries))
    return {};
  const Owned wanted = Owned::steal(PyList_New(0));
  Py_ssize_t behind = 0;
  for (Py_ssize_t i = 0; wanted && i < PyList_GET_SIZE(entries); ++i) {
    PyObject* entry = PyList_GET_ITEM(entries, i);
    if (PyLong_Check(entry)) {
      const Py_ssize_t place = PyLong_AsSsize_t(entry);
      if (place < 0 || place >= PyList_GET_SIZE(began.get())) continue;
      entry = PyList_GET_ITEM(began.get(), place);
      behind = PyList_GET_SIZE(wanted.get()) + 1;
    }
    if (PyList_Append(wanted.get(), entry) < 0) return {};
  }
  const Owned more = Owned::steal(PyList_GetSlice(began.get(), count, PyList_GET_SIZE(began.get())));
  if (!wanted || !more || PyList_SetSlice(wanted.get(), behind, behind, more.get()) < 0) return {};
  if (PyList_SetSlice(path.get(), 0, PyList_GET_SIZE(path.get()), wanted.get()) < 0) return {};
  return Owned::share(Borrowed(Py_None));
}

// Below the directory in which the session began, as a path from there.
Owned directory_take(const Owned&) {
  const std::string now = working_directory(), &began = beginning().directory;
  if (now == began) return text_object(".");
  const bool below = began.size() > 1 && now.compare(0, began.size() + 1, began + "/") == 0;
  return text_object(below ? now.substr(began.size() + 1) : now);
}

Owned directory_put(const Owned& module, const Owned& value) {
  const char* text = PyUnicode_Check(value.get()) ? PyUnicode_AsUTF8(value.get()) : nullptr;
  if (text == nullptr) return {};
  return call(module, "chdir", text_object(text[0] == '/' ? text : beginning().directory + "/" + text));
}
Owned locale_put(const Owned&, const Owned& value) {
  const char* text = PyUnicode_Check(value.get()) ? PyUnicode_AsUTF8(value.get()) : nullptr;
  if (text == nullptr || std::setlocale(LC_ALL, text) == nullptr) return {};
  return Owned::share(Borrowed(Py_None));
}

}  // namespace elastic::pyobj
