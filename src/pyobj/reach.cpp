#include "pyobj/reach.hpp"

#include <frameobject.h>

#include <algorithm>
#include <cstring>

#include "pyobj/ended_frames.hpp"
#include "pyobj/walk/prefetch.hpp"

namespace elastic::pyobj {
namespace {

constexpr Py_ssize_t kTextBytes = 1 << 16;  // longer strings are data, not something to evaluate
constexpr std::size_t kTexts = 4096;
constexpr Py_ssize_t kSmallContainer = 256;   // strings in larger ones are data too
constexpr Py_ssize_t kPrefetchDistance = 16;  // elements ahead
constexpr int kPlainDepth = 2;
constexpr Py_ssize_t kPlainElements = 16;
constexpr std::size_t kFetchHeader = 16;  // objects ahead on the stack

// The beginning of numpy's array and dtype objects, stable since 1.0 and through 2.x: read in place, since
// going through numpy's own functions could import, allocate or raise.
struct ArrayLayout {
  PyObject_HEAD char* data;
  int dimensions_count;
  Py_ssize_t* dimensions;
  Py_ssize_t* strides;
  PyObject* base;
  PyObject* dtype;
};
struct DtypeLayout {
  PyObject_HEAD PyTypeObject* scalar_type;
  char kind;
};

bool text_equals(PyObject* unicode, const char* text) {
  return unicode != nullptr && PyUnicode_Check(unicode) &&
         PyUnicode_CompareWithASCIIString(unicode, text) == 0;
}

std::string text_of(PyObject* unicode) {
  const char* data = unicode != nullptr && PyUnicode_Check(unicode) ? PyUnicode_AsUTF8(unicode) : nullptr;
  if (data == nullptr) PyErr_Clear();
  return data != nullptr ? data : "";
}

PyObject* dict_get(PyObject* dict, const char* key) {  // borrowed; null without an exception
  PyObject* value = dict != nullptr && PyDict_Check(dict) ? PyDict_GetItemString(dict, key) : nullptr;
  if (value == nullptr) PyErr_Clear();
  return value;
}

bool has_base_named(PyTypeObject* type, const char* name) {
  PyObject* mro = type->tp_mro;
  if (mro == nullptr) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); ++i) {
    const char* base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i))->tp_name;
    if (std::strcmp(base, name) == 0) return true;
  }
  return false;
}

// The module that a function is from, which its wrappers have as well: no text that anybody evaluates.
bool is_home(PyObject* key, PyObject* value) {
  return PyUnicode_CheckExact(value) && text_equals(key, "__module__");
}

// Most of what large containers hold. One comparison each, where kind_of looks in a table.
bool is_plain_leaf(PyTypeObject* type) {
  return type == &PyLong_Type || type == &PyUnicode_Type || type == &PyFloat_Type ||
         type == Py_TYPE(Py_None) || type == &PyBool_Type;
}

// Extension modules make types on the heap too, some in modules without a file (Cython's functions): their
// instances go by C code of their own.
bool is_made_by_class_statement(PyTypeObject* type) {
  static const destructor dealloc = [] {
    const Owned made = Owned::steal(
        PyObject_CallFunction(reinterpret_cast<PyObject*>(&PyType_Type), "s(){}", "elasticpython"));
    if (!made) PyErr_Clear();
    return made ? reinterpret_cast<PyTypeObject*>(made.get())->tp_dealloc : nullptr;
  }();
  return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0 && (dealloc == nullptr || type->tp_dealloc == dealloc);
}

}  // namespace

bool is_this_package(std::string_view module) {
  return module == "elasticpython" || module.starts_with("elasticpython.");
}

bool is_session_type(PyTypeObject* type) {
  if (!is_made_by_class_statement(type)) return false;
  PyObject* module_name = dict_get(type->tp_dict, "__module__");
  if (module_name == nullptr || !PyUnicode_Check(module_name)) return false;
  if (text_equals(module_name, "__main__")) return true;
  PyObject* modules = PyImport_GetModuleDict();
  PyObject* module = PyDict_GetItemWithError(modules, module_name);
  if (module == nullptr) {
    PyErr_Clear();
    return true;  // made by hand, under a name that is no module's
  }
  return PyModule_Check(module) && is_own_module(module);
}

