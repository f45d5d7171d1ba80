#include "pyobj/serializer_memory.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace elastic::pyobj {
namespace {

struct Exporter {
  PyObject_HEAD LoadBuffer buffer;
};

struct Reader {
  PyObject_HEAD std::span<const std::byte> left;
};

template <class Object>
Object* as(PyObject* self) {
  return reinterpret_cast<Object*>(self);
}

template <class Object>
void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if constexpr (std::is_same_v<Object, Exporter>) as<Exporter>(self)->buffer.~LoadBuffer();
  type->tp_free(self);
  Py_DECREF(type);
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  std::span<std::byte> bytes = as<Exporter>(self)->buffer.bytes;
  return PyBuffer_FillInfo(view, self, bytes.data(), static_cast<Py_ssize_t>(bytes.size()), 0, flags);
}

std::span<const std::byte> take(PyObject* self, std::size_t size) {
  std::span<const std::byte>& left = as<Reader>(self)->left;
  std::span<const std::byte> taken = left.first(std::min(size, left.size()));
  left = left.subspan(taken.size());
  return taken;
}

PyObject* bytes_of(std::span<const std::byte> bytes) {
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()),
                                   static_cast<Py_ssize_t>(bytes.size()));
}

PyObject* read(PyObject* self, PyObject* size) {
  const Py_ssize_t wanted = PyLong_AsSsize_t(size);
  if (wanted == -1 && PyErr_Occurred()) return nullptr;
  if (PyErr_CheckSignals() < 0) return nullptr;  // asked for every 64 KiB: a long load can be interrupted
  return bytes_of(take(self, wanted < 0 ? as<Reader>(self)->left.size() : static_cast<std::size_t>(wanted)));
}

PyObject* readline(PyObject* self, PyObject*) {
  std::span<const std::byte> left = as<Reader>(self)->left;
  auto newline = std::find(left.begin(), left.end(), std::byte{'\n'});
  return bytes_of(
      take(self, static_cast<std::size_t>(newline - left.begin()) + (newline != left.end() ? 1 : 0)));
}

PyObject* readinto(PyObject* self, PyObject* target) {
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) return nullptr;
  std::span<const std::byte> bytes = take(self, static_cast<std::size_t>(view.len));
  if (!bytes.empty()) std::memcpy(view.buf, bytes.data(), bytes.size());
  PyBuffer_Release(&view);
  return PyLong_FromSize_t(bytes.size());
}

PyMethodDef reader_methods[] = {{"read", read, METH_O, "The next bytes."},
                                {"readline", readline, METH_NOARGS, "The bytes up to a line's end."},
                                {"readinto", readinto, METH_O, "Fills a buffer with the next bytes."},
                                {nullptr, nullptr, 0, nullptr}};

PyType_Slot exporter_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(dealloc<Exporter>)},
                                {0, nullptr}};
PyType_Slot reader_slots[] = {
    {Py_tp_methods, reader_methods}, {Py_tp_dealloc, reinterpret_cast<void*>(dealloc<Reader>)}, {0, nullptr}};
PyType_Spec exporter_spec = {"elasticpython._core.serializer.Memory", sizeof(Exporter), 0, Py_TPFLAGS_DEFAULT,
                             exporter_slots};
PyType_Spec reader_spec = {"elasticpython._core.serializer.Reader", sizeof(Reader), 0, Py_TPFLAGS_DEFAULT,
                           reader_slots};

template <class Object>
Object* make(PyType_Spec& spec) {
  Owned type = Owned::steal(PyType_FromSpec(&spec));
  return type ? PyObject_New(Object, reinterpret_cast<PyTypeObject*>(type.get())) : nullptr;
}

}  // namespace

Owned exporter_of(const GilHeld&, LoadBuffer buffer) {
  Exporter* self = make<Exporter>(exporter_spec);
  if (self != nullptr) new (&self->buffer) LoadBuffer(std::move(buffer));
  return Owned::steal(reinterpret_cast<PyObject*>(self));
}

Owned reader_of(const GilHeld&, std::span<const std::byte> bytes) {
  Reader* self = make<Reader>(reader_spec);
  if (self != nullptr) new (&self->left) std::span<const std::byte>(bytes);
  return Owned::steal(reinterpret_cast<PyObject*>(self));
}

}  // namespace elastic::pyobj
