// Objects over raw memory: their bytes, and the extent that links them with whatever else reads the same
// memory.
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

struct ArrayArrayLayout {
  PyObject_VAR_HEAD char* items;
  Py_ssize_t allocated;
  const struct ItemLayout* item;
};
struct ItemLayout {
  char code;
  int size_bytes;
};
struct MmapLayout {
  PyObject_HEAD char* data;
  Py_ssize_t size;
  Py_ssize_t position;
};
struct BytesIoLayout {
  PyObject_HEAD PyObject* buffer;
  Py_ssize_t position, size;
  PyObject *dict, *weaklist;
  Py_ssize_t exports;
};

void show_extent(PyObject* owner, const char* data, std::size_t size, Parts& parts) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  parts.extent({begin, begin + size, owner});
}

// Elements of a view in C order, whatever its strides.
void show_strided(const Py_buffer& view, int axis, const char* at, Parts& parts) {
  if (axis == view.ndim) return parts.bytes(at, static_cast<std::size_t>(view.itemsize));
  for (Py_ssize_t i = 0; i < view.shape[axis]; ++i)
    show_strided(view, axis + 1, at + i * view.strides[axis], parts);
}

}  // namespace

void show_bytearray(PyObject* object, Parts& parts) {
  const auto size = static_cast<std::size_t>(PyByteArray_GET_SIZE(object));
  const char* data = PyByteArray_AS_STRING(object);
  parts.size(basic_size_bytes(object) +
             static_cast<std::size_t>(reinterpret_cast<PyByteArrayObject*>(object)->ob_alloc));
  parts.word(size);
  parts.bytes(data, size);
  show_extent(object, data, size, parts);
}

void show_memoryview(PyObject* object, Parts& parts) {
  auto* memory = reinterpret_cast<PyMemoryViewObject*>(object);
  const Py_buffer& view = memory->view;
  parts.size(basic_size_bytes(object));
  parts.word(static_cast<std::uint64_t>(memory->flags & 3));  // released, C-contiguous
  if (memory->flags & _Py_MEMORYVIEW_RELEASED || memory->mbuf->flags & _Py_MANAGED_BUFFER_RELEASED) return;
  parts.child(view.obj);
  if (view.format) parts.text(view.format);
  for (int i = 0; i < view.ndim; ++i) {
    if (view.shape) parts.word(static_cast<std::uint64_t>(view.shape[i]));
  }
  parts.address(reinterpret_cast<std::uint64_t>(view.buf));
  if (view.suboffsets) return parts.opaque();
  if (memory->flags & (_Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN | _Py_MEMORYVIEW_SCALAR)) {
    parts.bytes(view.buf, static_cast<std::size_t>(view.len));
  } else {
    show_strided(view, 0, static_cast<const char*>(view.buf), parts);
  }
  show_extent(view.obj, static_cast<const char*>(view.buf), static_cast<std::size_t>(view.len), parts);
}

void show_array_array(PyObject* object, Parts& parts) {
  auto* array = reinterpret_cast<ArrayArrayLayout*>(object);
  const auto item = static_cast<std::size_t>(array->item->size_bytes);
  const std::size_t size = static_cast<std::size_t>(Py_SIZE(object)) * item;
  parts.size(static_cast<std::size_t>(Py_TYPE(object)->tp_basicsize) +
             static_cast<std::size_t>(array->allocated) * item);
  parts.word(static_cast<std::uint64_t>(array->item->code));
  parts.bytes(array->items, size);
  show_extent(object, array->items, size, parts);
}

void show_mmap(PyObject* object, Parts& parts) {
  auto* map = reinterpret_cast<MmapLayout*>(object);
  parts.size(basic_size_bytes(object));
  parts.word(static_cast<std::uint64_t>(map->position));
  if (!map->data) return;  // closed
  parts.bytes(map->data, static_cast<std::size_t>(map->size));
  show_extent(object, map->data, static_cast<std::size_t>(map->size), parts);
}

void show_bytes_io(PyObject* object, Parts& parts) {
  auto* io = reinterpret_cast<BytesIoLayout*>(object);
  parts.size(basic_size_bytes(object));
  parts.word(static_cast<std::uint64_t>(io->position));
  parts.address(static_cast<std::uint64_t>(io->exports));
  if (!io->buffer) return;  // closed
  parts.bytes(PyBytes_AS_STRING(io->buffer), static_cast<std::size_t>(io->size));
  parts.size(static_cast<std::size_t>(PyBytes_GET_SIZE(io->buffer)));
  if (io->exports > 0)
    show_extent(io->buffer, PyBytes_AS_STRING(io->buffer), static_cast<std::size_t>(io->size), parts);
}

}  // namespace elastic::pyobj::walk