bool is_own_module(PyObject* module) {
  PyObject* dict = PyModule_Check(module) ? PyModule_GetDict(module) : module;
  // This package itself, which tests import from the tree it is built in.
  if (is_this_package(text_of(dict_get(dict, "__name__")))) return false;
  PyObject* file = dict_get(dict, "__file__");
  if (file == nullptr || !PyUnicode_Check(file)) {
    // Built in, frozen, or a namespace package: all have a spec. A module made by hand has none.
    PyObject* spec = dict_get(dict, "__spec__");
    return spec == nullptr || spec == Py_None;
  }
  return !is_library_path(text_of(file));
}

std::shared_ptr<const CodeNames> CodeNamesCache::of(PyObject* code, CodeKind kind) {
  const auto found = entries_.find(code);
  const auto names_of = [](const std::shared_ptr<const Entry>& entry) {
    return std::shared_ptr<const CodeNames>(entry, entry->names.get());
  };
  if (found != entries_.end()) return names_of(found->second);
  if (entries_.size() >= kEntries) entries_.clear();
  auto entry = std::make_shared<const Entry>(Entry{Owned::share(Borrowed(code)), names_in_code(code, kind)});
  return names_of(entries_.emplace(code, std::move(entry)).first->second);
}

enum class Reacher::Kind : std::uint8_t {
  kAtom,
  kText,
  kModule,
  kFunction,
  kBuiltin,
  kType,
  kDict,
  kList,
  kTuple,
  kArray,
  kFrame,
  kContextVariable,
  kCacheLink,
  kWeakref,
  kShell,
  kTraversed,
  kKeeper,
  kClosed
};

void Reacher::everything(const char* why) {
  if (reach_->everything.empty()) reach_->everything = why;
}

Reacher::Kind Reacher::kind_of(PyTypeObject* type) {
  const auto found = kinds_.find(type);
  if (found != kinds_.end()) return found->second;
  const auto classify = [type] {
    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type || type == Py_TYPE(Py_None) ||
        type == &PyBytes_Type || type == &PyComplex_Type || type == &PyByteArray_Type ||
        type == &PyRange_Type) {
      return Kind::kAtom;
    }
    if (type == &PyUnicode_Type) return Kind::kText;
    if (type == &PyDict_Type) return Kind::kDict;
    if (type == &PyList_Type) return Kind::kList;
    if (type == &PyTuple_Type) return Kind::kTuple;
    if (type == &PyFunction_Type) return Kind::kFunction;
    if (PyType_IsSubtype(type, &PyModule_Type)) return Kind::kModule;
    if (PyType_IsSubtype(type, &PyType_Type)) return Kind::kType;
    if (PyType_IsSubtype(type, &PyCFunction_Type)) return Kind::kBuiltin;
    if (type == &PyFrame_Type) return Kind::kFrame;
    if (type == &PyContextVar_Type) return Kind::kContextVariable;
    if (has_base_named(type, "numpy.ndarray")) return Kind::kArray;
    if (has_base_named(type, "InteractiveShell")) return Kind::kShell;
    // Seen from inside, these hold the whole application. Libraries refer to them; what a session does with
    // them goes through attributes that the code scan knows.
    for (const char* application : {"Kernel", "Application", "Comm", "BaseComm", "CommManager"}) {
      if (has_base_named(type, application)) return Kind::kClosed;
    }
    if (PyType_IsSubtype(type, &_PyWeakref_RefType) || type == &_PyWeakref_ProxyType ||
        type == &_PyWeakref_CallableProxyType) {
      return Kind::kWeakref;
    }
    if (is_cache_link(type)) return Kind::kCacheLink;
    if ((type->tp_flags & Py_TPFLAGS_HAVE_GC) == 0) return Kind::kAtom;
    return may_keep_results(type) ? Kind::kKeeper : Kind::kTraversed;
  };
  const Kind kind = classify();
  kinds_.emplace(type, kind);
  return kind;
}

void Reacher::push(PyObject* object) {
  if (object == nullptr || is_plain_leaf(Py_TYPE(object))) return;
  const Kind kind = kind_of(Py_TYPE(object));
  if (kind == Kind::kAtom || kind == Kind::kText || kind == Kind::kClosed) return;
  if (counting_) ++references_[object];
  stack_.push_back(object);
}

// What is reached by another way than a reference (a weak one, a function's module by its name) can be met
// twice though its reference count is one.
void Reacher::push_unreferenced(PyObject* object) {
  if (Py_REFCNT(object) > 1 || !met(object)) push(object);
}

