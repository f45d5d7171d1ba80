// What no reference of a value that Python tells of leads to, and yet can run or change with it: what happens
// when its objects go, the globals of the user's own modules, and what a functools.lru_cache holds.
#include <cstring>
#include <utility>

#include "pyobj/code_owner.hpp"
#include "pyobj/lookups.hpp"
#include "pyobj/reach.hpp"
#include "pyobj/walk/layout.hpp"

namespace elastic::pyobj {
namespace {

constexpr int kYieldFrom = 2;  // what RESUME says from there on: `yield from`, `await`

// Any name that is imported from a module would count as read with all others, if these did.
bool is_definition(PyObject* object) {
  return PyFunction_Check(object) || PyType_Check(object) || PyModule_Check(object) ||
         PyCFunction_Check(object);
}

// The frame of a generator or coroutine that is half run; null for anything else.
const _PyInterpreterFrame* suspended_frame(PyObject* object) {
  if (!PyGen_Check(object) && !PyCoro_CheckExact(object) && !PyAsyncGen_CheckExact(object)) return nullptr;
  const auto* generator = reinterpret_cast<PyGenObject*>(object);
  if (generator->gi_frame_state != FRAME_SUSPENDED || generator->gi_code == nullptr) return nullptr;
  return reinterpret_cast<const _PyInterpreterFrame*>(generator->gi_iframe);
}

// A `finally`, an `except` or a `with`.
bool has_handlers(const _PyInterpreterFrame* frame) {
  PyObject* handlers = frame->f_code->co_exceptiontable;
  return handlers != nullptr && PyBytes_Check(handlers) && PyBytes_GET_SIZE(handlers) > 0;
}

// Closing it runs more of it.
bool has_more_to_run(PyObject* object) {
  const _PyInterpreterFrame* frame = suspended_frame(object);
  return frame != nullptr && has_handlers(frame);
}

// What is thrown into a generator goes on in a handler, or past what it was waiting for, and not at a RESUME:
// its code does not show that it runs.
bool may_go_on_unseen(const _PyInterpreterFrame* frame) {
  return _Py_OPARG(frame->prev_instr[1]) >= kYieldFrom || has_handlers(frame);
}

// `weakref.finalize` keeps what it is to call in a table of its class.
PyObject* call_of_finalize(PyObject* callback) {
  PyTypeObject* type = Py_TYPE(callback);
  if (std::strcmp(type->tp_name, "finalize") != 0 || type->tp_hash != PyBaseObject_Type.tp_hash)
    return nullptr;
  PyObject* table = PyDict_GetItemString(type->tp_dict, "_registry");
  PyObject* call =
      table != nullptr && PyDict_Check(table) ? PyDict_GetItemWithError(table, callback) : nullptr;
  if (call == nullptr) PyErr_Clear();
  return call;
}

// An entry of a functools.lru_cache, as CPython's Modules/_functoolsmodule.c has it from 3.8 to 3.13. It
// holds what a call returned, and the collector is not told of it.
struct CacheLink {
  PyObject_HEAD;
  PyObject *previous, *next;  // borrowed
  Py_hash_t hash;
  PyObject *key, *result;
};

// `threading` notes every thread in a weak set, which leads from each to all others, the application's too.
bool only_forgets_thread(PyObject* callback) {
  PyObject* defaults = PyFunction_Check(callback) ? PyFunction_GET_DEFAULTS(callback) : nullptr;
  if (defaults == nullptr || PyTuple_GET_SIZE(defaults) != 1) return false;
  PyObject* set = PyTuple_GET_ITEM(defaults, 0);
  PyObject* threads = PyWeakref_Check(set) ? walk::loaded_attribute("threading", "_dangling") : nullptr;
  return threads != nullptr && PyWeakref_GET_OBJECT(set) == threads;
}

}  // namespace

bool runs_session_code_at_end(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  return (type->tp_finalize != nullptr && is_session_type(type)) || has_more_to_run(object);
}

void Reacher::look_at_rest_of(PyObject* generator) {
  const _PyInterpreterFrame* frame = suspended_frame(generator);
  if (frame == nullptr || frame->f_globals != namespace_ || !may_go_on_unseen(frame)) return;
  PyObject* code = reinterpret_cast<PyObject*>(frame->f_code);
  reach_->codes.push_back({text_of(frame->f_code->co_qualname), codes_.of(code, CodeKind::kFunction)});
}

bool Reacher::is_cache_link(PyTypeObject* type) {
  return std::strcmp(type->tp_name, "functools._lru_list_elem") == 0 && type->tp_itemsize == 0 &&
         type->tp_basicsize == static_cast<Py_ssize_t>(sizeof(CacheLink));
}

void Reacher::enter_cache_link(PyObject* link) {
  const auto* entry = reinterpret_cast<const CacheLink*>(link);
  push(entry->key);
  push(entry->result);
}

void Reacher::look_at_end_of(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (!reach_->runs_when_dropped) reach_->runs_when_dropped = runs_session_code_at_end(object);
  if (type->tp_weaklistoffset <= 0) return;
  auto* reference =
      *reinterpret_cast<PyWeakReference**>(reinterpret_cast<char*>(object) + type->tp_weaklistoffset);
  for (; reference != nullptr; reference = reference->wr_next) {
    PyObject* callback = reference->wr_callback;
    if (callback == nullptr || only_forgets_thread(callback)) continue;
    callbacks_.push_back(callback);
    if (PyObject* call = call_of_finalize(callback)) callbacks_.push_back(call);
  }
}

void Reacher::follow_aside() {
  while ((!callbacks_.empty() || !own_globals_.empty()) && !is_over()) {
    const std::size_t codes = reach_->codes.size();
    aside_ = &reach_->on_drop;
    for (PyObject* callback : std::exchange(callbacks_, {})) push(callback);
    follow();
    if (reach_->codes.size() > codes) reach_->runs_when_dropped = true;
    aside_ = &reach_->in_modules;
    for (PyObject* globals : std::exchange(own_globals_, {})) push_globals(globals);
    follow();
  }
  aside_ = nullptr;
  std::erase_if(reach_->in_modules, &is_definition);
}

}  // namespace elastic::pyobj
