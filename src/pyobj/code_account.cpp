#include "pyobj/code_account.hpp"

#include <frameobject.h>

#include <algorithm>

#include "elastic/pyobj/effects.hpp"
#include "elastic/pyobj/reads.hpp"
#include "pyobj/code_owner.hpp"

namespace elastic::pyobj {
namespace {

constexpr std::size_t kCounted = 50000;  // objects; counting them takes a few milliseconds

bool is_code_of(PyObject* object, PyObject* user_namespace) {
  return PyFunction_Check(object) &&
         reinterpret_cast<PyFunctionObject*>(object)->func_globals == user_namespace;
}

struct ReferenceCount {
  PyObject* to;
  Py_ssize_t count = 0;
  static int visit(PyObject* object, void* self) {
    auto* counter = static_cast<ReferenceCount*>(self);
    if (object == counter->to) ++counter->count;
    return 0;
  }
};

// References to the namespace from all code that lives, and from frames, which hold it as their locals too.
Py_ssize_t references_from_code(const GilHeld&, PyObject* user_namespace) {
  const EffectsPaused paused;
  const Owned gc = Owned::steal(PyImport_ImportModule("gc"));
  const Owned objects = gc ? Owned::steal(PyObject_CallMethod(gc.get(), "get_objects", nullptr)) : Owned();
  if (!objects || !PyList_CheckExact(objects.get())) {
    PyErr_Clear();
    return 0;
  }
  ReferenceCount counter{user_namespace};
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects.get()); ++i) {
    PyObject* object = PyList_GET_ITEM(objects.get(), i);
    if (is_code_of(object, user_namespace)) ++counter.count;
    if (PyFrame_Check(object)) Py_TYPE(object)->tp_traverse(object, &ReferenceCount::visit, &counter);
  }
  return counter.count;
}

// Reachable by a weak reference, which no count shows. A class has one from each of its bases.
bool is_weakly_held(PyObject* object) {
  const Py_ssize_t offset = Py_TYPE(object)->tp_weaklistoffset;
  if (offset <= 0) return false;
  auto* first = *reinterpret_cast<PyWeakReference**>(reinterpret_cast<char*>(object) + offset);
  if (first == nullptr) return false;
  PyObject* bases = PyType_Check(object) ? reinterpret_cast<PyTypeObject*>(object)->tp_bases : nullptr;
  const bool from_bases = bases != nullptr && first->wr_next == nullptr && first->wr_callback == nullptr &&
                          Py_REFCNT(first) <= PyTuple_GET_SIZE(bases);
  return !from_bases;
}

// Modules and library classes lead to session code only by references to it, which are not accounted for.
bool can_lead_to_code(PyObject* object) {
  if (PyType_Check(object)) return is_session_type(reinterpret_cast<PyTypeObject*>(object));
  return !PyModule_Check(object) && !PyCFunction_Check(object) && !PyCode_Check(object);
}

bool is_leaf(PyObject* value) {
  return PyUnicode_CheckExact(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value) ||
         PyModule_Check(value);
}

}  // namespace

bool CodeAccount::open(const GilHeld& gil) {
  if (others_) return false;
  others_ = Py_REFCNT(namespace_);
  if (others_ != others_without_code_) *others_ -= references_from_code(gil, namespace_);
  return true;
}

// The small variables that lead to code or classes; false where one holds the namespace itself.
bool CodeAccount::find_roots(const Glance& glance) {
  roots_.clear();
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(namespace_, &position, &key, &value);) {
    if (is_leaf(value)) continue;
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (name == nullptr) {
      PyErr_Clear();
      continue;
    }
    const std::string_view word(name);
    // The shell's and the interpreter's: no code of the session's is in them.
    if (word == "get_ipython" || word == "exit" || word == "quit" || word == "__builtins__") continue;
    if (const auto large = large_.find(key); large != large_.end()) {
      if (large->second == value) continue;
      large_.erase(large);
    }
    const Reach* reach = glance(name, value);
    if (reach == nullptr) {
      large_[key] = value;
    } else if (!reach->everything.empty()) {
      return false;
    } else if (!reach->codes.empty() || !reach->session_code.empty()) {
      roots_.push_back(value);
    }
  }
  return true;
}

// Follows the roots; returns what has references that were not met on the way, and might lead to code.
std::vector<PyObject*> CodeAccount::take_account(Py_ssize_t& accounted, bool& all) {
  // What the last exception left behind runs nothing, but refers to the code it came through.
  for (const char* last : {"last_value", "last_traceback"}) {
    PyObject* left = PySys_GetObject(last);
    if (left != nullptr && left != Py_None) roots_.push_back(left);
  }
  reacher_.count_references(true);
  Reach counted;
  for (PyObject* root : roots_) all = all && reacher_.add(root, counted, kCounted - counted.visited);
  std::vector<PyObject*> open;
  for (const auto& [object, count] : reacher_.references()) {
    if (object == namespace_) {
      accounted += count;
      continue;
    }
    if (is_code_of(object, namespace_)) ++accounted;
    // What is weakly referred to may be in a large value, and go.
    if (PyWeakref_Check(object)) {
      PyObject* callback = reinterpret_cast<PyWeakReference*>(object)->wr_callback;
      if (callback != nullptr) open.push_back(callback);
    }
    all = all && Py_TYPE(object) != &PyContextVar_Type;  // the context holds its value, and contexts share
    if ((Py_REFCNT(object) > count || is_weakly_held(object)) && can_lead_to_code(object))
      open.push_back(object);
  }
  all = all && counted.visited < kCounted;
  reacher_.count_references(false);
  return open;
}

std::optional<Reach> CodeAccount::outside(const Glance& glance) {
  if (!others_ || !find_roots(glance)) return std::nullopt;
  Py_ssize_t accounted = 0;
  bool all = true;
  const std::vector<PyObject*> open = take_account(accounted, all);
  if (!all) return std::nullopt;
  const Py_ssize_t others = Py_REFCNT(namespace_) - accounted;
  if (others > *others_) return std::nullopt;
  others_ = others;
  Reach reach;
  for (PyObject* object : open) reacher_.add(object, reach);
  if (!reach.everything.empty()) return std::nullopt;
  for (Reach::Code& code : reach.codes) code.observed = nullptr;  // nobody knows what in the value holds it
  return reach;
}

}  // namespace elastic::pyobj
