#include "pyobj/reach.hpp"

#include <algorithm>
#include <cstring>

#include "pyobj/code_owner.hpp"
#include "pyobj/lookups.hpp"
#include "pyobj/reach_kind.hpp"
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
constexpr std::size_t kObjectsPerClockRead = 2048;

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

}  // namespace

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
    for (const char* application :
         {"Kernel", "Application", "Comm", "BaseComm", "CommManager", "OutStream"}) {
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
    if (++reach_->visited % kObjectsPerClockRead == 0 && deadline_ != nullptr)
      gave_up_ = gave_up_ || deadline_->has_passed();
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

}  // namespace elastic::pyobj
