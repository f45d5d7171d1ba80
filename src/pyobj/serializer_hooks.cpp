#include "pyobj/serializer_hooks.hpp"

#include <cmath>

#include "pyobj/code_owner.hpp"
#include "pyobj/lookups.hpp"

namespace elastic::pyobj {
namespace {

struct HooksObject {
  PyObject_HEAD Hooks* hooks;
};

Hooks* of(PyObject* self) { return reinterpret_cast<HooksObject*>(self)->hooks; }

PyObject* call_persistent_id(PyObject* self, PyObject* object) { return of(self)->persistent_id(object); }
PyObject* call_reducer_override(PyObject* self, PyObject* object) {
  return of(self)->reducer_override(object);
}
PyObject* call_buffer_callback(PyObject* self, PyObject* buffer) { return of(self)->buffer_callback(buffer); }
PyObject* call_write(PyObject* self, PyObject* bytes) { return of(self)->write(bytes); }

// Where an exporter's memory begins: how the offset of a view into it is found.
PyObject* call_buffer_address(PyObject*, PyObject* object) {
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_FULL_RO) < 0) return nullptr;
  PyObject* address = PyLong_FromVoidPtr(view.buf);
  PyBuffer_Release(&view);
  return address;
}

// The object behind a weak proxy, which Python code cannot name without calling into it.
PyObject* call_weak_referent(PyObject*, PyObject* reference) {
  PyObject* referent = PyWeakref_GetObject(reference);
  return referent != nullptr ? Py_NewRef(referent) : nullptr;
}

PyMethodDef methods[] = {
    {"persistent_id", call_persistent_id, METH_O, "The reference that stands for an object, or None."},
    {"reducer_override", call_reducer_override, METH_O, "How an object is reduced, or NotImplemented."},
    {"buffer_callback", call_buffer_callback, METH_O, "Takes a buffer out of band: None; True leaves it in."},
    {"write", call_write, METH_O, "Takes a piece of the pickle."},
    {"buffer_address", call_buffer_address, METH_O, "Where an exporter's memory begins."},
    {"weak_referent", call_weak_referent, METH_O, "The object of a weak reference or proxy, or None."},
    {nullptr, nullptr, 0, nullptr}};

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyType_Slot slots[] = {
    {Py_tp_methods, methods}, {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)}, {0, nullptr}};
PyType_Spec spec = {"elasticpython._core.serializer.Hooks", sizeof(HooksObject), 0, Py_TPFLAGS_DEFAULT,
                    slots};

// As elasticpython.pickling_process decides it, but for what it takes a longer look to tell.
bool may_be_marker(PyObject* text) {
  if (!PyUnicode_IS_COMPACT_ASCII(text)) return false;
  const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
  if (length <= 4 || length > 64) return false;
  const auto* characters = static_cast<const unsigned char*>(PyUnicode_DATA(text));
  const unsigned char first = characters[0], last = characters[length - 1];
  return !Py_ISALNUM(first) && (first == last || (first == '<' && last == '>'));
}

// What has a reducer is referred to by that, once a group; only what has none needs a look here.
bool may_be_persistent(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (type == &PyFloat_Type) return std::isnan(PyFloat_AS_DOUBLE(object));
  if (type == &PyUnicode_Type) return may_be_marker(object);
  return type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type || type == &PySet_Type ||
         type == &PyFrozenSet_Type || type == &PyByteArray_Type;
}

// Whether what calls itself of this module is of the session or of the user's modules. In doubt it is.
bool is_of_own_module(PyObject* name) {
  PyObject* module = loaded_module(name);
  return module == nullptr || !PyModule_Check(module) || text_equals(name, "__main__") ||
         is_own_module(module);
}

bool is_own_code(PyObject* object) {
  if (PyFunction_Check(object))
    return is_of_own_module(reinterpret_cast<PyFunctionObject*>(object)->func_module);
  if (PyModule_Check(object)) return is_own_module(object);
  if (!PyType_Check(object)) return false;
  auto* type = reinterpret_cast<PyTypeObject*>(object);
  return PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) &&
         is_of_own_module(PyDict_GetItemString(type->tp_dict, "__module__"));
}

