// What matplotlib draws on: pixels that a pickle of a figure leaves out.
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {

// The C++ object has the pixels of the last drawing, which its buffer shows, and paths and colours that each
// drawing sets anew. A figure that was loaded is drawn again, so they are no part of the content.
void show_renderer(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) {
    PyErr_Clear();
    return parts.opaque();
  }
  for (int axis = 0; axis < view.ndim; ++axis) parts.word_aside(static_cast<std::uint64_t>(view.shape[axis]));
  parts.word_aside(memory_mark(view.buf, static_cast<std::size_t>(view.len), Tag::kRaw));
  parts.size(static_cast<std::size_t>(view.len));
  PyBuffer_Release(&view);
}

}  // namespace elastic::pyobj::walk
