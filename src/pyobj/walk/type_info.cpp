#include "pyobj/walk/type_info.hpp"

#include <algorithm>

#include "pyobj/walk/numpy_abi.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

// The deallocator of every class made by a class statement; it has no name one could link to.
destructor class_statement_dealloc() {
  static const destructor dealloc = [] {
    PyObject* probe = PyObject_CallFunction(reinterpret_cast<PyObject*>(&PyType_Type), "s(){}", "probe");
    if (!probe) {
      PyErr_Clear();
      return destructor{nullptr};
    }
    const destructor found = reinterpret_cast<PyTypeObject*>(probe)->tp_dealloc;
    Py_DECREF(probe);
    return found;
  }();
  return dealloc;
}

bool has_flag(PyTypeObject* type, unsigned long flag) { return type->tp_flags & flag; }

PyObject* module_of(PyTypeObject* type) { return find_text_key(type->tp_dict, "__module__"); }

// Whether the class adds nothing to its base but slots, a dict and a weak reference list. Its slots are
// appended.
bool explain_layout(PyTypeObject* type, std::vector<Slot>& slots) {
  const PyTypeObject* base = type->tp_base;
  const Py_ssize_t slot_count = Py_SIZE(type);
  Py_ssize_t expected = base->tp_basicsize + static_cast<Py_ssize_t>(sizeof(PyObject*)) * slot_count;
  const Py_ssize_t pointer = sizeof(PyObject*);
  if (type->tp_weaklistoffset && !base->tp_weaklistoffset) expected += pointer;
  if (type->tp_dictoffset > 0 && !base->tp_dictoffset) expected += pointer;
  if (type->tp_dictoffset < 0 && !base->tp_dictoffset && !has_flag(type, Py_TPFLAGS_MANAGED_DICT))
    expected += pointer;
  if (type->tp_basicsize != expected) return false;
  const auto* members =
      reinterpret_cast<PyMemberDef*>(reinterpret_cast<char*>(type) + Py_TYPE(type)->tp_basicsize);
  for (Py_ssize_t i = 0; i < slot_count; ++i) {
    if (members[i].type != T_OBJECT_EX) return false;
    const std::string_view name = members[i].name;
    slots.push_back({bytes_token(name.data(), name.size(), Tag::kStr), members[i].offset});
  }
  return true;
}

bool is_enum_class(PyTypeObject* type) {
  PyObject* meta = loaded_attribute("enum", "EnumType");
  return meta && PyType_Check(meta) && PyType_IsSubtype(Py_TYPE(type), reinterpret_cast<PyTypeObject*>(meta));
}

// An instance that holds nothing but an immutable value, and that nobody is told about when it goes.
bool is_immutable_instance(const TypeInfo& info) {
  if (!info.slots.empty() || info.dict_offset != 0 || info.has_managed_dict || info.type->tp_finalize)
    return false;
  return info.base == Kind::kTuple || info.base == Kind::kFrozenset || info.base == Kind::kAtomValue;
}

Kind kind_as_base(PyTypeObject* base, const TypeInfo& base_info) {
  if (base == &PyBaseObject_Type) return Kind::kObject;
  if (base == &PyLong_Type || base == &PyFloat_Type || base == &PyUnicode_Type || base == &PyBytes_Type ||
      base == &PyComplex_Type) {
    return Kind::kAtomValue;
  }
  return base_info.kind == Kind::kNamed ? Kind::kOpaque : base_info.kind;
}

void drop_hidden_slots(PyTypeObject* type, std::vector<Slot>& slots) {
  const auto* hidden = find_hidden_attributes(type);
  if (!hidden) return;
  std::erase_if(slots, [&](const Slot& slot) {
    return std::any_of(hidden->begin(), hidden->end(), [&](std::string_view name) {
      return bytes_token(name.data(), name.size(), Tag::kStr) == slot.name;
    });
  });
}

void read_python_class(TypeInfo& info) {
  PyTypeObject* base = info.type;
  info.kind = Kind::kInstance;
  info.has_managed_dict = has_flag(info.type, Py_TPFLAGS_MANAGED_DICT);
  info.dict_offset = info.has_managed_dict ? 0 : info.type->tp_dictoffset;
  while (is_python_class(base)) {
    if (!explain_layout(base, info.slots)) {
      info.base = Kind::kOpaque;
      info.base_type = info.type;
      info.show = show_opaque;
      return;
    }
    base = base->tp_base;
  }
  const TypeInfo base_info = make_type_info(base);
  info.base_type = base;
  if (base_info.kind == Kind::kInstance) {  // a C type that is read like an instance, such as defaultdict
    info.base = base_info.base;
    info.slots.insert(info.slots.end(), base_info.slots.begin(), base_info.slots.end());
  } else {
    info.base = kind_as_base(base, base_info);
  }
  info.show = info.base == Kind::kOpaque ? show_opaque : info.base == Kind::kParts ? base_info.show : nullptr;
  info.hidden = find_hidden_attributes(info.type);
  drop_hidden_slots(info.type, info.slots);
  info.immutable = is_immutable_instance(info);
  info.links = !info.immutable && !is_enum_class(info.type);
  info.quiet = base_info.quiet || is_quiet_class(info.type);
}

