// How a Reacher goes on from an object of each kind.
#include <Python.h>
#include <frameobject.h>

#include <cstring>

#include "pyobj/code_owner.hpp"
#include "pyobj/ended_frames.hpp"
#include "pyobj/lookups.hpp"
#include "pyobj/reach_kind.hpp"
#include "pyobj/walk/numpy_abi.hpp"
#include "pyobj/ways_to_names.hpp"

namespace elastic::pyobj {
namespace {

// The beginning of numpy's dtype objects, stable since 1.0 and through 2.x: what comes behind it is another
// thing in each (walk/numpy_abi.hpp), and which one is there is not known while numpy is being imported.
struct DtypeLayout {
  PyObject_HEAD PyTypeObject* scalar_type;
  char kind;
};

const DtypeLayout* dtype_of(const walk::ArrayLayout& array) {
  return reinterpret_cast<const DtypeLayout*>(array.dtype);
}

// Every thread has one, which holds the excepthook of its start: a method of IPython's shell.
bool shows_end_of_thread(PyFunctionObject* function) {
  return text_equals(function->func_qualname, "_make_invoke_excepthook.<locals>.invoke_excepthook") &&
         text_equals(dict_get(function->func_globals, "__name__"), "threading");
}

}  // namespace

// An array of numbers leads to no code.
bool Reacher::is_plain_array(PyObject* object, Kind kind) const {
  if (kind != Kind::kArray) return false;
  const DtypeLayout* dtype = dtype_of(*walk::as_array(object));
  return dtype != nullptr && std::strchr("biufcmMSU?", dtype->kind) != nullptr && dtype->kind != 0;
}

void Reacher::enter(PyObject* object, Kind kind) {
  if (set_aside(object, kind)) return;
  PyTypeObject* type = Py_TYPE(object);
  switch (kind) {
    case Kind::kModule:
      if (!counting_) enter_module(object);
      return;
    case Kind::kFunction:
      enter_function(object);
      return;
    case Kind::kType:
      enter_type(reinterpret_cast<PyTypeObject*>(object));
      return;
    case Kind::kShell:
      everything("holds IPython's shell");
      return;
    case Kind::kDict:
      if (object == namespace_) {
        everything("holds the namespace itself");
        return;
      }
      break;
    case Kind::kBuiltin: {
      PyObject* self = PyCFunction_GET_SELF(object);
      const char* name = reinterpret_cast<PyCFunctionObject*>(object)->m_ml->ml_name;
      if (self != nullptr && PyModule_Check(self)) {
        const char* module = PyModule_GetName(self);
        if (module == nullptr) PyErr_Clear();
        const std::string_view home = module != nullptr ? module : "";
        if (home == "builtins" ? is_reaching_word(name) : !reach_through_module(home, name).empty())
          everything(name);
        return;
      }
      push(self);
      return;
    }
    case Kind::kArray:
      enter_object_array(object);
      break;
    case Kind::kFrame:
      if (counting_) break;
      if (passes_over_ended_frames_ && is_ended_frame(object)) return;
      everything("holds a frame");
      return;
    case Kind::kContextVariable: {
      PyObject* value = nullptr;
      if (PyContextVar_Get(object, nullptr, &value) < 0) PyErr_Clear();
      Py_XDECREF(value);  // the context keeps it
      if (value != nullptr) push_unreferenced(value);
      return;
    }
    case Kind::kCacheLink:
      enter_cache_link(object);
      return;
    case Kind::kWeakref:
      if (!counting_) push_unreferenced(PyWeakref_GET_OBJECT(object));
      break;
    default:
      break;
  }
  if (PyCode_Check(object)) return;  // inert until a function holds it
  note_instance_of(type);
  if (!counting_) {
    look_at_end_of(object);
    look_at_rest_of(object);
  }
  if (PyObject_IS_GC(object) != 0) {
    type->tp_traverse(object, &Reacher::visit, this);
  }
}

void Reacher::take_code(PyObject* code, const std::string& name) {
  reach_->codes.push_back({name, codes_.of(code, CodeKind::kFunction), observed(code, name)});
}

void Reacher::enter_function(PyObject* function) {
  auto* f = reinterpret_cast<PyFunctionObject*>(function);
  if (!shows_end_of_thread(f)) push(f->func_closure);
  push(f->func_defaults);
  push(f->func_kwdefaults);
  push(f->func_dict);
  push(f->func_annotations);
  const std::string name = text_of(f->func_qualname);
  if (f->func_globals == namespace_) {
    take_code(f->func_code, name);
    reach_->session_code.push_back(function);
    return;
  }
  PyObject* module_name = dict_get(f->func_globals, "__name__");
  PyObject* module = loaded_module(module_name);
  const bool of_module =
      module != nullptr && PyModule_Check(module) && PyModule_GetDict(module) == f->func_globals;
  if (!of_module || is_own_module(module)) {
    // Its globals are state of the session. They are not our namespace, but frames and __main__ lead there.
    const auto names = codes_.of(f->func_code, CodeKind::kFunction);
    if (!names->everything.empty()) everything(names->everything.c_str());
    if (of_module) {
      push_unreferenced(module);  // after `from it import f` only sys.modules refers to it
    } else if (!met(f->func_globals)) {
      push_globals(f->func_globals);
    }
    return;
  }
  if (const auto why = reach_through_module(text_of(module_name), name); !why.empty())
    everything(why.c_str());
}

void Reacher::enter_type(PyTypeObject* type) {
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0 || !is_new(type)) return;
  if (!is_session_type(type)) {
    if (!counting_) enter_library_type(type);  // what a library's class holds is held by a library
  } else if (counting_) {
    PyTypeObject* metaclass = Py_TYPE(type);
    metaclass->tp_traverse(reinterpret_cast<PyObject*>(type), &Reacher::visit, this);
  } else {
    reach_->session_code.push_back(reinterpret_cast<PyObject*>(type));
    PyObject* name = dict_get(type->tp_dict, "__module__");
    PyObject* home = text_equals(name, "__main__") ? nullptr : loaded_module(name);
    if (home != nullptr && PyModule_Check(home)) note_file(PyModule_GetDict(home));
    if (type->tp_dict != nullptr) {
      Py_ssize_t position = 0;
      PyObject* key = nullptr;
      PyObject* value = nullptr;
      while (PyDict_Next(type->tp_dict, &position, &key, &value)) push(value);
    }
  }
  note_instance_of(Py_TYPE(type));
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 1; mro != nullptr && i < PyTuple_GET_SIZE(mro); ++i) {
    enter_type(reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i)));
  }
}

