// Tokens of what is referred to by its name: modules, the functions and types of libraries, C descriptors.
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

Token text_token(PyObject* text) {
  return text && PyUnicode_Check(text) ? str_token(text) : word_token(0, Tag::kUnset);
}

Token module_token(PyObject* object) {
  auto* module = reinterpret_cast<ModuleLayout*>(object);
  Token token = text_token(module->name ? module->name : find_text_key(module->dict, "__name__"));
  absorb(token, word_token(0, Tag::kModule));
  return token;
}

bool is_descriptor(PyTypeObject* type) {
  return type == &PyMemberDescr_Type || type == &PyGetSetDescr_Type || type == &PyMethodDescr_Type ||
         type == &PyWrapperDescr_Type || type == &PyClassMethodDescr_Type;
}

}  // namespace

Token named_token(PyObject* object, const TypeInfo& info) {
  if (PyModule_Check(object)) return module_token(object);
  Token token = info.name;
  if (is_descriptor(info.type)) {
    auto* descriptor = reinterpret_cast<PyDescrObject*>(object);
    absorb(token, text_token(descriptor->d_name));
    if (descriptor->d_type) absorb(token, type_name_token(descriptor->d_type));
  } else if (info.show) {
    Parts parts(Parts::Purpose::kDigest, nullptr);  // a name has no references
    info.show(object, parts);
    absorb(token, parts.chain());
  }
  absorb(token, word_token(0, Tag::kNamed));
  return token;
}

Token function_name_token(PyObject* object) {
  auto* function = reinterpret_cast<PyFunctionObject*>(object);
  Token token = text_token(find_text_key(function->func_globals, "__name__"));
  absorb(token, text_token(function->func_qualname));
  absorb(token, word_token(1, Tag::kNamed));
  return token;
}

Token atom_value_token(PyObject* object) {
  if (PyLong_Check(object)) return long_token(object);
  if (PyUnicode_Check(object)) return str_token(object);
  if (PyFloat_Check(object)) return float_token(object);
  if (PyComplex_Check(object))
    return bytes_token(&reinterpret_cast<PyComplexObject*>(object)->cval, 16, Tag::kComplex);
  return bytes_object_token(object);
}

// np.median and most of what numpy defines in Python: told by name, as functions of a library are. One that
// the session made with numpy's decorator has its own code.
void show_array_function(PyObject* object, Parts& parts) {
  const Py_ssize_t offset = Py_TYPE(object)->tp_dictoffset;
  PyObject* dict = offset > 0 ? field_at<PyObject*>(object, static_cast<std::size_t>(offset)) : nullptr;
  if (dict && !PyDict_CheckExact(dict)) dict = nullptr;
  const std::string_view module = ascii_text(find_text_key(dict, "__module__"));
  const std::string_view name = ascii_text(find_text_key(dict, "__qualname__"));
  parts.size(basic_size_bytes(object));
  if (module.starts_with("numpy") && loaded_attribute(module, name) == object) {
    parts.text(module);
    parts.text(name);
  } else {
    parts.opaque();
    parts.child(dict);
  }
}

}  // namespace elastic::pyobj::walk