// Whether the object was met before, from now on.
bool Reacher::met(PyObject* object) {
  std::uint32_t root = 0;
  if (!visited_.find(object, root)) {
    visited_.put(object, roots_);
    return false;
  }
  if (shares_ && root != roots_) came_upon_.insert(root);
  note_return(object, root);
  return true;
}

// Whether what is reached through the object counts as reached through something that may keep results.
bool Reacher::is_keeper(PyObject* object, Kind kind) const {
  if (kind == Kind::kFunction) return reinterpret_cast<PyFunctionObject*>(object)->func_globals != namespace_;
  if (kind == Kind::kType) return !is_session_type(reinterpret_cast<PyTypeObject*>(object));
  if (kind == Kind::kArray)
    return std::strcmp(Py_TYPE(object)->tp_name, "numpy.ndarray") != 0 && !is_session_type(Py_TYPE(object));
  return kind == Kind::kKeeper || kind == Kind::kCacheLink;
}

// An array of numbers leads to no code.
bool Reacher::is_plain_array(PyObject* object, Kind kind) const {
  if (kind != Kind::kArray) return false;
  const auto* dtype =
      reinterpret_cast<const DtypeLayout*>(reinterpret_cast<const ArrayLayout*>(object)->dtype);
  return dtype != nullptr && std::strchr("biufcmMSU?", dtype->kind) != nullptr && dtype->kind != 0;
}

int Reacher::visit(PyObject* object, void* self) {
  auto* reacher = static_cast<Reacher*>(self);
  reacher->push(object);
  ++reacher->followed_;
  return reacher->is_over() ? 1 : 0;
}

void Reacher::start() { kinds_.clear(); }

void Reacher::share(bool on) {
  shares_ = on;
  roots_ = 0;
  came_upon_.clear();
  visited_.next_variable();
  types_.clear();
}

bool Reacher::has_entered(PyObject* object) const {
  std::uint32_t ordinal = 0;
  return visited_.find(object, ordinal);
}

void Reacher::count_references(bool on) {
  counting_ = on;
  references_.clear();
  share(on);
}

bool Reacher::add(PyObject* root, Reach& reach, std::size_t limit) {
  reach_ = &reach;
  limit_ = limit == kNoLimit ? kNoLimit : reach.visited + limit;
  followed_ = 0;
  if (!shares_) {
    visited_.next_variable();
    types_.clear();
  }
  take_text(root);
  stack_.clear();
  callbacks_.clear();
  own_globals_.clear();
  splits_ = !shares_ && !counting_;
  const std::size_t codes = reach.codes.size();
  push(root);
  follow();
  enter_keepers(codes);
  const bool all = !is_over();
  ++roots_;
  reach_ = nullptr;
  return all;
}

void Reacher::follow() {
  while (!stack_.empty() && !is_over()) {
    PyObject* object = stack_.back();
    stack_.pop_back();
    // Only what has a second reference can be met twice; the root's own may be the only one.
    fetch_ahead();
    if (Py_REFCNT(object) > 1 && met(object)) continue;
    if (aside_ != nullptr) aside_->push_back(object);
    ++reach_->visited;
    if (object == namespace_ || !take_elements(object)) enter(object, kind_of(Py_TYPE(object)));
  }
}

void Reacher::fetch_ahead() const {
  const std::size_t left = stack_.size();
  if (left < kFetchHeader) return;
  walk::prefetch(stack_[left - kFetchHeader]);
  walk::prefetch_body(stack_[left - kFetchHeader / 2]);
  walk::prefetch_elements(stack_[left - kFetchHeader / 4]);
}

void Reacher::take_text(PyObject* text) {
  if (!PyUnicode_CheckExact(text) || reach_->texts.size() >= kTexts ||
      PyUnicode_GET_LENGTH(text) > kTextBytes)
    return;
  reach_->texts.push_back(text_of(text));
}

void Reacher::take_element(PyObject* object, bool is_small) {
  if (object == nullptr) return;
  if (is_small) take_text(object);
  if (counting_ || !take_plain(object, kPlainDepth)) push(object);
}