// A class of a library runs session code only where the session has put some on it.
void Reacher::enter_library_type(PyTypeObject* type) {
  const auto known = clean_types_.find(type);
  if (known != clean_types_.end() && known->second != 0 && known->second == type->tp_version_tag) return;
  const std::size_t before = stack_.size();
  struct Looker {
    Reacher* self;
    static int visit(PyObject* object, void* looker) {
      auto* self = static_cast<Looker*>(looker)->self;
      if (PyFunction_Check(object) &&
          reinterpret_cast<PyFunctionObject*>(object)->func_globals == self->namespace_) {
        self->push(object);
      } else if (PyType_Check(object) && is_session_type(reinterpret_cast<PyTypeObject*>(object))) {
        self->push(object);
      }
      return 0;
    }
  } looker{this};
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (type->tp_dict != nullptr && PyDict_Next(type->tp_dict, &position, &key, &value)) {
    if (PyFunction_Check(value)) {
      Looker::visit(value, &looker);
      continue;
    }
    PyTypeObject* descriptor = Py_TYPE(value);
    const bool inert = descriptor == &PyMethodDescr_Type || descriptor == &PyGetSetDescr_Type ||
                       descriptor == &PyMemberDescr_Type || descriptor == &PyWrapperDescr_Type;
    if (inert || PyObject_IS_GC(value) == 0)
      continue;  // a built-in class has a traverse that must not be called
    if (PyModule_Check(value)) continue;
    descriptor->tp_traverse(value, &Looker::visit, &looker);
  }
  if (stack_.size() == before) clean_types_[type] = type->tp_version_tag;
}

void Reacher::note_instance_of(PyTypeObject* type) {
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0) enter_type(type);
}

bool Reacher::is_new(PyTypeObject* type) {
  const auto [at, added] = types_.emplace(type, roots_);
  if (!added && shares_ && at->second != roots_) came_upon_.insert(at->second);
  if (!added && is_session_type(type)) note_return(reinterpret_cast<PyObject*>(type), at->second);
  return added;
}

void Reacher::enter_module(PyObject* module) {
  PyObject* dict = PyModule_GetDict(module);
  if (dict == namespace_) {
    everything("holds the module __main__");
    return;
  }
  const char* name = PyModule_GetName(module);
  if (name == nullptr) {
    PyErr_Clear();
  } else if (is_reaching_module(name)) {
    reach_->modules.emplace_back(name);
  }
  if (!is_own_module(module)) return;
  note_file(dict);
  own_globals_.push_back(dict);
}

void Reacher::note_file(PyObject* globals) {
  const std::string file = text_of(dict_get(globals, "__file__"));
  if (!file.empty()) reach_->own_files.insert(file);
}

// Every globals dict leads to the builtins; that alone says nothing.
void Reacher::push_globals(PyObject* dict) {
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &position, &key, &value)) {
    if (!text_equals(key, "__builtins__")) push(value);
  }
}

void Reacher::enter_object_array(PyObject* object) {
  const walk::ArrayLayout& array = *walk::as_array(object);
  push(array.base);
  const DtypeLayout* dtype = dtype_of(array);
  if (dtype == nullptr || dtype->kind != 'O' || array.data == nullptr) return;
  reach_->visited += walk::element_count(array);
  if (is_over()) return;
  walk::for_each_element(array, [this](const char* at) {
    PyObject* element = nullptr;
    std::memcpy(&element, at, sizeof element);
    push(element);
  });
}

}  // namespace elastic::pyobj