// C types that are read like instances: an inner builtin, a dict, and references that tp_members lists.
void read_c_instance(TypeInfo& info, const Reading& reading) {
  info.kind = Kind::kInstance;
  info.dict_offset = info.type->tp_dictoffset;
  info.base_type = info.type;
  info.show = reading.show;
  if (reading.show) {
    info.base = Kind::kParts;
  } else if (PyType_IsSubtype(info.type, &PyDict_Type)) {
    info.base = Kind::kDict;
  }
  if (reading.show || !info.type->tp_members) return;
  for (const PyMemberDef* member = info.type->tp_members; member->name; ++member) {
    if (member->type != T_OBJECT && member->type != T_OBJECT_EX) continue;
    const std::string_view name = member->name;
    info.slots.push_back({bytes_token(name.data(), name.size(), Tag::kStr), member->offset});
  }
}

}  // namespace

bool is_python_class(PyTypeObject* type) {
  return has_flag(type, Py_TPFLAGS_HEAPTYPE) && type->tp_dealloc == class_statement_dealloc() &&
         !reinterpret_cast<PyHeapTypeObject*>(type)->ht_module;
}

bool is_session_class(PyTypeObject* type) {
  return has_flag(type, Py_TPFLAGS_HEAPTYPE) && ascii_text(module_of(type)) == "__main__";
}

Token type_name_token(PyTypeObject* type) {
  if (!has_flag(type, Py_TPFLAGS_HEAPTYPE))
    return bytes_token(type->tp_name, std::strlen(type->tp_name), Tag::kNamed);
  Token token = str_token(reinterpret_cast<PyHeapTypeObject*>(type)->ht_qualname);
  PyObject* module = module_of(type);
  absorb(token, module && PyUnicode_Check(module) ? str_token(module) : word_token(0, Tag::kUnset));
  return token;
}

std::string type_display_name(PyTypeObject* type) {
  std::string name(ascii_text(module_of(type)));
  if (has_flag(type, Py_TPFLAGS_HEAPTYPE) && !name.empty()) {
    const std::string_view qualified = ascii_text(reinterpret_cast<PyHeapTypeObject*>(type)->ht_qualname);
    return name.append(".").append(qualified.empty() ? type->tp_name : qualified);
  }
  return type->tp_name;
}

bool may_be_met_again(PyObject* object, const TypeInfo& info) {
  if (Py_REFCNT(object) > 1) return true;
  if (info.weak_list_offset <= 0) return false;
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + info.weak_list_offset) != nullptr;
}

PyObject* instance_dict(PyObject* object, const TypeInfo& info) {
  if (info.has_managed_dict) return managed_dict(object);
  Py_ssize_t offset = info.dict_offset;
  if (offset == 0) return nullptr;
  if (offset < 0) {
    const Py_ssize_t count = reinterpret_cast<PyVarObject*>(object)->ob_size;
    offset += static_cast<Py_ssize_t>(_PyObject_VAR_SIZE(info.type, count < 0 ? -count : count));
  }
  PyObject* dict = *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset);
  return dict && PyDict_Check(dict) ? dict : nullptr;
}

PyDictValues* unshared_values(PyObject* object, const TypeInfo& info) {
  if (!info.has_managed_dict) return nullptr;
  if (PyDictValues* values = inline_values(object)) return values;
  PyObject* dict = managed_dict(object);
  const bool alone = dict && Py_REFCNT(dict) == 1 && as_dict(dict)->ma_keys == cached_keys(info.type);
  return alone ? as_dict(dict)->ma_values : nullptr;
}

bool is_hidden(const TypeInfo& info, PyObject* attribute) {
  const std::string_view name = ascii_text(attribute);
  return std::find(info.hidden->begin(), info.hidden->end(), name) != info.hidden->end();
}

TypeInfo make_type_info(PyTypeObject* type) {
  TypeInfo info;
  info.type = type;
  info.name = type_name_token(type);
  info.session_class = is_session_class(type);
  info.show = show_opaque;
  info.weak_list_offset = type->tp_weaklistoffset;
  if (const Reading* reading = find_reading(type)) {
    info.kind = reading->kind;
    info.show = reading->show;
    info.immutable = reading->immutable;
    info.links = reading->links;
    info.quiet = reading->quiet;
    if (reading->kind == Kind::kInstance) read_c_instance(info, *reading);
  } else if (has_flag(type, Py_TPFLAGS_TYPE_SUBCLASS)) {
    info.kind = Kind::kClass;
    info.show = show_class;
    info.links = false;
  } else if (has_flag(type, Py_TPFLAGS_BASE_EXC_SUBCLASS) && !is_python_class(type)) {
    read_c_instance(info, {Kind::kInstance, show_exception});
  } else if (is_python_class(type)) {
    read_python_class(info);
  } else if (type == ndarray_type()) {
    info.kind = Kind::kArray;
    info.show = nullptr;
  }
  return info;
}

const TypeInfo& TypeCache::look_up(PyTypeObject* type) {
  auto& entry = infos_[type];
  if (!entry) entry = std::make_unique<TypeInfo>(make_type_info(type));
  return *entry;
}

void TypeCache::clear() {
  infos_.clear();
  recent_.fill(nullptr);
}

}  // namespace elastic::pyobj::walk
