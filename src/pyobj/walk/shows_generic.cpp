#include "pyobj/walk/c_attributes.hpp"
#include "pyobj/walk/numpy_abi.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

constexpr auto kHeaderSize = sizeof(PyObject);

struct Collector {
  PyObject* type;
  PyObject* unused;  // an empty dict for attributes, which appears once somebody looks for one
  Parts* parts;
};

PyObject* unused_dict(PyObject* object) {
  const Py_ssize_t offset = Py_TYPE(object)->tp_dictoffset;
  if (offset <= 0) return nullptr;
  auto* dict = field_at<PyObject*>(object, static_cast<std::size_t>(offset));
  return dict && PyDict_CheckExact(dict) && PyDict_GET_SIZE(dict) == 0 && Py_REFCNT(dict) == 1 ? dict
                                                                                               : nullptr;
}

// C code that the garbage collector calls at any time: it may not run Python code.
int collect(PyObject* referent, void* argument) {
  auto* collector = static_cast<Collector*>(argument);
  if (referent && referent != collector->type && referent != collector->unused)
    collector->parts->child(referent);
  return 0;
}

}  // namespace

void show_references(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  PyTypeObject* type = Py_TYPE(object);
  // An object that the collector does not track may be half-built: nobody has promised that it can be
  // traversed.
  if (!type->tp_traverse || !PyType_IS_GC(type) || !PyObject_GC_IsTracked(object)) return;
  Collector collector{reinterpret_cast<PyObject*>(type), unused_dict(object), &parts};
  type->tp_traverse(object, collect, &collector);
}

void show_opaque(PyObject* object, Parts& parts) { show_references(object, parts); }

void show_closed(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  parts.opaque();
}

void show_nothing(PyObject* object, Parts& parts) { parts.size(basic_size_bytes(object)); }

void show_members(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  for (PyTypeObject* type = Py_TYPE(object); type; type = type->tp_base) {
    if (is_python_class(type) || !type->tp_members) continue;
    for (const PyMemberDef* member = type->tp_members; member->name; ++member) {
      const auto offset = static_cast<std::size_t>(member->offset);
      if (std::string_view(member->name).substr(0, 2) == "__" &&
          offset == static_cast<std::size_t>(type->tp_weaklistoffset))
        continue;
      switch (member->type) {
        case T_OBJECT:
        case T_OBJECT_EX:
          parts.child(field_at<PyObject*>(object, offset));
          break;
        case T_BOOL:
        case T_CHAR:
        case T_BYTE:
        case T_UBYTE:
          parts.word(field_at<std::uint8_t>(object, offset));
          break;
        case T_SHORT:
        case T_USHORT:
          parts.word(field_at<std::uint16_t>(object, offset));
          break;
        case T_INT:
        case T_UINT:
        case T_FLOAT:
          parts.word(field_at<std::uint32_t>(object, offset));
          break;
        case T_LONG:
        case T_ULONG:
        case T_LONGLONG:
        case T_ULONGLONG:
        case T_PYSSIZET:
        case T_DOUBLE:
          parts.word(field_at<std::uint64_t>(object, offset));
          break;
        default:
          break;
      }
    }
  }
}

void show_raw(PyObject* object, Parts& parts) {
  const auto size = static_cast<std::size_t>(Py_TYPE(object)->tp_basicsize);
  parts.bytes(reinterpret_cast<const char*>(object) + kHeaderSize, size - kHeaderSize);
  parts.size(size);
}

void show_attribute(PyObject* object, std::string_view name, Parts& parts) {
  const Owned value = c_attribute(object, name);
  if (!value) return parts.opaque();
  Atom atom;
  if (read_atom(value.get(), atom)) {
    parts.token(atom.token);
  } else if (Py_REFCNT(value.get()) > 1) {
    parts.child(value.get());
  } else {
    parts.opaque();  // made for the question: it does not live long enough to be entered
  }
}

bool show_elements(PyObject* object, Parts& parts) {
  if (!object || !ndarray_type() || Py_TYPE(object) != ndarray_type()) return false;
  const ArrayLayout& array = *as_array(object);
  if (read_dtype(array.dtype).has_references) return false;
  parts.token(dtype_token(array.dtype));
  for (int i = 0; i < array.dimensions_count; ++i)
    parts.word(static_cast<std::uint64_t>(array.dimensions[i]));
  parts.token(array_data_token(array));
  parts.size(element_count(array) * read_dtype(array.dtype).element_size_bytes);
  return true;
}

bool show_made(PyObject* value, Parts& parts) {
  if (!value) return false;
  if (!PyDict_CheckExact(value)) {
    Atom atom;
    if (!read_atom(value, atom)) return show_elements(value, parts);
    parts.token(atom.token);
    return true;
  }
  PyObject *name, *item;
  for (Py_ssize_t position = 0; PyDict_Next(value, &position, &name, &item);) {
    parts.atom(name);
    if (!show_made(item, parts)) return false;
  }
  return true;
}

}  // namespace elastic::pyobj::walk
