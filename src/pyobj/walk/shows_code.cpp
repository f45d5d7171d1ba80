// What functions, classes, generators and exceptions hold.
#include <algorithm>
#include <utility>
#include <vector>

#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

// Library code that keeps its own house in order when something dies, often with the address of that as a
// default argument, and nothing of the session's.
bool is_of_library(PyObject* callback) {
  if (!PyFunction_Check(callback)) return false;
  PyObject* globals = reinterpret_cast<PyFunctionObject*>(callback)->func_globals;
  const std::string_view name = ascii_text(find_text_key(globals, "__name__"));
  PyObject* module = name == "__main__" ? nullptr : loaded_module(name);
  return module && reinterpret_cast<ModuleLayout*>(module)->dict == globals;
}

void show_interpreter_frame(_PyInterpreterFrame* frame, Parts& parts) {
  if (!frame->f_code) return;
  parts.child(reinterpret_cast<PyObject*>(frame->f_code));
  parts.word(static_cast<std::uint64_t>(_PyInterpreterFrame_LASTI(frame)));
  // While a frame executes, its stack pointer lives in the interpreter and only the locals can be read.
  const int count = frame->stacktop >= 0 ? frame->stacktop : frame->f_code->co_nlocalsplus;
  for (int i = 0; i < count; ++i) parts.child(frame->localsplus[i]);
  // Of a function's frame this is a copy for whoever asked for it.
  if ((frame->f_code->co_flags & CO_OPTIMIZED) == 0) parts.child(frame->f_locals);
}

// Entries of a class's namespace that the interpreter makes and changes by itself; copyreg leaves
// __slotnames__ in the class of whatever is pickled, thus a checkpoint does.
bool is_class_bookkeeping(std::string_view name) {
  return name == "__dict__" || name == "__weakref__" || name == "__abstractmethods__" ||
         name == "_abc_impl" || name == "__slotnames__";
}

// What `ABCMeta.register` has noted: weak references in a set, which the class's C data begins with.
void show_virtual_subclasses(PyTypeObject* type, Parts& parts) {
  PyObject* data = find_text_key(type->tp_dict, "_abc_impl");
  if (data == nullptr || std::string_view(Py_TYPE(data)->tp_name) != "_abc._abc_data") return;
  auto* registry = field_at<PyObject*>(data, sizeof(PyObject));
  if (registry == nullptr || !PyAnySet_Check(registry)) return;
  std::uint64_t sum = 0;  // in no order
  std::uint64_t count = 0;
  PyObject* reference = nullptr;
  Py_hash_t hash = 0;
  for (Py_ssize_t position = 0; _PySet_NextEntry(registry, &position, &reference, &hash) != 0;) {
    PyObject* subclass = PyWeakref_CheckRef(reference) ? PyWeakref_GET_OBJECT(reference) : Py_None;
    if (!PyType_Check(subclass)) continue;
    sum += type_name_token(reinterpret_cast<PyTypeObject*>(subclass)).a;
    ++count;
  }
  if (count == 0) return;
  parts.word(count);
  parts.word(sum);
}

// What a function that pybind11 makes has for a self: the C++ function and its overloads.
bool is_record_of_pybind(PyObject* self) {
  return PyCapsule_CheckExact(self) ||
         std::string_view(Py_TYPE(self)->tp_name).find("pybind11_detail_function_record") !=
             std::string_view::npos;
}

// The module that has the function under its name, or the class in there; empty where neither has it: it was
// made while the program ran, and may hold anything.
std::string_view owner_in_module(PyObject* function, const PyCFunctionObject* method) {
  const std::string_view module_name = ascii_text(method->m_module), name = method->m_ml->ml_name;
  PyObject* module = module_name.empty() ? nullptr : loaded_module(module_name);
  PyObject* dict = module ? reinterpret_cast<ModuleLayout*>(module)->dict : nullptr;
  if (!dict) return {};
  if (find_text_key(dict, name) == function) return module_name;
  PyObject *key, *value;
  for (Py_ssize_t position = 0; PyDict_Next(dict, &position, &key, &value);) {
    if (!PyType_Check(value)) continue;
    PyObject* held = find_text_key(reinterpret_cast<PyTypeObject*>(value)->tp_dict, name);
    if (held && PyInstanceMethod_Check(held)) held = PyInstanceMethod_GET_FUNCTION(held);
    if (held == function) return ascii_text(key);
  }
  return {};
}

}  // namespace