// What `copyreg.pickle` was told of a type.
bool has_own_reducer(PyObject* type) {
  const Owned copyreg = Owned::steal(PyImport_ImportModule("copyreg"));
  const Owned table =
      Owned::steal(copyreg ? PyObject_GetAttrString(copyreg.get(), "dispatch_table") : nullptr);
  PyObject* const reducer =
      table && PyDict_Check(table.get()) ? PyDict_GetItemWithError(table.get(), type) : nullptr;
  PyErr_Clear();
  return reducer != nullptr && is_own_code(reducer);
}

// Asking for signals costs about as much as pickling an integer.
constexpr unsigned kObjectsBetweenChecks = 1024;
// On another thread signals are the main thread's to see, which needs the GIL for it.
constexpr unsigned kObjectsBetweenTurns = 32 * kObjectsBetweenChecks;

}  // namespace

std::unique_ptr<Hooks> Hooks::create(const GilHeld&, std::size_t out_of_band_min_bytes) {
  Owned type = Owned::steal(PyType_FromSpec(&spec));
  if (!type) return nullptr;
  auto* self = PyObject_New(HooksObject, reinterpret_cast<PyTypeObject*>(type.get()));
  if (self == nullptr) return nullptr;
  auto hooks = std::make_unique<Hooks>();
  self->hooks = hooks.get();
  hooks->object_ = Owned::steal(reinterpret_cast<PyObject*>(self));
  hooks->out_of_band_min_bytes_ = out_of_band_min_bytes;
  hooks->reduce_ex_ = Owned::steal(PyUnicode_InternFromString("__reduce_ex__"));
  hooks->protocol_ = Owned::steal(PyLong_FromLong(5));
  return hooks->reduce_ex_ && hooks->protocol_ ? std::move(hooks) : nullptr;
}

bool Hooks::adopt(const GilHeld&, Borrowed context) {
  context_ = Owned::share(context);
  auto fill = [&](const char* method, std::unordered_map<PyObject*, Reference>& table) {
    Owned entries = Owned::steal(PyObject_CallMethod(context.get(), method, nullptr));
    if (!entries) return false;
    PyObject* key = nullptr;
    PyObject* value = nullptr;
    for (Py_ssize_t position = 0; PyDict_Next(entries.get(), &position, &key, &value);) {
      PyObject* variable = PyTuple_GetItem(value, 0);  // (variable or "", what the hook answers)
      PyObject* answer = PyTuple_GetItem(value, 1);
      void* object = PyLong_AsVoidPtr(key);
      if (variable == nullptr || answer == nullptr || object == nullptr) return false;
      table.insert_or_assign(static_cast<PyObject*>(object),
                             Reference{text_of(variable), Owned::share(Borrowed(answer))});
    }
    return true;
  };
  return fill("persistent_ids", persistent_) && fill("variable_reductions", variables_);
}

void Hooks::start_group(const std::vector<std::string>& names) {
  group_ = {names.begin(), names.end()};
  context_knows_group_ = false;
  met_own_code_ = false;
  ++group_number_;
  forget_group();
}

void Hooks::forget_group() {
  pickle_.clear();
  buffers_.clear();
  used_.clear();
  modules_.clear();
  last_ = Owned();
}

bool Hooks::stop_asked() {
  if (++seen_ % kObjectsBetweenChecks != 0) return false;
  if (on_other_thread && seen_ % kObjectsBetweenTurns == 0) GilReleased turn(GilHeld::assume());
  if (cancelled) PyErr_SetNone(PyExc_KeyboardInterrupt);
  return cancelled || PyErr_CheckSignals() < 0;
}

PyObject* Hooks::persistent_id(PyObject* object) {
  if (stop_asked()) return nullptr;
  if (!may_be_persistent(object)) Py_RETURN_NONE;
  auto found = persistent_.find(object);
  if (found == persistent_.end()) Py_RETURN_NONE;
  const Reference& reference = found->second;
  if (!reference.variable.empty()) {
    if (group_.contains(reference.variable)) Py_RETURN_NONE;
    used_.insert(reference.variable);
  }
  return Py_NewRef(reference.answer.get());
}