// Whether the object is a small builtin container of leaves and of such containers, whose texts are then
// taken. A record leads nowhere, so that nobody needs to remember having met it: looking at it again where it
// is shared costs less than a table of all records.
bool Reacher::take_plain(PyObject* object, int depth) {
  const auto plain = [&](PyObject* element) {
    if (element == nullptr || is_plain_leaf(Py_TYPE(element))) {
      if (element != nullptr) take_text(element);
      return true;
    }
    return depth > 0 && take_plain(element, depth - 1);
  };
  if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) {
    const Py_ssize_t count = Py_SIZE(object);
    PyObject** items = PySequence_Fast_ITEMS(object);
    reach_->visited += static_cast<std::size_t>(std::min(count, kPlainElements));
    return count <= kPlainElements && std::all_of(items, items + count, plain);
  }
  if (!PyDict_CheckExact(object) || object == namespace_ || PyDict_GET_SIZE(object) > kPlainElements)
    return false;
  reach_->visited += static_cast<std::size_t>(PyDict_GET_SIZE(object));
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(object, &position, &key, &value);)
    if (!is_plain_leaf(Py_TYPE(key)) || !(is_home(key, value) || plain(value))) return false;
  return true;
}

// The elements of an exact builtin container; false if it is none. They are most of what a session holds.
bool Reacher::take_elements(PyObject* object) {
  // What is larger than there is room for is not begun.
  const auto count_in = [&](Py_ssize_t count) {
    reach_->visited += static_cast<std::size_t>(count);
    return !is_over();
  };
  const auto take_items = [&](PyObject** items, Py_ssize_t count) {
    if (!count_in(count)) return;
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (i + kPrefetchDistance < count) {
        walk::prefetch(items[i + kPrefetchDistance]);
        if (PyObject* next = items[i + kPrefetchDistance / 2]) walk::prefetch_body(next);
        if (PyObject* next = items[i + kPrefetchDistance / 4]) walk::prefetch_elements(next);
      }
      take_element(items[i], count <= kSmallContainer);
    }
  };
  if (PyList_CheckExact(object)) {
    take_items(reinterpret_cast<PyListObject*>(object)->ob_item, PyList_GET_SIZE(object));
  } else if (PyTuple_CheckExact(object)) {
    take_items(reinterpret_cast<PyTupleObject*>(object)->ob_item, PyTuple_GET_SIZE(object));
  } else if (PyDict_CheckExact(object)) {
    const Py_ssize_t count = PyDict_GET_SIZE(object);
    PyObject *key = nullptr, *value = nullptr;
    const bool fits = count_in(count);
    for (Py_ssize_t position = 0; fits && PyDict_Next(object, &position, &key, &value);) {
      push(key);
      if (!is_home(key, value)) take_element(value, count <= kSmallContainer);
    }
  } else {
    return false;
  }
  return true;
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
  if (!counting_) look_at_end_of(object);
  if (PyObject_IS_GC(object) != 0) {
    type->tp_traverse(object, &Reacher::visit, this);
  }
}

void Reacher::take_code(PyObject* code, const std::string& name) {
  reach_->codes.push_back({name, codes_.of(code, CodeKind::kFunction), observed(code, name)});
}

void Reacher::enter_function(PyObject* function) {
  auto* f = reinterpret_cast<PyFunctionObject*>(function);
  push(f->func_closure);
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
  PyObject* module = module_name != nullptr && PyUnicode_Check(module_name)
                         ? PyDict_GetItemWithError(PyImport_GetModuleDict(), module_name)
                         : nullptr;
  if (module == nullptr) PyErr_Clear();
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
    PyObject* home = name != nullptr && !text_equals(name, "__main__")
                         ? PyDict_GetItemWithError(PyImport_GetModuleDict(), name)
                         : nullptr;
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

void Reacher::enter_object_array(PyObject* array) {
  const auto* layout = reinterpret_cast<const ArrayLayout*>(array);
  push(layout->base);
  const auto* dtype = reinterpret_cast<const DtypeLayout*>(layout->dtype);
  if (dtype == nullptr || dtype->kind != 'O' || layout->data == nullptr) return;
  const int count = layout->dimensions_count;
  Py_ssize_t total = 1;
  for (int d = 0; d < count; ++d) total *= layout->dimensions[d];
  reach_->visited += static_cast<std::size_t>(total);
  if (is_over()) return;
  std::vector<Py_ssize_t> index(static_cast<std::size_t>(count), 0);
  const char* at = layout->data;
  for (Py_ssize_t n = 0; n < total; ++n) {
    PyObject* element = nullptr;
    std::memcpy(&element, at, sizeof element);
    push(element);
    for (int d = count - 1; d >= 0; --d) {
      const auto dimension = static_cast<std::size_t>(d);
      at += layout->strides[d];
      if (++index[dimension] < layout->dimensions[d]) break;
      at -= layout->strides[d] * layout->dimensions[d];
      index[dimension] = 0;
    }
  }
}

}  // namespace elastic::pyobj