void show_function(PyObject* object, Parts& parts) {
  auto* function = reinterpret_cast<PyFunctionObject*>(object);
  parts.size(basic_size_bytes(object));
  parts.child(function->func_code);
  parts.child(function->func_name);
  parts.child(function->func_qualname);
  parts.child(function->func_doc);
  parts.child(function->func_defaults);
  parts.child(function->func_kwdefaults);
  parts.child(function->func_closure);
  PyObject* dict = function->func_dict;  // an empty one appears when somebody looks
  parts.child(dict && PyDict_GET_SIZE(dict) > 0 ? dict : nullptr);
  // A tuple (name, value, ...) until __annotations__ is read, a dict from then on: equal content, another
  // stamp.
  PyObject* annotations = function->func_annotations;
  parts.address(reinterpret_cast<std::uint64_t>(annotations));
  if (annotations && PyTuple_CheckExact(annotations)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(annotations); ++i)
      parts.child(PyTuple_GET_ITEM(annotations, i));
  } else if (annotations && PyDict_Check(annotations)) {
    parts.address(as_dict(annotations)->ma_version_tag);
    PyObject *name, *value;
    for (Py_ssize_t position = 0; PyDict_Next(annotations, &position, &name, &value);) {
      parts.child(name);
      parts.child(value);
    }
  }
}

void show_code(PyObject* object, Parts& parts) {
  auto* code = reinterpret_cast<PyCodeObject*>(object);
  parts.size(basic_size_bytes(object));
  if (parts.digests()) {
    // The instructions as compiled: those in place are specialised as the code warms up.
    PyObject* instructions = PyCode_GetCode(code);
    if (instructions) {
      parts.bytes(PyBytes_AS_STRING(instructions), static_cast<std::size_t>(PyBytes_GET_SIZE(instructions)));
      Py_DECREF(instructions);
    } else {
      PyErr_Clear();  // out of memory
      parts.unstable();
    }
  }
  for (const int word :
       {code->co_flags, code->co_argcount, code->co_posonlyargcount, code->co_kwonlyargcount}) {
    parts.word(static_cast<std::uint64_t>(word));
  }
  for (PyObject* part : {code->co_consts, code->co_names, code->co_localsplusnames, code->co_localspluskinds,
                         code->co_exceptiontable, code->co_name, code->co_qualname}) {
    parts.child(part);
  }
}

void show_cell(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  parts.child(PyCell_GET(object));  // null once deleted
}

void show_class(PyObject* object, Parts& parts) {
  auto* type = reinterpret_cast<PyTypeObject*>(object);
  parts.size(basic_size_bytes(object));
  parts.token(type_name_token(type));
  parts.child(type->tp_bases);
  parts.child(reinterpret_cast<PyObject*>(Py_TYPE(object)));
  if (!type->tp_dict) return;
  show_virtual_subclasses(type, parts);
  parts.address(as_dict(type->tp_dict)->ma_version_tag);
  // By name: the order in which members were defined means nothing to Python, and a class that is made again
  // has another one.
  std::vector<std::pair<PyObject*, PyObject*>> members;
  PyObject *name, *value;
  for (Py_ssize_t position = 0; PyDict_Next(type->tp_dict, &position, &name, &value);) {
    if (!is_class_bookkeeping(ascii_text(name))) members.emplace_back(name, value);
  }
  std::stable_sort(members.begin(), members.end(), [](const auto& left, const auto& right) {
    return ascii_text(left.first) < ascii_text(right.first);
  });
  for (const auto& [member, held] : members) {
    parts.child(member);
    parts.child(held);
  }
}