bool Hooks::tell_context() {
  const Owned names = list_of({group_.begin(), group_.end()});
  const Owned told =
      Owned::steal(names ? PyObject_CallMethod(context_.get(), "start_group", "O", names.get()) : nullptr);
  context_knows_group_ = static_cast<bool>(told);
  return context_knows_group_;
}

PyObject* Hooks::reducer_override(PyObject* object) {
  if (!context_knows_group_ && !tell_context()) return nullptr;
  last_ = Owned::share(Borrowed(object));
  auto variable = variables_.find(object);
  if (variable != variables_.end() && !group_.contains(variable->second.variable)) {
    if (!variable->second.variable.empty()) used_.insert(variable->second.variable);
    return Py_NewRef(variable->second.answer.get());
  }
  Reducer* reducer = reducer_of(Py_TYPE(object));
  if (reducer == nullptr) return nullptr;
  met_own_code_ = met_own_code_ || reducer->own || is_own_code(object);
  if (reducer->callable.get() == Py_NotImplemented) Py_RETURN_NOTIMPLEMENTED;
  // What the pickler would do next, without its look into the dispatch table, which raises a KeyError an
  // object.
  if (reducer->callable.get() == Py_None)
    return adopting(PyObject_CallMethodOneArg(object, reduce_ex_.get(), protocol_.get()), object);
  return adopting(PyObject_CallFunctionObjArgs(reducer->callable.get(), context_.get(), object, nullptr),
                  object);
}

PyObject* Hooks::adopting(PyObject* reduction, PyObject* object) {
  if (reduction == nullptr || !PyTuple_CheckExact(reduction) || PyTuple_GET_SIZE(reduction) < 3)
    return reduction;
  PyObject* state = PyTuple_GET_ITEM(reduction, 2);
  const bool with_slots = PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2;
  PyObject* attributes = with_slots ? PyTuple_GET_ITEM(state, 0) : state;
  // Held by the object and by the reduction; a third holder may look at it, or write into it.
  if (!PyDict_CheckExact(attributes) || Py_REFCNT(attributes) <= 2) return reduction;
  const Owned plain = Owned::steal(reduction);
  return PyObject_CallMethod(context_.get(), "share_attributes", "OO", object, reduction);
}

Hooks::Reducer* Hooks::reducer_of(PyTypeObject* type) {
  auto found = reducers_.find(type);
  if (found == reducers_.end()) {
    PyObject* as_object = reinterpret_cast<PyObject*>(type);
    Owned callable = Owned::steal(PyObject_CallMethod(context_.get(), "reducer_for", "O", as_object));
    if (!callable) return nullptr;
    Owned module = Owned::steal(PyObject_GetAttrString(as_object, "__module__"));
    std::string name = text_of(module.get());
    PyErr_Clear();
    Reducer reducer{Owned::share(Borrowed(as_object)), std::move(callable), name.substr(0, name.find('.')),
                    is_own_code(as_object) || has_own_reducer(as_object), 0};
    found = reducers_.emplace(type, std::move(reducer)).first;
  }
  Reducer& reducer = found->second;
  if (reducer.group != group_number_) {
    reducer.group = group_number_;
    modules_.insert(reducer.module);
  }
  return &reducer;
}

PyObject* Hooks::buffer_callback(PyObject* buffer) {
  Py_buffer view;
  if (PyObject_GetBuffer(buffer, &view, PyBUF_FULL_RO) < 0) return nullptr;
  PinnedBuffer pinned(view);
  if (pinned.bytes().size() < out_of_band_min_bytes_) Py_RETURN_TRUE;
  buffers_.push_back(std::move(pinned));
  Py_RETURN_NONE;
}

PyObject* Hooks::write(PyObject* bytes) {
  Py_buffer view;
  if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0) return nullptr;
  const Py_ssize_t size = view.len;
  pickle_.emplace_back(view);
  return PyLong_FromSsize_t(size);
}

}  // namespace elastic::pyobj
