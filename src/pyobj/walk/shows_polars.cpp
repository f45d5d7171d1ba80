// Polars' frames and series: columns whose memory the Arrow C stream interface exports without a copy.
#include "pyobj/walk/arrow_abi.hpp"
#include "pyobj/walk/c_attributes.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

struct Schema : ArrowSchema {
  Schema() : ArrowSchema{} {}
  ~Schema() {
    if (release) release(this);
  }
};
struct Chunk : ArrowArray {
  Chunk() : ArrowArray{} {}
  ~Chunk() {
    if (release) release(this);
  }
};

Owned call(PyObject* object, std::string_view method) {
  const Owned none = Owned::steal(PyTuple_New(0));
  return none ? c_call(object, method, none.get()) : Owned();
}

bool show_chunks(PyObject* series, Parts& parts) {
  const Owned no_request = Owned::steal(PyTuple_Pack(1, Py_None));
  const Owned capsule =
      no_request ? c_call(series, "__arrow_c_stream__", no_request.get()) : Owned();  // releases the stream
  constexpr const char* kStream = "arrow_array_stream";
  if (!capsule || !PyCapsule_IsValid(capsule.get(), kStream)) return false;
  auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule.get(), kStream));
  Schema schema;
  if (stream->get_schema(stream, &schema) != 0 || !schema.release) return false;
  while (true) {
    Chunk chunk;
    if (stream->get_next(stream, &chunk) != 0) return false;
    if (!chunk.release) return true;
    show_exported(chunk, schema, parts);
  }
}

// A column of Python objects must not be exported: polars ends the process.
bool holds_objects(PyObject* type_name) {
  const char* text = PyUnicode_Check(type_name) ? PyUnicode_AsUTF8(type_name) : nullptr;
  if (!text) PyErr_Clear();
  return !text || std::string_view(text).find("object") != std::string_view::npos;
}

bool show_columns(PyObject* frame, Parts& parts) {
  const Owned height = call(frame, "height"), names = call(frame, "dtype_strings");
  const Owned columns = call(frame, "get_columns");
  if (!height || !names || !PyList_CheckExact(names.get()) || !columns || !PyList_CheckExact(columns.get()))
    return false;
  const Py_ssize_t count = PyList_GET_SIZE(columns.get());
  if (PyList_GET_SIZE(names.get()) != count) return false;
  parts.atom(height.get());
  parts.word(static_cast<std::uint64_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* name = PyList_GET_ITEM(names.get(), i);
    if (holds_objects(name)) return false;
    parts.atom(name);
    if (!show_chunks(PyList_GET_ITEM(columns.get(), i), parts)) return false;
  }
  return true;
}

}  // namespace

void show_polars_frame(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  if (!show_columns(object, parts)) parts.opaque();
}

// By way of a frame, which tells its columns' types as text.
void show_polars_series(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  PyObject* frames = loaded_attribute("polars._plr", "PyDataFrame");
  const Owned columns = Owned::steal(PyList_New(1));
  if (!frames || !PyType_Check(frames) || !columns) return parts.opaque();
  PyList_SET_ITEM(columns.get(), 0, Py_NewRef(object));
  const Owned frame = Owned::steal(PyObject_CallOneArg(frames, columns.get()));
  if (!frame) PyErr_Clear();
  if (!frame || !show_columns(frame.get(), parts)) parts.opaque();
}

}  // namespace elastic::pyobj::walk
