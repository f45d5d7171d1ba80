#include "elastic/pyobj/name_table.hpp"

#include <algorithm>
#include <map>

#include "elastic/pyobj/user_names.hpp"
#include "pyobj/lookups.hpp"

namespace elastic::pyobj {
namespace {

bool is_atom(PyObject* value) {
  PyTypeObject* type = Py_TYPE(value);
  if (type == &PyUnicode_Type) return PyUnicode_GET_LENGTH(value) < 4096;
  if (type == &PyBytes_Type) return PyBytes_GET_SIZE(value) < 4096;
  return type == &PyLong_Type || type == &PyFloat_Type || type == &PyComplex_Type;
}

// A function or class that cannot be imported.
bool is_made_in(Borrowed user_namespace, PyObject* value) {
  if (PyFunction_Check(value))
    return reinterpret_cast<PyFunctionObject*>(value)->func_globals == user_namespace.get();
  if (!PyType_Check(value) || !PyType_HasFeature(reinterpret_cast<PyTypeObject*>(value), Py_TPFLAGS_HEAPTYPE))
    return false;
  return text_equals(dict_get(reinterpret_cast<PyTypeObject*>(value)->tp_dict, "__module__"), "__main__");
}

// IPython puts an open() of its own into the namespace; a user's variable of that name is a variable.
bool is_shells_open(std::string_view name, PyObject* value) {
  if (name != "open" || !PyFunction_Check(value)) return false;
  PyObject* globals = reinterpret_cast<PyFunctionObject*>(value)->func_globals;
  return text_of(dict_get(globals, "__name__")).starts_with("IPython");
}

// The name, if the entry of the namespace is a variable of the user's; else empty. A view into the key.
std::string_view variable_name(PyObject* key, PyObject* value) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &size) : nullptr;
  if (text == nullptr) {
    PyErr_Clear();
    return {};
  }
  const std::string_view name(text, static_cast<std::size_t>(size));
  return is_user_name(name) && !is_shells_open(name, value) ? name : std::string_view();
}

}  // namespace

std::uint64_t NameTable::version() const {
#if PY_VERSION_HEX < 0x030C0000
  return reinterpret_cast<PyDictObject*>(namespace_.get())->ma_version_tag;
#else
  return 0;
#endif
}

NameChanges NameTable::changes(const GilHeld&) const {
  NameChanges found;
  if (version_ != 0 && version() == version_) return found;
  std::size_t known = 0, index = 0;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(namespace_.get(), &position, &key, &value); ++index) {
    if (const Slot* slot = unchanged(index, key, value)) {
      known += slot->is_variable;
      continue;
    }
    const std::string_view name = variable_name(key, value);
    if (name.empty()) continue;
    const auto entry = entries_.find(std::string(name));
    if (entry != entries_.end()) ++known;
    if (entry == entries_.end() || entry->second.address != value) found.bound.emplace_back(name);
  }
  if (known != entries_.size()) {
    for (const auto& [name, entry] : entries_) {
      const Owned text =
          Owned::steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
      if (text && PyDict_Contains(namespace_.get(), text.get()) == 0) found.deleted.push_back(name);
    }
    PyErr_Clear();
  }
  std::sort(found.bound.begin(), found.bound.end());
  std::sort(found.deleted.begin(), found.deleted.end());
  return found;
}

void NameTable::update(const GilHeld& gil) {
  const NameChanges found = changes(gil);
  if (version_ != 0 && version() == version_) return;
  version_ = version();
  for (const std::string& name : found.deleted) erase(name);
  for (const std::string& name : found.bound) add(gil, name);
  remember_order();
}

void NameTable::remember_order() {
  std::size_t index = 0;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(namespace_.get(), &position, &key, &value); ++index) {
    if (unchanged(index, key, value) != nullptr) continue;
    if (index == order_.size()) order_.emplace_back();
    order_[index] = {Owned::share(Borrowed(key)), value, !variable_name(key, value).empty()};
  }
  order_.resize(index);
}

void NameTable::add(const GilHeld& gil, const std::string& name) {
  PyObject* object = value(gil, name).get();
  Entry entry{object, is_atom(object) ? Owned::share(Borrowed(object)) : Owned()};
  if (entries_.insert_or_assign(name, std::move(entry)).second) names_.reset();
}

void NameTable::erase(const std::string& name) {
  if (entries_.erase(name) != 0) names_.reset();
}

void NameTable::learn(const GilHeld& gil, const std::string& name) {
  add(gil, name);
  order_.clear();
  version_ = 0;
}

void NameTable::forget(const std::string& name) {
  erase(name);
  order_.clear();
  version_ = 0;
}

std::shared_ptr<const std::vector<std::string>> NameTable::names() const {
  if (names_ == nullptr) {
    std::vector<std::string> all;
    all.reserve(entries_.size());
    for (const auto& [name, entry] : entries_) all.push_back(name);
    std::sort(all.begin(), all.end());
    names_ = std::make_shared<const std::vector<std::string>>(std::move(all));
  }
  return names_;
}

Borrowed NameTable::value(const GilHeld&, const std::string& name) const {
  return Borrowed(dict_get(namespace_.get(), name));
}

std::vector<std::vector<std::string>> NameTable::same_code(const GilHeld&) const {
  std::map<PyObject*, std::vector<std::string>> names;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(namespace_.get(), &position, &key, &value);) {
    const char* name =
        is_made_in(namespace_, value) && PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (name != nullptr && is_user_name(name)) names[value].emplace_back(name);
  }
  PyErr_Clear();
  std::vector<std::vector<std::string>> same;
  for (auto& [object, each] : names) {
    if (each.size() < 2) continue;
    std::sort(each.begin(), each.end());
    same.push_back(std::move(each));
  }
  std::sort(same.begin(), same.end());
  return same;
}

std::vector<WalkTarget> NameTable::targets(const GilHeld& gil, const std::vector<std::string>& names) const {
  std::vector<WalkTarget> targets;
  for (const std::string& name : names) {
    if (const Borrowed object = value(gil, name)) targets.push_back({name, object});
  }
  return targets;
}

}  // namespace elastic::pyobj
