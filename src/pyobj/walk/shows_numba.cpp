// numba's compiled functions: what was compiled, and how often. What the compiler keeps in them leads to all
// of its tables, which every such function shares and no program means to change.
#include "pyobj/walk/layout.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {

void show_compiled(PyObject* dispatcher, Parts& parts) {
  PyObject** const dict = _PyObject_GetDictPtr(dispatcher);
  PyObject* const attributes = dict ? *dict : nullptr;
  for (const char* name : {"py_func", "targetoptions", "locals", "__doc__"})
    parts.child(find_text_key(attributes, name));
  PyObject* const overloads = find_text_key(attributes, "overloads");
  parts.word_aside(overloads && PyDict_Check(overloads)
                       ? static_cast<std::uint64_t>(reinterpret_cast<PyDictObject*>(overloads)->ma_used)
                       : 0);
}

}  // namespace elastic::pyobj::walk