void show_builtin_method(PyObject* object, Parts& parts) {
  auto* method = reinterpret_cast<PyCFunctionObject*>(object);
  parts.text(method->m_ml->ml_name);
  if (method->m_self && is_record_of_pybind(method->m_self)) {
    const std::string_view owner = owner_in_module(object, method);
    if (!owner.empty()) {
      parts.text(ascii_text(method->m_module));
      return parts.text(owner);
    }
  }
  parts.child(method->m_self);
  parts.child(method->m_module && PyUnicode_CheckExact(method->m_module) ? method->m_module : nullptr);
}

void show_method_wrapper(PyObject* object, Parts& parts) {
  auto* wrapper = reinterpret_cast<MethodWrapperLayout*>(object);
  parts.child(wrapper->descriptor);
  parts.child(wrapper->self);
}

void show_property(PyObject* object, Parts& parts) {
  auto* property = reinterpret_cast<PropertyLayout*>(object);
  parts.size(basic_size_bytes(object));
  for (PyObject* part : {property->getter, property->setter, property->deleter, property->doc})
    parts.child(part);
}

void show_generator(PyObject* object, Parts& parts) {
  auto* generator = reinterpret_cast<PyGenObject*>(object);  // coroutines have the same fields
  const PyCodeObject* code = generator->gi_code;
  parts.size(static_cast<std::size_t>(Py_TYPE(object)->tp_basicsize) +
             sizeof(PyObject*) * static_cast<std::size_t>(code->co_nlocalsplus + code->co_stacksize));
  parts.child(generator->gi_qualname);
  parts.word(static_cast<std::uint64_t>(generator->gi_frame_state));
  if (generator->gi_frame_state < FRAME_COMPLETED) {
    show_interpreter_frame(reinterpret_cast<_PyInterpreterFrame*>(generator->gi_iframe), parts);
  }
  if (generator->gi_frame_state == FRAME_EXECUTING) parts.opaque();
}

void show_frame(PyObject* object, Parts& parts) {
  auto* frame = reinterpret_cast<PyFrameObject*>(object);
  parts.size(static_cast<std::size_t>(Py_TYPE(object)->tp_basicsize));
  if (!frame->f_frame) return;
  if (frame->f_frame->owner == FRAME_OWNED_BY_THREAD) parts.opaque();  // running: it changes under our feet
  show_interpreter_frame(frame->f_frame, parts);
  parts.child(frame->f_trace);
}

void show_traceback(PyObject* object, Parts& parts) {
  auto* traceback = reinterpret_cast<PyTracebackObject*>(object);
  parts.size(basic_size_bytes(object));
  parts.word(static_cast<std::uint64_t>(traceback->tb_lasti));
  parts.word(static_cast<std::uint64_t>(traceback->tb_lineno));
  parts.child(reinterpret_cast<PyObject*>(traceback->tb_frame));
  parts.child(reinterpret_cast<PyObject*>(traceback->tb_next));
}

void show_exception(PyObject* object, Parts& parts) {
  auto* exception = reinterpret_cast<PyBaseExceptionObject*>(object);
  for (PyObject* part :
       {exception->args, exception->notes, exception->traceback, exception->context, exception->cause}) {
    parts.child(part);
  }
  show_members(object, parts);  // what OSError, StopIteration and others add
}

// The referent is reached through it, so it is part of what a change can be seen in; null once it is dead.
void show_weak_reference(PyObject* object, Parts& parts) {
  auto* reference = reinterpret_cast<PyWeakReference*>(object);
  PyObject* referent = reference->wr_object;
  parts.size(basic_size_bytes(object));
  parts.child(referent == Py_None || Py_REFCNT(referent) == 0 ? nullptr : referent);
  PyObject* callback = reference->wr_callback;
  if (parts.digests() && callback && is_of_library(callback))
    parts.word(1);
  else
    parts.child(callback);
}

}  // namespace elastic::pyobj::walk
